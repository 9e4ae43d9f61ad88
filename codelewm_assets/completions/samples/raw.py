"""A sample as its file has it, before its problem and its program are known."""

from dataclasses import dataclass

from codelewm_assets.core.sample_records import PromptForm, UnreadReason

MAX_TEXT_BYTES = 8 * 1024 * 1024
"""Of a line, a file of a folder, a sample of a log."""


@dataclass(frozen=True, slots=True)
class RawSample:
    """One sample.

    Attributes:
        place: in its source, such as `line 7`.
        task: id of the problem as written.
        benchmark: its name as written; None where the sample names none.
        text: what the model wrote.
        form: relation of the text to the prompt, as the sample's form says.
        is_continuation: the text stands in a field for what goes after the prompt.
        model: that wrote it; None where the sample names none.
        completion_id: as published.
        llm_order_rank: its place in the model's own order, as published.
        published_base: verdict on the benchmark's own inputs, as published.
        published_plus: verdict on EvalPlus' inputs too, as published.
    """

    place: str
    task: str | int | None
    text: str
    benchmark: str | None = None
    form: PromptForm = "auto"
    is_continuation: bool = False
    model: str | None = None
    completion_id: str | None = None
    llm_order_rank: int | None = None
    published_base: bool | None = None
    published_plus: bool | None = None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row without a sample of a known problem: the reason, its place and the fault."""

    reason: UnreadReason
    place: str
    fault: str


def malformed(place: str, fault: str) -> RejectedRow:
    """A row that is not of its form."""
    return RejectedRow("malformed", place, fault)
