"""The `label` command's work: rows of programs in, labelled rows out, in the order given. One bad row stops nothing else."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from codelewm_assets.completions.label import CPU_MULTIPLE, REFERENCE_LIMITS, cpu_limit_s, outcome_of, same_output
from codelewm_assets.completions.oracles import OracleName, judge, oracle_of
from codelewm_assets.core.digests import canonical_json, sha256_text
from codelewm_assets.core.errors import LiteralError, ReportError, SandboxError
from codelewm_assets.core.files import write_atomically
from codelewm_assets.core.literals import read_arguments, read_value
from codelewm_assets.core.records import Outcome
from codelewm_assets.sandbox.isolation import BUBBLEWRAP_LAYERS
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import InputRun, Program, ProgramRun
from codelewm_assets.sandbox.pool import SandboxPool

IsolationMode = Literal["auto", "strict", "basic"]
CPU_FLOOR_S = 1.0


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
    """Rows written, rows that passed, and what was malformed, by line."""

    written: int
    passed: int
    malformed: tuple[str, ...]


def read_label_rows(path: Path) -> tuple[list[LabelRow], list[str]]:
    """Rows to label, and `line N: fault` of each row that cannot be read. Raises: ReportError: the file is unreadable."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(
            f"{path.name} cannot be read ({error}). Name a JSON-lines file; `label --help` shows a row."
        ) from error
    rows, faults = list[LabelRow](), list[str]()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rows.append(LabelRow.model_validate(json.loads(line)))
        except json.JSONDecodeError as error:
            faults.append(f"line {number}: not JSON ({error.msg})")
        except (ValidationError, RecursionError) as error:
            first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "nested too deep"}
            faults.append(f"line {number}: {'.'.join(map(str, first['loc'])) or 'row'}: {first['msg']}")
        except ValueError as error:
            faults.append(f"line {number}: not JSON ({error})")
    return rows, faults


def label_file(path: Path, output: Path, *, isolation: IsolationMode = "auto", workers: int = 2) -> LabelSummary:
    """Label every row of a file. The output appears whole or not at all.

    Raises: ReportError: unreadable input. SandboxError: `strict` and layers are missing. StoreError: unwritable output.
    """
    rows, faults = read_label_rows(path)
    use_bubblewrap = False if isolation == "basic" else None
    with (
        SandboxPool(workers, hash_seed=0, use_bubblewrap=use_bubblewrap) as first,
        SandboxPool(workers, hash_seed=1, use_bubblewrap=use_bubblewrap) as second,
    ):
        found = first.isolation
        missing = sorted({*found.missing, *(set(BUBBLEWRAP_LAYERS) - set(found.layers))})
        if isolation == "strict" and missing:
            raise SandboxError(
                f"--isolation strict wants layers that are missing here: {', '.join(missing)}. Install bubblewrap and allow "
                "user namespaces, or use --isolation auto."
            )
        header = {
            "header": {
                "isolation": isolation,
                "layers": list(found.layers),
                "is_isolated": found.is_isolated,
                "limits": asdict(Limits()) | {"cpu_floor_s": CPU_FLOOR_S, "cpu_multiple_of_reference": CPU_MULTIPLE},
                "versions": {"python": platform.python_version(), "codelewm_assets": _version()},
                "malformed": faults,
            }
        }
        labelled = label_rows(rows, (first, second))
    lines = [header, *labelled]
    write_atomically(output, b"".join(canonical_json(line) + b"\n" for line in lines))
    return LabelSummary(len(labelled), sum(row["passed"] for row in labelled), tuple(faults))


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("codelewm_assets")
    except PackageNotFoundError:
        return "unknown"


def label_rows(rows: Sequence[LabelRow], pools: tuple[SandboxPool, SandboxPool]) -> list[dict[str, Any]]:
    """Output rows in the order given; each distinct reference is run once per pool."""
    wanted = {_key(row): row for row in rows if row.reference is not None}
    programs = [(Program(r.reference or "", r.entry_point, r.inputs), REFERENCE_LIMITS) for r in wanted.values()]
    references = dict(zip(wanted, zip(pools[0].map(programs), pools[1].map(programs), strict=True), strict=True))
    jobs = [(Program(r.code, r.entry_point, r.inputs), _limits(r, references)) for r in rows]
    runs = zip(pools[0].map(jobs), pools[1].map(jobs), strict=True)
    return [_output_row(row, references.get(_key(row)), *pair) for row, pair in zip(rows, runs, strict=True)]


def _key(row: LabelRow) -> tuple[str | None, str, tuple[str, ...]]:
    return row.reference, row.entry_point, row.inputs


def _limits(row: LabelRow, references: dict[Any, tuple[ProgramRun, ProgramRun]]) -> Limits:
    pair = references.get(_key(row))
    cpu_s = cpu_limit_s(pair[0].cpu_ms, CPU_FLOOR_S) if pair else Limits().cpu_s
    return Limits(cpu_s=cpu_s, wall_s=10 * cpu_s + 10)


def _output_row(
    row: LabelRow, reference: tuple[ProgramRun, ProgramRun] | None, first: ProgramRun, second: ProgramRun
) -> dict[str, Any]:
    oracle = oracle_of(row.benchmark_id, row.entry_point)
    is_deterministic = all(same_output(a, b) for a, b in zip(first.inputs, second.inputs, strict=True))
    inputs, outcomes = [], list[Outcome]()
    for index, run in enumerate(first.inputs):
        expected = row.expected[index] if row.expected else _reference_output(reference, index)
        outcome: Outcome = "nondeterministic"
        if expected is None:
            outcome = "reference_error"
        elif is_deterministic:
            outcome = outcome_of(run, partial(_is_right, oracle, row, index, read_value(expected)))
        outcomes.append(outcome)
        inputs.append(_input_row(run, outcome))
    overall = next((o for o in outcomes if o != "pass"), "pass")
    return {
        "completion_id": row.completion_id,
        "passed": overall == "pass",
        "outcome": overall,
        "inputs": inputs,
        "cpu_ms": round(first.cpu_ms, 3),
    }


def _reference_output(pair: tuple[ProgramRun, ProgramRun] | None, index: int) -> str | None:
    if pair is None:
        return None
    one, two = pair[0].inputs[index], pair[1].inputs[index]
    return one.output if one.outcome == "finished" and same_output(one, two) else None


def _is_right(oracle: OracleName, row: LabelRow, index: int, expected: Any, found: Any) -> bool:
    return judge(oracle, read_arguments(row.inputs[index]), found, expected, row.atol)


def _input_row(run: InputRun, outcome: Outcome) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "output_type": run.output_type,
        "output_repr_sha256": None if run.output is None else sha256_text(run.output),
        "exception_class": run.exception_class,
    }
