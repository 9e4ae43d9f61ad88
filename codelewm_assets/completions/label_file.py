"""Implementation of `label`: rows of programs in, labelled rows out, in the same order. A bad row is reported and skipped."""

import contextlib
import logging
import os
import platform
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, lru_cache
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, Literal

from codelewm_assets.benchmarks.evalplus import Suite, find_file
from codelewm_assets.benchmarks.pins import EVALPLUS_FILES
from codelewm_assets.benchmarks.problem import load_benchmark
from codelewm_assets.benchmarks.published_tests import Runner
from codelewm_assets.completions.label import (
    CPU_MULTIPLE,
    REFERENCE_LIMITS,
    OutputComparator,
    agreed_calls,
    canonical_call,
    canonical_calls,
    cpu_limit_s,
    kept_bytes,
    limits_for,
    longest_ms,
    outcome_of,
    same_output,
)
from codelewm_assets.completions.label_output import open_output
from codelewm_assets.completions.label_rows import LabelRow, SampleRow, read_rows
from codelewm_assets.completions.oracles import OracleName, exclusion_reason, has_exceptions, oracle_of
from codelewm_assets.completions.reference_outputs import ReferenceCache, ReferenceOutputs
from codelewm_assets.core.digests import sha256_file, sha256_text
from codelewm_assets.core.errors import ReportError, SandboxError
from codelewm_assets.core.ids import BENCHMARKS, BenchmarkId, SourceName
from codelewm_assets.core.literals import read_arguments, write_value
from codelewm_assets.core.package import package_sha256
from codelewm_assets.core.records import Problem
from codelewm_assets.sandbox.isolation import remedy
from codelewm_assets.sandbox.limits import MAX_CPU_S, MEBIBYTE, Limits
from codelewm_assets.sandbox.outcome import InputRun, KnownOutput, Program
from codelewm_assets.sandbox.pool import SandboxPool, encode_inputs

LOG = logging.getLogger(__name__)
IsolationMode = Literal["auto", "strict", "basic"]
BASIC_DISABLED = ("bubblewrap", "namespaces")
CPU_FLOOR_S = 1.0
"""`DEFAULT_MIN_TIME_LIMIT` of EvalPlus 0.3.1. Its factor of the reference's time is 4, here 10."""
FAILED_CPU_FLOOR_S, FAILED_CPU_S = 0.2, 1.0
"""Of one call and of all calls after the first failure: the verdict is already known."""
EXPECTED_LIMITS = Limits(
    input_cpu_s=4.0, cpu_s=MAX_CPU_S, max_timeouts=1, failed_input_cpu_s=FAILED_CPU_FLOOR_S, failed_cpu_s=FAILED_CPU_S
)
"""Of rows without a reference to time. The reference of Mbpp/599 needs 1.6 s for some calls."""
ROW_REFERENCE_LIMITS = replace(REFERENCE_LIMITS, output_bytes=512 * MEBIBYTE)
"""A row is labelled on all its inputs."""
PUBLISHED_REFERENCE_LIMITS = replace(ROW_REFERENCE_LIMITS, input_cpu_s=60.0, cpu_s=600.0)
"""Of a published problem's reference, run once for all its samples: Mbpp/599 takes over a minute of CPU."""
NOT_JUDGED = "not_judged"
MAX_ROWS_AHEAD = 100
"""Rows of each worker that may be labelled ahead of a slow one: 8 s of CPU are some hundred rows."""


@dataclass(slots=True)
class LabelSummary:
    """Counts of a run.

    Attributes:
        written: rows labelled, including those of an interrupted run.
        passed: rows that passed.
        malformed: `line N: fault` of the rows that could not be labelled.
        resumed: rows labelled by an interrupted run.
        missing_layers: inactive layers of isolation.
        tallies: (benchmark_id, llm) → problem_id → [completions, passed].
    """

    written: int = 0
    passed: int = 0
    malformed: list[str] = field(default_factory=list)
    resumed: int = 0
    missing_layers: tuple[str, ...] = ()
    tallies: dict[tuple[str, str | None], dict[str, list[int]]] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count an output row."""
        self.written += 1
        self.passed += row["passed"]
        model = self.tallies.setdefault((row["benchmark_id"], row["llm"]), {})
        counts = model.setdefault(row["problem_id"], [0, 0])
        counts[0] += 1
        counts[1] += row["passed"]


def label_file(
    path: Path,
    output: Path,
    *,
    isolation: IsolationMode = "auto",
    workers: int = 2,
    modules: Sequence[str] = (),
    benchmark: BenchmarkId | None = None,
    suite: Suite = "plus",
    every_input: bool = False,
    environment: Mapping[str, str] | None = None,
    cache_folder: Path = Path("downloads"),
) -> LabelSummary:
    """Label every row of a file, a pipe or a FIFO, a few rows in memory at a time.

    A regular output file appears atomically. Rows are kept beside it as they are labelled: when a run over a regular input
    is interrupted, the same command resumes after the last row.

    Args:
        modules: packages that programs may import besides the standard library.
        benchmark: of samples; None: from their `task_id`.
        suite: inputs of samples: the benchmark's own (`base`), or also EvalPlus' (`plus`) where available.
        every_input: run samples on the inputs after their first failure too; other rows always are.
        environment: variables that name the benchmarks' files (default: the process's own).
        cache_folder: folder for downloaded release files and outputs of published references.

    Raises: ReportError: unreadable input, or the output is the input. SandboxError: `strict` and layers are missing, or a
        module cannot be imported. StoreError: the output cannot be written, or another run is writing it. SourceError: there
        are samples, and their problems cannot be read.
    """
    if output.exists() and path.exists() and output.samefile(path) and stat.S_ISREG(path.stat().st_mode):
        raise ReportError(f"{output.name} is also the input; name another file for the labels.")
    summary = LabelSummary()
    with contextlib.ExitStack() as stack:
        try:
            stream = stack.enter_context(path.open("rb"))
            is_file = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
            digest = sha256_file(path) if is_file else None
        except OSError as error:
            raise ReportError(
                f"{path.name} cannot be read ({error.strerror or error}). Name a JSON-lines file; "
                "docs/completions.md shows a row."
            ) from error
        pool = stack.enter_context(
            SandboxPool(workers, disabled=BASIC_DISABLED if isolation == "basic" else (), modules=modules)
        )
        summary.missing_layers = missing = pool.isolation.missing_for_strict
        if isolation == "strict" and missing:
            raise SandboxError(
                f"--isolation strict: these layers are missing here: {', '.join(missing)}. To get them: "
                f"{remedy(missing)}. Or use --isolation auto."
            )
        LOG.info(
            "labelling",
            extra={"fields": {"input": path.name, "layers": list(pool.isolation.layers), "workers": workers}},
        )
        header = {"header": _header(pool, isolation, modules)}
        written = stack.enter_context(open_output(output, input_sha256=digest, header=header, on_row=summary.add))
        summary.resumed = written.resumed_rows

        reference_cache = ReferenceCache(cache_folder / "references")

        @cache
        def problems_of(name: BenchmarkId) -> Mapping[str, Problem]:
            variables = os.environ if environment is None else environment
            return problems_of_source(name, suite, pool, variables, cache_folder, reference_cache)

        def rows() -> Iterator[LabelRow]:
            for row in read_rows(stream, problems_of=problems_of, benchmark=benchmark):
                if isinstance(row, LabelRow):
                    yield row
                else:
                    summary.malformed.append(row)

        labeller = RowLabeller(pool, reference_cache, every_input=every_input)
        for labelled in pool.imap(labeller, islice(rows(), written.resumed_rows, None), max_ahead=MAX_ROWS_AHEAD):
            written.write(labelled)
        written.finish()
        LOG.info(
            "labelled", extra={"fields": {"input": path.name, "written": summary.written, "passed": summary.passed}}
        )
    return summary


def reference_runner(pool: SandboxPool) -> Runner:
    """Runs a reference together with its published tests, for `load_benchmark`."""
    limits = Limits(input_cpu_s=20, cpu_s=20, wall_s=90)
    return lambda code, entry_point, inputs: [
        call.output for call in pool.run(Program(code, entry_point, inputs), limits).inputs
    ]


def problems_of_source(
    benchmark_id: BenchmarkId,
    suite: Suite,
    pool: SandboxPool,
    environment: Mapping[str, str],
    cache_folder: Path,
    reference_cache: ReferenceCache | None = None,
) -> dict[str, Problem]:
    """Problems of a benchmark with all their inputs, from the pinned release file, or else the wheel if there is one.

    Args:
        reference_cache: cache of the parsed release file; parsing takes seconds.
    """
    pin = EVALPLUS_FILES[benchmark_id]
    is_named = pin.environment in environment

    def read() -> Sequence[Problem]:
        source: SourceName = "wheel" if "wheel" in BENCHMARKS[benchmark_id].sources and not is_named else "evalplus"
        return load_benchmark(
            benchmark_id, source=source, max_inputs=None, suite=suite, run=reference_runner(pool), environment=environment,
            cache=cache_folder,
        ).problems  # fmt: skip

    if reference_cache is None or not is_named:
        problems = read()
    else:
        find_file(pin, environment, cache_folder)  # verifies the pin
        problems = reference_cache.problems((pin.sha256, suite, platform.python_version(), package_sha256()), read)
    return {problem.problem_id: problem for problem in problems}


def _header(pool: SandboxPool, isolation: IsolationMode, modules: Sequence[str]) -> dict[str, Any]:
    return {
        "isolation": isolation,
        "layers": list(pool.isolation.layers),
        "missing_layers": list(pool.isolation.missing_for_strict),
        "is_isolated": pool.isolation.is_isolated,
        "limits": asdict(EXPECTED_LIMITS) | {"cpu_floor_s": CPU_FLOOR_S, "cpu_multiple_of_reference": CPU_MULTIPLE},
        "modules": list(modules),
        "versions": {"python": platform.python_version(), "codelewm_assets": _version()},
    }


@cache
def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("codelewm_assets")
    except PackageNotFoundError:
        return "unknown"


@dataclass(frozen=True, slots=True)
class _Expected:
    """Expected results of one problem's rows: a comparator for each input, None without an output of the reference."""

    encoded_inputs: bytes
    comparators: tuple[OutputComparator | None, ...]
    known: tuple[KnownOutput | None, ...] | None
    limits: Limits
    kept_bytes: tuple[int, ...]


class RowLabeller:
    """Labels one row at a time; references and expected values are computed once for rows that share them.

    Args:
        cache: of the outputs of published references; None: no cache.
        every_input: run samples on the inputs after their first failure too.
    """

    def __init__(self, pool: SandboxPool, cache: ReferenceCache | None = None, *, every_input: bool = True) -> None:
        self._pool, self._cache, self._every_input = pool, cache, every_input
        self._of_reference = lru_cache(maxsize=256)(self._run_reference)
        self._of_outputs = lru_cache(maxsize=256)(_expected_of)

    def __call__(self, row: LabelRow) -> dict[str, Any]:
        """The output row."""
        oracle = oracle_of(row.benchmark_id, row.problem_id)
        excluded_inputs = _excluded_inputs(row.benchmark_id, row.problem_id, row.inputs)
        inputs = tuple(text for index, text in enumerate(row.inputs) if index not in excluded_inputs)
        if row.reference is not None:
            is_published = isinstance(row, SampleRow)
            expected = self._of_reference(row.reference, row.entry_point, inputs, oracle, row.atol, is_published)
        else:
            outputs = tuple(text for index, text in enumerate(row.expected or ()) if index not in excluded_inputs)
            no_digests = (None,) * len(inputs)
            expected = self._of_outputs(oracle, inputs, None, outputs, no_digests, row.atol, EXPECTED_LIMITS)

        def has_failed(index: int, call: InputRun) -> bool:
            is_right = expected.comparators[index]
            if is_right is None or (expected.known and call.output is is_right.expected):  # recognized
                return False
            return outcome_of(canonical_call(oracle, call), is_right) != "pass"

        ends_at_failure = isinstance(row, SampleRow) and not self._every_input
        first, second = self._pool.run_twice(
            Program(row.code, row.entry_point, inputs, expected.encoded_inputs), expected.limits, kept_bytes=expected.kept_bytes,
            known=expected.known, has_failed=has_failed, ends_at_failure=ends_at_failure,
        )  # fmt: skip
        calls, is_deterministic = agreed_calls(oracle, first, second)
        count = len(calls)
        if ends_at_failure:
            count = next((index + 1 for index, call in enumerate(calls) if has_failed(index, call)), count)
        results = chain(
            (
                _input_row(call, is_right, _outcome(call, is_right, is_deterministic))
                for call, is_right in zip(calls[:count], expected.comparators, strict=False)
            ),
            repeat(NOT_JUDGED_ROW),
        )
        rows = [NOT_JUDGED_ROW if index in excluded_inputs else next(results) for index in range(len(row.inputs))]
        outcomes = [call["outcome"] for call in rows if call is not NOT_JUDGED_ROW] or ["reference_error"]
        overall = next((outcome for outcome in outcomes if outcome != "pass"), "pass")
        return {
            "completion_id": row.completion_id,
            "problem_id": row.problem_id,
            "benchmark_id": row.benchmark_id,
            "llm": row.llm,
            "passed": overall == "pass",
            "outcome": overall,
            "inputs": rows,
            "cpu_ms": round(first.cpu_ms, 3),
        }

    def _run_reference(
        self, code: str, entry_point: str, inputs: tuple[str, ...], oracle: OracleName, atol: float, is_published: bool
    ) -> _Expected:
        limits = PUBLISHED_REFERENCE_LIMITS if is_published else ROW_REFERENCE_LIMITS

        def compute() -> ReferenceOutputs:
            first, second = self._pool.run_twice(Program(code, entry_point, inputs), limits)
            outputs = [
                a.output if a.outcome == "finished" and same_output(a, b, oracle) else None
                for a, b in zip(canonical_calls(oracle, first), canonical_calls(oracle, second), strict=True)
            ]
            digests = tuple(call.digest for call in first.inputs)
            return ReferenceOutputs(tuple(outputs), digests, longest_ms(first), encode_inputs(inputs))

        if is_published and self._cache is not None:
            reference = self._cache.get(
                (platform.python_version(), _version(), code, entry_point, inputs, oracle, limits), compute
            )
        else:
            reference = compute()
        completion_limits = replace(
            limits_for(reference.longest_ms, CPU_FLOOR_S), max_timeouts=EXPECTED_LIMITS.max_timeouts,
            failed_input_cpu_s=cpu_limit_s(reference.longest_ms, FAILED_CPU_FLOOR_S), failed_cpu_s=FAILED_CPU_S,
        )  # fmt: skip
        return _expected_of(
            oracle, inputs, reference.encoded_inputs, reference.outputs, reference.digests, atol, completion_limits
        )


def _expected_of(
    oracle: OracleName,
    inputs: tuple[str, ...],
    encoded_inputs: bytes | None,
    outputs: tuple[str | None, ...],
    digests: tuple[bytes | None, ...],
    atol: float,
    limits: Limits,
) -> _Expected:
    comparators = tuple(
        None if output is None else OutputComparator(oracle, source, output, atol)
        for source, output in zip(inputs, outputs, strict=True)
    )
    pairs = zip(digests, outputs, strict=True)
    known = tuple(None if digest is None or output is None else KnownOutput(digest, output) for digest, output in pairs)
    # Oracles other than equality need the value, which a recognized output does not have.
    return _Expected(
        encode_inputs(inputs) if encoded_inputs is None else encoded_inputs,
        comparators, known if oracle == "equal" else None, limits, tuple(map(kept_bytes, outputs)),
    )  # fmt: skip


@lru_cache(maxsize=256)
def _excluded_inputs(benchmark_id: BenchmarkId, problem_id: str, inputs: tuple[str, ...]) -> frozenset[int]:
    """Indices of the inputs excluded by `oracles.INPUT_EXCEPTIONS`."""
    if not has_exceptions(benchmark_id, problem_id):
        return frozenset()
    literals = enumerate(write_value(read_arguments(text)) for text in inputs)
    return frozenset(index for index, text in literals if exclusion_reason(benchmark_id, problem_id, text))


def _outcome(call: InputRun, is_right: OutputComparator | None, is_deterministic: bool) -> str:
    if is_right is None:
        return "reference_error"
    return outcome_of(call, is_right) if is_deterministic else "nondeterministic"


def _sha256(text: str | None) -> str | None:
    return None if text is None else sha256_text(text)


NOT_JUDGED_ROW: dict[str, Any] = {
    "outcome": NOT_JUDGED, "output_type": None, "output_repr_sha256": None, "exception_class": None,
}  # fmt: skip


def _input_row(run: InputRun, is_right: OutputComparator | None, outcome: str) -> dict[str, Any]:
    is_expected = is_right is not None and run.output is is_right.expected  # one object: its digest is there already
    return {
        "outcome": outcome,
        "output_type": run.output_type,
        "output_repr_sha256": is_right.expected_sha256 if is_expected and is_right else _sha256(run.output),
        "exception_class": run.exception_class,
    }
