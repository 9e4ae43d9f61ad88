"""Pack rows by hand: ids, checksums, texts and buckets; what is left out; what is refused."""

import hashlib
import random
from collections.abc import Sequence
from typing import Any

import pytest

from codelewm_assets.core.errors import PackError
from codelewm_assets.core.records import LabelledCompletion, LabelledInput, Outcome, PackRow, Problem
from codelewm_assets.dataset.pack import KNOWN_LICENSES, build_pack, output_magnitude, output_text
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import make_completion, make_labelled, make_problem

PROBLEM = make_problem(7, inputs=("[0]", "[1, 'b']", "[2]"), expected=(None,) * 3)


def call(
    number: int = 0,
    output: str | None = "1",
    output_type: str | None = "int",
    outcome: Outcome = "pass",
    exception_class: str | None = None,
) -> LabelledInput:
    """What one call did."""
    return LabelledInput(
        input_id=f"i{number}",
        outcome=outcome,
        output=output,
        output_type=output_type,
        exception_class=exception_class,
        passed=outcome == "pass",
    )


def labelled(number: int, inputs: Sequence[LabelledInput], **changes: Any) -> LabelledCompletion:
    """Completion `number` of the problem, whose program is its number."""
    completion = make_completion(PROBLEM, number, "mutant_1", operator_family="compare", code=f"solve = {number}\n")
    return make_labelled(completion, passed=all(i.passed for i in inputs), inputs=tuple(inputs), **changes)


def test_the_program_of_a_problem_that_asks_for_outputs_is_scored_and_another_reference_is_not() -> None:
    of_programs, of_outputs = (make_problem(0, name) for name in ("humaneval", "cruxeval_o"))
    items = [make_labelled(make_completion(p, kind="reference"), passed=True) for p in (of_programs, of_outputs)]
    rows = build_pack(items, {p.problem_id: p for p in (of_programs, of_outputs)})
    assert {(row.source_dataset, row.is_scored) for row in rows} == {("humaneval", False), ("cruxeval_o", True)}


def pack(*items: LabelledCompletion) -> list[PackRow]:
    return build_pack(items, {PROBLEM.problem_id: PROBLEM})


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_row_is_one_call_with_its_ids_texts_checksums_and_buckets() -> None:
    runs = [call(0, "50"), call(1, "'wrong'", "str", "wrong_output")]
    first, second = pack(labelled(3, runs))
    assert first == PackRow(
        record_id="humaneval/007::humaneval/007/c003::i0",
        source_dataset="humaneval",
        source_problem_id="humaneval/007",
        source_submission_id="humaneval/007/c003",
        input_id="i0",
        code_tokens="solve = 3\n",
        code_checksum=sha256("solve = 3\n"),
        input_tokens="[0]",
        input_repr_checksum=sha256("[0]"),
        input_kind="positional_arguments",
        function_name="solve",
        output_tokens="50",
        output_repr_checksum=sha256("50"),
        output_kind="value",
        output_type="int",
        execution_status="pass",
        determinism_check=True,
        license="MIT",
        license_attribution_url="https://example.org/license",
        output_magnitude_bucket="medium",
        output_length_bucket="short",
        passed=True,
        completion_passed=False,
        completion_kind="mutant_1",
        operator_family="compare",
        twin=None,
        is_scored=False,
    )
    assert (second.record_id, second.input_tokens) == ("humaneval/007::humaneval/007/c003::i1", "[1, 'b']")
    assert (second.passed, second.completion_passed) == (False, False)
    assert (second.output_magnitude_bucket, second.output_length_bucket) == ("not_a_number", "medium")


def test_rows_of_the_scored_bug_are_marked_and_those_of_models_and_references_are_not() -> None:
    """Both pairs of bug 0 have the labels that are wanted; the wrong side of bug 1's second pair passes."""
    right, wrong = [call(0, "50")], [call(0, "51", outcome="wrong_output")]
    sides = [
        (0, 0, right),
        (0, 0, wrong),
        (0, 1, right),
        (0, 1, wrong),
        (1, 0, right),
        (1, 0, wrong),
        (1, 1, right),
        (1, 1, right),
    ]
    items = []
    for number, (bug, pair, runs) in enumerate(sides):
        item = labelled(number, runs, outcome=runs[0].outcome)
        kind = "mutant_1" if number % 2 else "rewrite"
        changes = {"bug": bug, "twin": f"b{bug}p{pair}", "completion_kind": kind}
        items.append(item.model_copy(update={"completion": item.completion.model_copy(update=changes)}))
    model = labelled(8, right)
    model = model.model_copy(update={"completion": model.completion.model_copy(update={"completion_kind": "model"})})
    rows = pack(*items, model, labelled(9, right))
    assert [row.is_scored for row in rows] == [True] * 4 + [False] * 6
    assert [row.twin for row in rows[:3]] == ["b0p0", "b0p0", "b0p1"]


def test_a_checksum_is_the_sha256_of_the_text() -> None:
    """sha256 of the one character 0, as published in many places, starts with 5feceb66."""
    (row,) = pack(labelled(0, [call(0, "0")]))
    assert row.output_repr_checksum == "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"


@each_case(
    ("run", "text", "kind", "type_name"),
    [
        (call(output="[1]", output_type="list"), "[1]", "value", "list"),
        (call(output="None", output_type="NoneType"), "None", "value", "NoneType"),
        (call(0, None, None, "exception", "ValueError"), "<exception ValueError>", "no_value", "none"),
        (call(0, None, None, "timeout"), "<timeout>", "no_value", "none"),
        (call(0, None, None, "memory"), "<memory>", "no_value", "none"),
        (call(0, None, "generator", "wrong_output"), "<unwritable generator>", "value", "generator"),
    ],
)
def test_output_text_says_what_came_out_or_why_nothing_did(
    run: LabelledInput, text: str, kind: str, type_name: str
) -> None:
    (row,) = pack(labelled(0, [run]))
    assert output_text(run) == text
    assert (row.output_tokens, row.output_kind, row.output_type) == (text, kind, type_name)


@each_case(
    ("output", "output_type", "bucket"),
    [
        ("-5", "int", "negative"),
        ("-0.001", "float", "negative"),
        ("-1e999", "float", "negative"),
        ("0", "int", "zero"),
        ("-0.0", "float", "zero"),
        ("10", "int", "small"),
        ("10.5", "float", "medium"),
        ("1000", "int", "medium"),
        ("1001", "int", "large"),
        ("1e999", "float", "large"),
        ("nan", "float", "not_a_number"),
        ("True", "bool", "not_a_number"),
        ("'5'", "str", "not_a_number"),
        ("[5]", "list", "not_a_number"),
        (None, None, "not_a_number"),
    ],
)
def test_magnitude_is_of_whole_and_decimal_numbers_only(
    output: str | None, output_type: str | None, bucket: str
) -> None:
    assert output_magnitude(call(0, output, output_type)) == bucket


@each_case(
    ("characters", "bucket"),
    [(1, "short"), (5, "short"), (6, "medium"), (50, "medium"), (51, "long"), (1000, "long"), (1001, "huge")],
)
def test_length_is_counted_in_characters_of_the_output_text(characters: int, bucket: str) -> None:
    (row,) = pack(labelled(0, [call(0, "1" * characters)]))
    assert row.output_length_bucket == bucket


def test_a_nondeterministic_completion_is_excluded() -> None:
    unstable = labelled(1, [call(0)], outcome="nondeterministic", is_deterministic=False)
    rows = pack(labelled(0, [call(0), call(1)]), unstable)
    assert {row.source_submission_id for row in rows} == {"humaneval/007/c000"}
    assert len(rows) == 2


def test_an_input_that_was_never_called_is_excluded() -> None:
    """The completion's time was used up on the first input: nothing is known of its output on the second."""
    uncalled = call(1, None, None, "timeout").model_copy(update={"was_called": False})
    rows = pack(labelled(0, [call(0, None, None, "timeout"), uncalled]))
    assert [(row.input_id, row.execution_status) for row in rows] == [("i0", "timeout")]


def test_rows_are_sorted_by_record_id_whatever_the_order_given() -> None:
    items = [labelled(n, [call(0), call(2), call(1)]) for n in range(5)]
    rows = pack(*items)
    shuffled = list(items)
    random.Random(1).shuffle(shuffled)
    assert pack(*shuffled) == rows
    assert [r.record_id for r in rows] == sorted(r.record_id for r in rows)
    assert len(rows) == 5 * 3


def test_a_completion_of_an_unknown_problem_is_refused() -> None:
    other = make_labelled(make_completion(make_problem(8)), passed=True)
    with pytest.raises(PackError, match="1 labelled problems are not in benchmark_problems, first humaneval/008"):
        pack(labelled(0, [call(0)]), other)


def test_two_completions_under_one_id_are_refused() -> None:
    twice = labelled(0, [call(0), call(1)])
    with pytest.raises(PackError, match=r"2 record ids occur twice, first humaneval/007::humaneval/007/c000::i0"):
        pack(twice, twice)


def test_nothing_labelled_is_refused() -> None:
    problems: dict[str, Problem] = {PROBLEM.problem_id: PROBLEM}
    with pytest.raises(PackError, match="No labelled completions"):
        build_pack([], problems)


@each_case("license_name", sorted(KNOWN_LICENSES))
def test_the_licence_of_a_row_is_its_problems(license_name: str) -> None:
    problem = make_problem(7, license=license_name, license_attribution_url="https://example.org/other")
    item = make_labelled(make_completion(problem), passed=True)
    rows = build_pack([item], {problem.problem_id: problem})
    assert {(r.license, r.license_attribution_url) for r in rows} == {(license_name, "https://example.org/other")}


def test_a_cap_draws_models_programs_by_hash_and_leaves_twins_alone() -> None:
    problem = make_problem(0)
    twins = [make_labelled(make_completion(problem, number, "rewrite"), passed=True) for number in range(3)]
    models = [make_labelled(make_completion(problem, 10 + n, "model", llm="m"), passed=n % 2 == 0) for n in range(8)]
    rows = build_pack([*twins, *models], {problem.problem_id: problem}, model_programs_per_problem=5)
    kept = {row.source_submission_id: row.llm for row in rows}
    assert sorted(kept.values(), key=str) == [None, None, None, "m", "m", "m", "m", "m"]
    again = build_pack([*models[::-1], *twins], {problem.problem_id: problem}, model_programs_per_problem=5)
    assert [row.record_id for row in again] == [row.record_id for row in rows]
