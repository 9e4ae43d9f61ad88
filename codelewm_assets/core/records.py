"""The records that stages hand to each other, as frozen closed models. Reports have theirs in evaluation/."""

import math
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from codelewm_assets.core.ids import (
    ALL_BENCHMARKS,
    ASKS_FOR_PROGRAMS,
    BENCHMARKS,
    IS_REGISTERED,
    AnyBenchmarkId,
    BenchmarkId,
)

MagnitudeBucket = Literal["negative", "zero", "small", "medium", "large", "not_a_number"]
LengthBucket = Literal["empty", "short", "medium", "long", "huge"]
CompletionKind = Literal["reference", "rewrite", "mutant_1", "mutant_2", "model"]
LibraryVariantKind = Literal["reference", "rewrite", "neutral_edit", "mutant"]
Outcome = Literal[
    "pass", "wrong_output", "exception", "timeout", "memory", "killed", "policy", "nondeterministic", "reference_error"
]  # fmt: skip


class Record(BaseModel):
    """Base of all records: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The values that a field of a record may take; none where its type does not list them."""
    for validator, benchmarks in ((ASKS_FOR_PROGRAMS, BENCHMARKS), (IS_REGISTERED, ALL_BENCHMARKS)):
        if validator in field.metadata:
            return tuple(benchmarks)
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


class Problem(Record):
    """One benchmark problem as published, with the inputs that programs are run on."""

    problem_id: str  # as published, e.g. "HumanEval/0"
    benchmark_id: AnyBenchmarkId  # the benchmark
    benchmark_label: str  # what reports call it: "humaneval", "mbpp_plus" or "mbpp_plus (stand-in)"
    prompt: str  # what a model is given
    entry_point: str  # name of the function that is called
    reference: str  # a whole program that defines entry_point
    inputs: tuple[str, ...]  # each the literal of the list of positional arguments
    expected: tuple[str | None, ...]  # output published for that input, as a literal; None = the reference says
    atol: float  # absolute tolerance of numbers in outputs
    license: str  # of the problem
    license_attribution_url: str  # where that licence is stated
    source_revision: str  # revision of the source that was read
    base_input_count: int | None = None  # the first of the inputs, those of the benchmark itself; None: not known


class ExcludedProblem(Record):
    """A problem that the source has and the pack cannot use."""

    problem_id: str
    reason: str


class Completion(Record):
    """A program offered for a problem."""

    completion_id: str  # problem, and a name within it
    problem_id: str  # the problem that it is offered for
    benchmark_id: AnyBenchmarkId  # the problem's
    completion_kind: CompletionKind  # how the program came about
    operator_family: str  # of the rewrite or the mutation
    operators: tuple[str, ...]  # that were applied, in order
    code: str  # the program
    entry_point: str  # name of the function that is called
    source_completion_id: str | None = None  # of a model's completion, as published
    source: str | None = None  # of an imported one, the name of its source
    llm: str | None = None  # the model that wrote it, as published or as the profile says
    llm_order_rank: int | None = None  # its place in that model's order, as published
    bug: int | None = None  # of a twin, the number of the bug within the problem; the right side carries it too
    twin: str | None = None  # of a twin, the name of its pair within the problem: "b0p3" is pair 3 of bug 0


class LibraryFunction(Record):
    """A function of the standard library or of an installed package, with what it needs to run on its own."""

    function_id: str  # package:module:name
    package: str  # name of the distribution; "python" is the standard library
    version: str  # of the package
    license: str  # as the package states it
    module: str  # dotted name of its module
    entry_point: str  # name of the function
    code: str  # the function after the imports, constants and functions that it uses, in normal form
    prompt: str  # its docstring; may be empty


class LibraryVariant(Record):
    """A program made from a library function, for training alone."""

    variant_id: str  # function_id/v000, counted in random order; the function itself is v000
    function_id: str  # the function that it was made from
    entry_point: str  # name of the function that is called
    code: str  # the program
    kind: LibraryVariantKind  # how the program came about
    family: str  # of the bug, the neutral edit or the rewrite; "reference" for the function itself
    operator: str  # of the bug or the neutral edit; the first rewrite of a right side
    twin: str | None  # name of its twins within the function: one bug, one neutral edit, the same rewrites
    passed: bool  # behaves like the function on every input; by construction: is no mutant
    labelled_by: Literal["running", "construction"]  # construction: the function has no inputs to run it on


class LabelledInput(Record):
    """Result of one completion on one input."""

    input_id: str
    outcome: Outcome
    output: str | None  # canonical literal, None when there was none or it was not kept
    output_type: str | None
    exception_class: str | None
    passed: bool
    was_called: bool = True  # False: the completion's time was used up before, and the outcome says so


class LabelledCompletion(Record):
    """A completion and its label from running it."""

    completion: Completion  # the program
    outcome: Outcome  # pass, or the outcome of the first input that did not pass
    passed: bool  # on all inputs
    is_deterministic: bool  # both runs agreed
    inputs: tuple[LabelledInput, ...]  # what it did on each input


class PackRow(Record):
    """One row of the execution pack: (problem, completion, input). Field names as published in v0.9."""

    record_id: str  # problem::completion::input
    source_dataset: AnyBenchmarkId  # the benchmark
    source_problem_id: str  # as the benchmark publishes it
    source_submission_id: str  # the completion
    input_id: str  # i0, i1 … within the problem
    code_tokens: str  # the program
    code_checksum: str  # sha256 of the program
    input_tokens: str  # literal of the list of positional arguments
    input_repr_checksum: str  # sha256 of that literal
    input_kind: str  # positional_arguments
    function_name: str  # the entry point
    output_tokens: str  # literal of the output, or the outcome in angle brackets
    output_repr_checksum: str  # sha256 of output_tokens
    output_kind: str  # value, or no_value when there was none
    output_type: str  # name of the output's type, or none
    execution_status: Outcome  # outcome of this input's run
    determinism_check: bool  # both runs agreed
    license: str  # of the problem
    license_attribution_url: str  # where that licence is stated
    output_magnitude_bucket: MagnitudeBucket  # of a number's value
    output_length_bucket: LengthBucket  # of the literal's length in characters
    passed: bool  # on this input
    completion_passed: bool  # on all inputs
    completion_kind: CompletionKind  # how the program came about
    operator_family: str  # of the rewrite or the mutation
    twin: str | None  # of a twin, the name of its pair within the problem
    is_scored: bool  # a twin or a record to predict, which may be scored and published; False: the other programs
    llm: str | None = None  # the model that wrote the program; "not named" and the source where that names none


class Decoy(Record):
    """One decoy pair: the real transition of the query against that of the decoy."""

    decoy_id: str  # category::hash
    category: Literal[
        "same_problem_different_submission", "same_code_different_input", "mutation"
    ]  # what the pair shares
    source_problem_id: str  # of both records
    query_record_id: str  # the real transition
    decoy_record_id: str  # what it is set against
    input_relation: Literal["same", "different"]  # of the two records
    output_relation: Literal["different"]  # of the two records
    rationale: str  # what differs, in words


class PoolMember(Record):
    """One completion of a rerank pool."""

    pool_id: str  # problem::pool0, pool1 …
    problem_id: str  # the problem of all members
    benchmark_id: BenchmarkId  # the problem's
    completion_id: str  # the program
    passed: bool  # on all inputs
    pool_kind: Literal["twin", "model"]  # of twin pairs, or of programs that models wrote

    @classmethod
    def of(cls, pool_id: str, item: LabelledCompletion, *, kind: Literal["twin", "model"]) -> "PoolMember":
        """The member that a labelled completion is."""
        completion = item.completion
        return cls(
            pool_id=pool_id,
            problem_id=completion.problem_id,
            benchmark_id=completion.benchmark_id,
            completion_id=completion.completion_id,
            passed=item.passed,
            pool_kind=kind,
        )


class CellCount(Record):
    """Count of a cell, and its required minimum."""

    cell: str  # e.g. "fold 2 humaneval magnitude large"
    count: int
    floor: int

    @property
    def is_met(self) -> bool:
        """True if the count reaches the floor."""
        return self.count >= self.floor


class Finding(Record):
    """Finding of a preflight rule; `blocker` is the typed reason when it is red."""

    rule: str
    passed: bool
    blocker: str | None
    message: str
    figures: dict[str, float | int | str | bool]
    offenders: tuple[str, ...]
    table: tuple[CellCount, ...] = ()  # every cell, of a rule that judges cells


def magnitude_bucket(value: Any) -> MagnitudeBucket:
    """Bucket of an int or float (bool is not a number here): negative < 0, zero, small ≤ 10, medium ≤ 1000, large."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or (isinstance(value, float) and math.isnan(value))
    ):
        return "not_a_number"
    if value < 0:
        return "negative"
    if value == 0:
        return "zero"
    if value <= 10:
        return "small"
    return "medium" if value <= 1000 else "large"


def length_bucket(text: str) -> LengthBucket:
    """Bucket of a text's length in characters: empty 0, short ≤ 5, medium ≤ 50, long ≤ 1000, huge."""
    for bound, name in ((0, "empty"), (5, "short"), (50, "medium"), (1000, "long")):
        if len(text) <= bound:
            return name  # type: ignore[return-value]
    return "huge"
