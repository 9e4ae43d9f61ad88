"""Input rows of `score`: programs as `label` reads them, and the verdicts that `label` wrote about them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from codelewm_assets.completions.label_rows import ProblemsOf, read_rows
from codelewm_assets.core.errors import ReportError
from codelewm_assets.core.files import json_lines
from codelewm_assets.core.ids import BenchmarkId, benchmark_of

LABEL_HEADER = b'{"header":'  # the first record of a file that `label` wrote
Key = tuple[str, str, str]  # (benchmark, problem, completion)


class ProgramRow(BaseModel):
    """One program to score; a row of `label` is one too. Its inputs are read by CodeLeWM alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    completion_id: str
    problem_id: str
    benchmark_id: BenchmarkId
    code: str
    prompt: str | None = None  # None: that of the published problem
    entry_point: str = ""
    inputs: tuple[str, ...] = ()  # each the literal of the list of positional arguments
    llm: str | None = None

    @field_validator("benchmark_id", mode="before")
    @classmethod
    def _any_spelling(cls, name: Any) -> Any:
        return benchmark_of(name) if isinstance(name, str) else name

    @property
    def key(self) -> Key:
        """Key that joins it to its verdict."""
        return self.benchmark_id, self.problem_id, self.completion_id


@dataclass(frozen=True, slots=True)
class LabelVerdict:
    """Verdict that `label` wrote about a program: passed on all inputs, and the share of inputs passed, if it lists them."""

    passed: bool
    share: float | None


def read_programs(
    path: Path, *, problems_of: ProblemsOf, benchmark: BenchmarkId | None
) -> tuple[list[ProgramRow], list[str]]:
    """(programs in the order of the file, `line N: fault` of each row that is none).

    Args:
        problems_of: the problems of samples, which only have a `task_id`.
        benchmark: of samples; None: from their `task_id`.

    Raises: ReportError: the file cannot be read, holds labels in place of programs, or names a program twice. SourceError:
        there are samples, and their problems cannot be read.
    """
    rows, faults, first = list[ProgramRow](), list[str](), set[Key]()
    try:
        with path.open("rb") as stream:
            if stream.peek(len(LABEL_HEADER)).startswith(LABEL_HEADER):
                raise ReportError(
                    f"{path.name} holds labels and no programs. Name the file that was labelled, and this one as --labels."
                )
            for row in read_rows(
                stream, problems_of=problems_of, benchmark=benchmark, own=ProgramRow, sample=ProgramRow
            ):
                if isinstance(row, str):
                    faults.append(row)
                elif row.key in first:
                    faults.append(f"row {len(rows) + len(faults) + 1}: {row.completion_id!r} is there already")
                else:
                    first.add(row.key)
                    rows.append(row)
    except OSError as error:
        raise ReportError(
            f"{path.name} cannot be read ({error.strerror or error}). Name a JSON-lines file of programs."
        ) from error
    return rows, faults


class _LabelRow(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    completion_id: str
    problem_id: str
    benchmark_id: str
    passed: bool
    inputs: list[dict[str, Any]] = []


def read_labels(path: Path) -> Mapping[Key, LabelVerdict]:
    """The verdicts of a file that `label` wrote. Raises: ReportError: it cannot be read, or a row is none of `label`."""
    verdicts = dict[Key, LabelVerdict]()
    try:
        with path.open("rb") as stream:
            for number, line in json_lines(stream):
                if number == 1 and line.startswith(LABEL_HEADER):
                    continue
                try:
                    row = _LabelRow.model_validate(json.loads(line))
                except (ValueError, ValidationError) as error:
                    raise ReportError(
                        f"{path.name}: line {number} is no row of `label` ({str(error).splitlines()[0]}). Label the programs first."
                    ) from error
                passes = [found.get("outcome") == "pass" for found in row.inputs]
                key = (row.benchmark_id, row.problem_id, row.completion_id)
                verdicts[key] = LabelVerdict(row.passed, sum(passes) / len(passes) if passes else None)
    except OSError as error:
        raise ReportError(
            f"{path.name} cannot be read ({error.strerror or error}). Name the output of `label`."
        ) from error
    return verdicts
