"""Samples of imported sources as completions: their problem, their program, their id."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from codelewm_assets.completions.samples.answers import program_of
from codelewm_assets.completions.samples.raw import RawSample, RejectedRow, malformed
from codelewm_assets.completions.samples.sources import LocalSource, read_source, slug
from codelewm_assets.core.errors import BenchmarkNameError
from codelewm_assets.core.ids import BenchmarkId, benchmark_by_prefix, benchmark_of, published_id
from codelewm_assets.core.records import Completion, Problem
from codelewm_assets.core.sample_records import SourceReading, UnreadReason, UnreadRows

MAX_EXAMPLE_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of a known problem.

    Attributes:
        program: the completion; None where the answer holds no code.
        sample_id: of the completion too.
    """

    sample_id: str
    problem: Problem
    source: str
    llm: str | None
    program: Completion | None
    published_base: bool | None
    published_plus: bool | None


@dataclass(slots=True)
class SourceReader:
    """Reads one source and counts what it gave.

    Args:
        source: to read.
        problems: of all benchmarks, by id.
    """

    source: LocalSource
    problems: Mapping[str, Problem]
    _form: str = ""
    _rows: int = 0
    _programs: int = 0
    _unread: dict[UnreadReason, UnreadRows] = field(default_factory=dict)
    _numbers: Counter[str] = field(default_factory=Counter)

    def samples(self) -> Iterator[Sample]:
        """Each sample of a known problem, in order. Raises: ReportError: the source cannot be read."""
        self._form, rows = read_source(self.source, self.problems)
        for row in map(_writable, rows):
            problem = row if isinstance(row, RejectedRow) else self._problem(row)
            if isinstance(problem, RejectedRow):
                self._rows += 1
                self._count(problem)
            elif isinstance(row, RawSample) and (sample := self._sample(row, problem)) is not None:
                yield sample

    @property
    def reading(self) -> SourceReading:
        """Counts of what was read so far."""
        unread = tuple(self._unread[reason] for reason in sorted(self._unread))
        return SourceReading(
            source=self.source.name, file=self.source.path.name, form=self._form, row_count=self._rows,
            program_count=self._programs, unread=unread,
        )  # fmt: skip

    def _sample(self, row: RawSample, problem: Problem) -> Sample | None:
        settings = self.source.settings
        llm = row.model or settings.model
        prefix = f"{problem.problem_id}/{self.source.name}" + (f":{slug(llm)}" if llm else "")
        number = self._numbers[prefix]
        self._numbers[prefix] += 1
        if settings.most_per_problem is not None and number >= settings.most_per_problem:
            return None
        form = row.form if settings.prompt_form == "auto" else settings.prompt_form
        answer = program_of(
            row.text,
            prompt=problem.prompt,
            entry_point=problem.entry_point,
            form=form,
            is_continuation=row.is_continuation,
        )
        self._rows += 1
        if answer.fault is not None:
            self._count(RejectedRow(answer.fault, row.place, f"{FAULTS[answer.fault]} ({problem.entry_point})"))
        if answer.fault is None or (answer.code is not None and form in ("continuation", "program")):
            self._programs += 1  # a text that is taken as it is may be a broken program
        sample_id = f"{prefix}/m{number:03d}"
        program = None if answer.code is None else self._completion(sample_id, row, problem, answer.code, llm)
        return Sample(sample_id, problem, self.source.name, llm, program, row.published_base, row.published_plus)

    def _completion(self, name: str, row: RawSample, problem: Problem, code: str, llm: str | None) -> Completion:
        return Completion(
            completion_id=name, problem_id=problem.problem_id, benchmark_id=problem.benchmark_id, completion_kind="model",
            operator_family="model", operators=(), code=code, entry_point=problem.entry_point, source=self.source.name,
            source_completion_id=row.completion_id, llm=llm, llm_order_rank=row.llm_order_rank,
        )  # fmt: skip

    def _count(self, row: RejectedRow) -> None:
        before = self._unread.get(row.reason)
        text = f"{row.place}: {row.fault}"[:MAX_EXAMPLE_CHARACTERS].encode("utf-8", "backslashreplace").decode("utf-8")
        example = before.example if before else text
        self._unread[row.reason] = UnreadRows(
            reason=row.reason, count=1 + (before.count if before else 0), example=example
        )

    def _problem(self, row: RawSample) -> Problem | RejectedRow:
        """The problem of a sample: by its id, else as its benchmark publishes it, such as `HumanEval/7` for `Python/7`."""
        stated = self.source.settings.benchmark
        try:
            named = None if row.benchmark is None else benchmark_of(row.benchmark)
        except BenchmarkNameError as error:
            return RejectedRow("unknown_problem" if stated is None else "other_benchmark", row.place, str(error))
        problem = self.problems.get(str(row.task)) or self.problems.get(published_id(row.task, named or stated) or "")
        expected = stated or named
        actual = (named, problem.benchmark_id if problem else _benchmark_of_id(row.task))
        if expected is not None and (other := next((b for b in actual if b not in (None, expected)), None)):
            fault = f"problem {row.task!r} is of {other}, and {expected} is stated"
            return RejectedRow("other_benchmark", row.place, fault)
        if problem is None:
            hint = ""
            if str(row.task).isdigit() and named is None and stated is None:
                hint = "; a number is one of a benchmark, which the profile must state"
            return RejectedRow("unknown_problem", row.place, f"problem {row.task!r} is not one of this build's{hint}")
        return problem


FAULTS = {
    "no_program": "holds no program",
    "does_not_parse": "its program does not parse",
    "no_entry_point": "its program does not define the entry point",
}


def _writable(row: RawSample | RejectedRow) -> RawSample | RejectedRow:
    """The row, rejected where one of its texts cannot be stored."""
    if isinstance(row, RejectedRow):
        return row
    texts = row.text + (row.model or "") + (row.completion_id or "")
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in texts):
        return malformed(row.place, "a text holds half a surrogate pair, which UTF-8 cannot write")
    return row


def _benchmark_of_id(task: str | int | None) -> BenchmarkId | None:
    """The benchmark that an id names by itself; None for a number and for ids of none."""
    name = published_id(task)
    return None if name is None else benchmark_by_prefix(name)
