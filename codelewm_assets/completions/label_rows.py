"""Input rows of `label`: its own, samples of human-eval and EvalPlus, and EvalPlus' `eval_results.json`."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any, BinaryIO, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from codelewm_assets.core.errors import BenchmarkNameError, LiteralError, OutputBenchmarkError, SandboxError
from codelewm_assets.core.files import json_lines
from codelewm_assets.core.ids import BenchmarkId, benchmark_of, published_id
from codelewm_assets.core.literals import read_value
from codelewm_assets.core.records import Problem
from codelewm_assets.sandbox.codec import CodecError, encode
from codelewm_assets.sandbox.pool import MAX_INPUT_BYTES, encode_inputs

ProblemsOf = Callable[[BenchmarkId], Mapping[str, Problem]]
"""The problems of a benchmark by their published ids. Raises: SourceError: they cannot be read."""


class LabelRow(BaseModel):
    """One program to label, with a reference program or the expected outputs."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    completion_id: str
    problem_id: str
    benchmark_id: BenchmarkId
    code: str
    entry_point: str
    inputs: tuple[str, ...]
    atol: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    reference: str | None = None
    expected: tuple[str, ...] | None = None
    llm: str | None = None

    @field_validator("benchmark_id", mode="before")
    @classmethod
    def _any_spelling(cls, name: Any) -> Any:
        return benchmark_of(name) if isinstance(name, str) else name

    @model_validator(mode="after")
    def _is_consistent(self) -> "LabelRow":
        if (self.reference is None) == (self.expected is None):
            raise ValueError("expected either `reference` or `expected`")
        if not self.inputs:
            raise ValueError("inputs is empty; expected at least one")
        if self.expected is not None and len(self.expected) != len(self.inputs):
            raise ValueError(f"{len(self.expected)} expected outputs for {len(self.inputs)} inputs")
        for check, texts in ((encode_inputs, self.inputs), (_check_outputs, self.expected or ())):
            try:
                check(texts)
            except (LiteralError, SandboxError) as error:
                raise ValueError(str(error)) from error
        return self


class SampleRow(LabelRow):
    """A sample of human-eval or EvalPlus; inputs and reference come from the published problem and are not checked again."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "SampleRow":
        return self


Row = TypeVar("Row", bound=BaseModel)


@lru_cache(maxsize=128)
def _check_outputs(texts: tuple[str, ...]) -> None:
    """Raises: LiteralError: a text is not the literal of a value that a program can return."""
    for text in texts:
        try:
            encode(read_value(text), MAX_INPUT_BYTES)
        except CodecError as error:
            raise LiteralError(f"No program can return {text[:80]!r}: {error}.") from error


def read_rows(
    stream: BinaryIO,
    *,
    problems_of: ProblemsOf,
    benchmark: BenchmarkId | None,
    own: type[Row] = LabelRow,  # type: ignore[assignment]
    sample: type[Row] = SampleRow,  # type: ignore[assignment]
) -> Iterator[Row | str]:
    """Each row to label, or `line N: fault` for a malformed row; blank lines are skipped.

    Args:
        stream: JSON lines, or one JSON object as EvalPlus' `eval_results.json`; read once, from its position.
        problems_of: problems for samples, which only have a `task_id`.
        benchmark: of samples; None: from their `task_id`.
        own, sample: records of a row of its own, and of a sample.

    Raises: SourceError: there are samples, and their problems cannot be read.
    """
    counts = Counter[str]()
    for number, raw in _raw_rows(stream):
        try:
            yield _row(raw, counts, problems_of, benchmark, own, sample)
        except _RowFault as fault:
            yield f"line {number}: {fault}"


class _RowFault(Exception):
    """Fault of one row."""


def _raw_rows(stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    """(line number, row); the row is a `_RowFault` when malformed."""
    for number, line in json_lines(stream):
        row = _parsed(line)
        if number == 1 and line.strip() == b"{":  # the start of one object on many lines
            rest = stream.read()
            document = _parsed(line + rest)
            if isinstance(document, _RowFault):
                yield 1, row
                yield from ((number + 1, row) for number, row in _raw_rows(BytesIO(rest)))
                return
            row = document
        results = row.get("eval") if isinstance(row, dict) and "task_id" not in row else None
        if isinstance(results, dict):
            for task_id, samples in results.items():
                for sample in (
                    samples if isinstance(samples, list) else [_RowFault(f"{task_id} has no list of samples")]
                ):
                    yield number, {"task_id": task_id, **sample} if isinstance(sample, dict) else sample
        else:
            yield number, row


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return _RowFault(f"not UTF-8 ({error.reason} at byte {error.start})")
    except json.JSONDecodeError as error:
        return _RowFault(f"not JSON ({error.msg})")
    except RecursionError:
        return _RowFault("row: nested too deep")
    except ValueError as error:
        return _RowFault(f"not JSON ({error})")


def _row(
    raw: Any,
    counts: Counter[str],
    problems_of: ProblemsOf,
    benchmark: BenchmarkId | None,
    own: type[Row],
    sample: type[Row],
) -> Row:
    if isinstance(raw, _RowFault):
        raise raw
    kind = own
    if isinstance(raw, dict):
        if "llm" not in raw and isinstance(raw.get("model"), str):
            raw = raw | {"llm": raw["model"]}
        if "task_id" in raw and "inputs" not in raw:
            kind, raw = sample, _of_sample(raw, counts, problems_of, benchmark)
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise _RowFault(f"{'.'.join(map(str, first['loc'])) or 'row'}: {first['msg']}") from error
    except RecursionError as error:
        raise _RowFault("row: nested too deep") from error


def _of_sample(
    sample: Mapping[str, Any], counts: Counter[str], problems_of: ProblemsOf, benchmark: BenchmarkId | None
) -> dict[str, Any]:
    """A sample of human-eval or EvalPlus as a row: its problem's inputs and reference, its whole program."""
    task_id = sample["task_id"]
    try:
        named = benchmark or (benchmark_of(str(sample["benchmark"])) if "benchmark" in sample else None)
    except BenchmarkNameError as error:
        raise _RowFault(f"benchmark: {error}") from error
    problem_id = published_id(task_id, named)
    if problem_id is None:
        known = f"one of {named}" if named else "one with its benchmark, or --benchmark"
        raise _RowFault(f"task_id: {str(task_id)[:80]!r} is no problem's id; expected {known}")
    try:
        problem = problems_of(benchmark_of(problem_id.partition("/")[0])).get(problem_id)
    except OutputBenchmarkError as error:
        raise _RowFault(f"task_id: {error}") from error
    if problem is None:
        raise _RowFault(f"task_id: {problem_id} is not among the problems that were read")
    if isinstance(sample.get("solution"), str):
        code = sample["solution"]
    elif isinstance(sample.get("completion"), str):
        code = problem.prompt + sample["completion"]  # as EvalPlus and human-eval put them together
    else:
        raise _RowFault("row: no `solution` and no `completion`; expected one of them, a text")
    counts[problem_id] += 1
    return {
        "completion_id": str(sample.get("completion_id", f"{problem_id}/{counts[problem_id] - 1}")),
        "problem_id": problem_id,
        "benchmark_id": problem.benchmark_id,
        "code": code,
        "prompt": problem.prompt,
        "entry_point": problem.entry_point,
        "inputs": problem.inputs,
        "atol": problem.atol,
        "reference": problem.reference,
        "llm": sample.get("llm"),
    }
