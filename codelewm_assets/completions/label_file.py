"""The `label` command's work: rows of programs in, labelled rows out, in the order given. One bad row stops nothing else."""

import fcntl
import glob
import json
import logging
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from codelewm_assets.completions.label import (
    CPU_MULTIPLE,
    REFERENCE_LIMITS,
    Judge,
    as_agreed,
    as_compared,
    limits_for,
    outcome_of,
    output_limit,
    same_output,
)
from codelewm_assets.completions.oracles import OracleName, oracle_of
from codelewm_assets.core.digests import canonical_json, sha256_bytes, sha256_file, sha256_text
from codelewm_assets.core.errors import LiteralError, ReportError, SandboxError, StoreError
from codelewm_assets.core.files import fsync_folder
from codelewm_assets.core.literals import read_arguments, read_value
from codelewm_assets.core.records import Outcome
from codelewm_assets.sandbox.isolation import remedy
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import InputRun, Program
from codelewm_assets.sandbox.pool import SandboxPool

LOG = logging.getLogger(__name__)
IsolationMode = Literal["auto", "strict", "basic"]
CPU_FLOOR_S = 0.2
EXPECTED_LIMITS = Limits(input_cpu_s=4.0, cpu_s=60.0)
"""Of rows without a reference whose time could be taken: a call may take what EvalPlus 0.3.1 lets it take at least, since the
reference of Mbpp/599 needs 1.6 s for each."""
ROW_REFERENCE_LIMITS = replace(
    REFERENCE_LIMITS, output_bytes=512 << 20
)  # a row is judged on all the inputs that it names


class LabelRow(BaseModel):
    """One program to label, with a reference program or the expected outputs."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    completion_id: str
    problem_id: str
    benchmark_id: str
    code: str
    entry_point: str
    inputs: tuple[str, ...]
    atol: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    reference: str | None = None
    expected: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _can_be_judged(self) -> "LabelRow":
        if (self.reference is None) == (self.expected is None):
            raise ValueError("wanted either `reference` or `expected`")
        if not self.inputs:
            raise ValueError("inputs is empty; wanted at least one")
        if self.expected is not None and len(self.expected) != len(self.inputs):
            raise ValueError(f"{len(self.expected)} expected outputs for {len(self.inputs)} inputs")
        for text in self.inputs:
            _literal(read_arguments, text)
        for text in self.expected or ():
            _literal(read_value, text)
        return self


def _literal(read: Any, text: str) -> None:
    try:
        read(text)
    except LiteralError as error:
        raise ValueError(str(error)) from error


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """Rows written, rows that passed, what was malformed, by line, and rows taken from a run that was cut off."""

    written: int
    passed: int
    malformed: tuple[str, ...]
    taken_up: int = 0


def read_label_rows(path: Path) -> Iterator[LabelRow | str]:
    """Each row to label, or `line N: fault` where a row cannot be read; blank lines are passed over.

    Raises: ReportError: the file is unreadable.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as handle:
            for number, line in enumerate(handle, 1):
                if line.strip():
                    yield _row(number, line)
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(
            f"{path.name} cannot be read ({error}). Name a JSON-lines file; docs/completions.md shows a row."
        ) from error


def _row(number: int, line: str) -> LabelRow | str:
    try:
        return LabelRow.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        return f"line {number}: not JSON ({error.msg})"
    except (ValidationError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "nested too deep"}
        return f"line {number}: {'.'.join(map(str, first['loc'])) or 'row'}: {first['msg']}"
    except ValueError as error:
        return f"line {number}: not JSON ({error})"


def label_file(
    path: Path,
    output: Path,
    *,
    isolation: IsolationMode = "auto",
    workers: int = 2,
    modules: Sequence[str] = (),
) -> LabelSummary:
    """Label every row of a file, a few rows in memory at a time. The output appears whole or not at all.

    Rows are kept beside the output as they are done; when a run is cut off, the same command goes on after the last one.

    Args: modules: packages that programs may import besides the standard library.
    Raises: ReportError: unreadable input, or the output is the input. SandboxError: `strict` and layers are missing, or a
        module is not installed.
        StoreError: the output cannot be written, or another run is writing it.
    """
    if output.exists() and path.exists() and output.samefile(path):
        raise ReportError(f"{output.name} is the input as well; name another file for the labels.")
    faults = tuple(row for row in read_label_rows(path) if isinstance(row, str))
    use_bubblewrap = False if isolation == "basic" else None
    with SandboxPool(workers, hash_seed=0, use_bubblewrap=use_bubblewrap, modules=modules) as pool:
        missing = pool.isolation.missing_for_strict
        if isolation == "strict" and missing:
            raise SandboxError(
                f"--isolation strict wants layers that are missing here: {', '.join(missing)}. To get them: "
                f"{remedy(missing)}. Or use --isolation auto."
            )
        LOG.info(
            "labelling",
            extra={"fields": {"input": path.name, "layers": list(pool.isolation.layers), "workers": workers}},
        )
        header = canonical_json({"header": _header(pool, isolation, modules, faults)})
        with PartialOutput(output, sha256_file(path), header) as partial:
            rows = (row for row in read_label_rows(path) if isinstance(row, LabelRow))
            judge_row = RowLabeller(pool)
            for row in pool.each(judge_row, islice(rows, partial.done, None)):
                partial.write(canonical_json(row))
            summary = LabelSummary(*partial.finish(), faults, partial.done)
        LOG.info(
            "labelled", extra={"fields": {"input": path.name, "written": summary.written, "passed": summary.passed}}
        )
        return summary


def _header(
    pool: SandboxPool, isolation: IsolationMode, modules: Sequence[str], faults: Sequence[str]
) -> dict[str, Any]:
    return {
        "isolation": isolation,
        "layers": list(pool.isolation.layers),
        "is_isolated": pool.isolation.is_isolated,
        "limits": asdict(EXPECTED_LIMITS) | {"cpu_floor_s": CPU_FLOOR_S, "cpu_multiple_of_reference": CPU_MULTIPLE},
        "modules": list(modules),
        "versions": {"python": platform.python_version(), "codelewm_assets": _version()},
        "malformed": list(faults),
    }


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("codelewm_assets")
    except PackageNotFoundError:
        return "unknown"


class PartialOutput:
    """Rows of an output that is not whole yet, in a hidden file beside it, named by the input and the header.

    Raises: StoreError: it cannot be written, or another run holds it.
    """

    def __init__(self, output: Path, input_sha256: str, header: bytes) -> None:
        self._output, self._header = output, header
        self._path = output.parent / f".{output.name}.{sha256_bytes(header + input_sha256.encode())[:16]}.partial"
        self.done = 0

    def __enter__(self) -> "PartialOutput":
        try:
            self._output.parent.mkdir(parents=True, exist_ok=True)
            for other in self._output.parent.glob(f".{glob.escape(self._output.name)}.*.partial"):
                if other != self._path:
                    other.unlink()
            self._handle = self._path.open("a+b")
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._take_up()
        except BlockingIOError as error:
            raise StoreError(
                f"Another run is writing {self._output.name}. Wait for it, or name another output."
            ) from error
        except OSError as error:
            raise _unwritable(self._output, error) from error
        return self

    def _take_up(self) -> None:
        """Keep the whole lines of an earlier run, drop a last one that was cut."""
        self._handle.seek(0)
        kept = 0
        for count, line in enumerate(self._handle):
            if not line.endswith(b"\n") or (count == 0 and line != self._header + b"\n"):
                break
            kept, self.done = kept + len(line), count
        self._handle.truncate(kept)
        if not kept:
            self.write(self._header)

    def write(self, line: bytes) -> None:
        """Append a line. Raises: StoreError: the disk is full."""
        try:
            self._handle.write(line + b"\n")
            self._handle.flush()
        except OSError as error:
            raise _unwritable(self._output, error) from error

    def finish(self) -> tuple[int, int]:
        """Make it the output. Returns: rows, and rows that passed."""
        try:
            os.fsync(self._handle.fileno())
            self._handle.seek(0)
            next(self._handle)
            rows = passed = 0
            for line in self._handle:
                rows, passed = rows + 1, passed + bool(json.loads(line)["passed"])
            self._path.chmod(0o644)
            os.replace(self._path, self._output)
            fsync_folder(self._output.parent)
        except OSError as error:
            raise _unwritable(self._output, error) from error
        return rows, passed

    def __exit__(self, *_: object) -> None:
        self._handle.close()


def _unwritable(output: Path, error: OSError) -> StoreError:
    return StoreError(
        f"Could not write {output.name}: {error.strerror or error}. Rows done so far are kept beside it if they could be; "
        f"free space or make {output.parent} writable, then run again."
    )


class RowLabeller:
    """Labels one row at a time; references and expected values are worked out once for rows that share them."""

    def __init__(self, pool: SandboxPool) -> None:
        self._pool = pool
        self._reference = lru_cache(maxsize=256)(self._run_reference)
        self._judges = lru_cache(maxsize=256)(_judges)

    def __call__(self, row: LabelRow) -> dict[str, Any]:
        """The output row."""
        expected: tuple[str | None, ...] = row.expected or ()
        limits = replace(EXPECTED_LIMITS, output_bytes=output_limit(expected))
        if row.reference is not None:
            outputs, limits = self._reference(
                row.reference, row.entry_point, row.inputs, oracle_of(row.benchmark_id, row.entry_point)
            )
            expected = outputs
        oracle = oracle_of(row.benchmark_id, row.entry_point)
        judges = self._judges(oracle, row.inputs, expected, row.atol)
        first, second = self._pool.run_twice(Program(row.code, row.entry_point, row.inputs), limits)
        calls, is_deterministic = as_agreed(oracle, first, second)
        outcomes: list[Outcome] = [
            "reference_error"
            if is_right is None
            else outcome_of(run, is_right)
            if is_deterministic
            else "nondeterministic"
            for run, is_right in zip(calls, judges, strict=True)
        ]
        overall = next((outcome for outcome in outcomes if outcome != "pass"), "pass")
        return {
            "completion_id": row.completion_id,
            "passed": overall == "pass",
            "outcome": overall,
            "inputs": [_input_row(run, outcome) for run, outcome in zip(calls, outcomes, strict=True)],
            "cpu_ms": round(first.cpu_ms, 3),
        }

    def _run_reference(
        self, code: str, entry_point: str, inputs: tuple[str, ...], oracle: OracleName
    ) -> tuple[tuple[str | None, ...], Limits]:
        one, two = self._pool.run_twice(Program(code, entry_point, inputs), ROW_REFERENCE_LIMITS)
        outputs = [
            a.output if a.outcome == "finished" and same_output(a, b, oracle) else None
            for a, b in zip(as_compared(oracle, one), as_compared(oracle, two), strict=True)
        ]
        return tuple(outputs), limits_for(one, CPU_FLOOR_S)


def _judges(
    oracle: OracleName, inputs: tuple[str, ...], expected: tuple[str | None, ...], atol: float
) -> tuple[Judge | None, ...]:
    """What judges each input; None where the reference could not."""
    pairs = zip(inputs, expected, strict=True)
    return tuple(None if output is None else Judge(oracle, source, output, atol) for source, output in pairs)


def _input_row(run: InputRun, outcome: Outcome) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "output_type": run.output_type,
        "output_repr_sha256": None if run.output is None else sha256_text(run.output),
        "exception_class": run.exception_class,
    }
