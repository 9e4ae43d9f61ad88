"""Decoy pairs by hand, and what holds of all of them."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from codelewm_assets.core.records import CompletionKind, Decoy, LabelledCompletion, LabelledInput, PackRow
from codelewm_assets.dataset.decoys import make_decoys
from codelewm_assets.dataset.pack import build_pack
from codelewm_assets_tests.factories import World, make_completion, make_labelled, make_problem, make_world

PROBLEM = make_problem(0, inputs=("[0]", "[1]"), expected=("1", "2"))
RIGHT = ("1", "2")


@pytest.fixture(scope="module")
def world() -> World:
    """Forty problems of each benchmark."""
    return make_world()


def labelled(number: int, kind: CompletionKind, outputs: Sequence[str | None]) -> LabelledCompletion:
    """Completion `number` with these outputs; None is an exception."""
    inputs = tuple(
        LabelledInput(
            input_id=f"i{i}",
            outcome="exception" if text is None else "pass" if text == RIGHT[i] else "wrong_output",
            output=text,
            output_type=None if text is None else "int",
            exception_class="ValueError" if text is None else None,
            passed=text == RIGHT[i],
        )
        for i, text in enumerate(outputs)
    )
    return make_labelled(make_completion(PROBLEM, number, kind), passed=tuple(outputs) == RIGHT, inputs=inputs)


def rows_of(*items: LabelledCompletion) -> list[PackRow]:
    """Their rows, as if all of them were scored."""
    return [row.model_copy(update={"is_scored": True}) for row in build_pack(items, {PROBLEM.problem_id: PROBLEM})]


def named(decoys: Sequence[Decoy]) -> set[tuple[str, str, str]]:
    """(category, query, decoy), each record as "c<completion>.i<input>"."""

    def short(record_id: str) -> str:
        _, completion, input_id = record_id.split("::")
        return f"c{completion[-1]}.{input_id}"

    return {(d.category, short(d.query_record_id), short(d.decoy_record_id)) for d in decoys}


def test_categories_by_hand() -> None:
    """c0 (a rewrite) is right on both inputs, c1 (a mutant) on the second, c2 (a model's) on none.

    same_code_different_input: c0 and c1 both ways round; c2 gives 7 on both inputs.
    mutation: a mutant and another with the other verdict: c0 and c1 on the first input, c1 and c2 on the second.
    same_problem_different_submission: c0 and c2, both ways round; c1.i1 and c0.i1 have the same verdict.
    """
    rows = rows_of(labelled(0, "rewrite", RIGHT), labelled(1, "mutant_1", "92"), labelled(2, "model", "77"))
    assert named(make_decoys(rows, pairs_per_query=3, pairs_per_problem=10)) == {
        ("same_code_different_input", "c0.i0", "c0.i1"),
        ("same_code_different_input", "c0.i1", "c0.i0"),
        ("same_code_different_input", "c1.i0", "c1.i1"),
        ("same_code_different_input", "c1.i1", "c1.i0"),
        ("mutation", "c0.i0", "c1.i0"),
        ("mutation", "c1.i0", "c0.i0"),
        ("mutation", "c1.i1", "c2.i1"),
        ("mutation", "c2.i1", "c1.i1"),
        ("same_problem_different_submission", "c0.i0", "c2.i0"),
        ("same_problem_different_submission", "c2.i0", "c0.i0"),
        ("same_problem_different_submission", "c0.i1", "c2.i1"),
        ("same_problem_different_submission", "c2.i1", "c0.i1"),
    }


def twin(number: int, kind: CompletionKind, outputs: Sequence[str | None], pair: str) -> LabelledCompletion:
    """The same, as a side of a twin pair of bug 0."""
    item = labelled(number, kind, outputs)
    return item.model_copy(update={"completion": item.completion.model_copy(update={"bug": 0, "twin": pair})})


def test_a_mutation_is_the_querys_own_twin_and_another_pairs_wrong_side_is_another_submission() -> None:
    """c0 and c1 are pair 0, c2 and c3 pair 1; c1 and c3 give 9 where 1 is right, and are right on the second input."""
    rows = rows_of(twin(0, "rewrite", RIGHT, "b0p0"), twin(1, "mutant_1", "92", "b0p0"),
                   twin(2, "rewrite", RIGHT, "b0p1"), twin(3, "mutant_1", "92", "b0p1"))  # fmt: skip
    found = named(make_decoys(rows, pairs_per_query=3, pairs_per_problem=99))
    assert {pair for pair in found if pair[0] != "same_code_different_input"} == {
        ("mutation", "c0.i0", "c1.i0"), ("same_problem_different_submission", "c0.i0", "c3.i0"),
        ("mutation", "c1.i0", "c0.i0"), ("same_problem_different_submission", "c3.i0", "c0.i0"),
        ("mutation", "c2.i0", "c3.i0"), ("same_problem_different_submission", "c2.i0", "c1.i0"),
        ("mutation", "c3.i0", "c2.i0"), ("same_problem_different_submission", "c1.i0", "c2.i0"),
    }  # fmt: skip


def test_what_is_not_scored_is_in_no_pair() -> None:
    rows = build_pack([labelled(0, "rewrite", RIGHT), labelled(1, "mutant_1", "92")], {PROBLEM.problem_id: PROBLEM})
    assert make_decoys(rows, pairs_per_query=3, pairs_per_problem=10) == []


def test_a_call_that_returned_nothing_is_never_in_a_pair() -> None:
    rows = rows_of(labelled(0, "rewrite", RIGHT), labelled(1, "mutant_1", (None, None)))
    found = named(make_decoys(rows, pairs_per_query=3, pairs_per_problem=10))
    assert found and not any("c1" in name for _, *names in found for name in names)


def test_completions_that_agree_give_no_pair() -> None:
    rows = rows_of(labelled(0, "rewrite", ("1",)), labelled(1, "mutant_1", ("1",)), labelled(2, "rewrite", ("1",)))
    assert make_decoys(rows, pairs_per_query=3, pairs_per_problem=10) == []


def test_a_decoy_never_has_the_querys_own_output() -> None:
    """c0 gives 1 on both inputs, which is right on the first only: its other call is no decoy of it. c1 and c2 fail on the
    first input though they give 1 there, as a program does that changes its argument: neither is a decoy of c0.i0.
    """
    alike = [labelled(1, "mutant_1", ("1", "1")), labelled(2, "mutant_1", ("1", "1"))]
    failing = [row.model_copy(update={"passed": False}) for row in rows_of(*alike)]
    rows = [*rows_of(labelled(0, "rewrite", ("1", "1"))), *failing]
    assert make_decoys(rows, pairs_per_query=3, pairs_per_problem=10) == []


def test_no_rows_give_no_pairs() -> None:
    assert make_decoys([], pairs_per_query=3, pairs_per_problem=10) == []


def test_a_problem_where_nothing_passes_gives_no_pairs() -> None:
    rows = rows_of(labelled(1, "mutant_1", "99"), labelled(2, "mutant_2", "77"))
    assert make_decoys(rows, pairs_per_query=3, pairs_per_problem=9) == []


def test_passing_and_failing_programs_are_queries_in_turn() -> None:
    """With passing queries alone, a model that knows the right outputs would be surprised by every decoy."""
    pairs = [item for number in range(0, 8, 2) for item in (
        twin(number, "rewrite", RIGHT, f"b0p{number}"), twin(number + 1, "mutant_1", "93", f"b0p{number}"))]  # fmt: skip
    rows = rows_of(*pairs)
    by_id = {row.record_id: row for row in rows}
    for count in (2, 4):
        for category in ("mutation", "same_problem_different_submission"):
            decoys = make_decoys(rows, pairs_per_query=1, pairs_per_problem=count)
            verdicts = [by_id[d.query_record_id].passed for d in decoys if d.category == category]
            assert Counter(verdicts) == {True: count // 2, False: count // 2}


def test_every_pair_is_of_one_problem_with_another_output(world: World) -> None:
    by_id = {row.record_id: row for row in world.rows}
    assert len(world.decoys) > 100
    for pair in world.decoys:
        query, decoy = by_id[pair.query_record_id], by_id[pair.decoy_record_id]
        assert (query.passed != decoy.passed) or pair.category == "same_code_different_input"
        assert query.output_tokens != decoy.output_tokens
        assert query.source_problem_id == decoy.source_problem_id == pair.source_problem_id
        is_same_input = query.input_id == decoy.input_id
        assert pair.input_relation == ("same" if is_same_input else "different")
        same_code = query.source_submission_id == decoy.source_submission_id
        assert same_code == (pair.category == "same_code_different_input") == (not is_same_input)
        assert (decoy.twin == query.twin) == (pair.category == "mutation") or same_code


def test_pairs_do_not_depend_on_the_order_of_rows(world: World) -> None:
    rows = list(world.rows)
    random.Random(5).shuffle(rows)
    assert make_decoys(rows, pairs_per_query=3, pairs_per_problem=2) == list(world.decoys)


def test_pairs_of_one_problem_do_not_depend_on_the_others(world: World) -> None:
    first = world.problems[0].problem_id
    alone = make_decoys([r for r in world.rows if r.source_problem_id == first], pairs_per_query=3, pairs_per_problem=2)
    assert alone == [d for d in world.decoys if d.source_problem_id == first]


@pytest.mark.parametrize("limit", [1, 3])
def test_the_limit_holds_for_each_problem_and_category(world: World, limit: int) -> None:
    counts = Counter(
        (d.source_problem_id, d.category) for d in make_decoys(world.rows, pairs_per_query=3, pairs_per_problem=limit)
    )
    assert set(counts.values()) == {limit}
    assert len(counts) == 80 * 3


def test_a_smaller_limit_keeps_a_part_of_the_same_pairs(world: World) -> None:
    fewer = {d.decoy_id for d in make_decoys(world.rows, pairs_per_query=3, pairs_per_problem=1)}
    assert fewer < {d.decoy_id for d in world.decoys}


def test_pair_ids_are_unique_and_pairs_are_sorted_by_them(world: World) -> None:
    ids = [d.decoy_id for d in world.decoys]
    assert ids == sorted(set(ids))


def test_the_reference_is_in_no_pair(world: World) -> None:
    reference = {row.record_id for row in world.rows if row.completion_kind == "reference"}
    assert reference and not {name for d in world.decoys for name in (d.query_record_id, d.decoy_record_id)} & reference


def test_a_program_that_a_model_wrote_is_in_no_pair(world: World) -> None:
    by_models = {row.record_id for row in world.rows if row.completion_kind == "model"}
    assert by_models and not {name for d in world.decoys for name in (d.query_record_id, d.decoy_record_id)} & by_models


def test_another_submission_that_is_right_is_not_a_decoy() -> None:
    """c1 says 1.0 where 1 is right and passes: its output differs as text, and is no decoy."""
    right = labelled(1, "rewrite", RIGHT)
    other = tuple(
        run.model_copy(update={"output": run.output + ".0", "passed": True}) for run in right.inputs if run.output
    )
    rows = rows_of(labelled(0, "rewrite", RIGHT), right.model_copy(update={"inputs": other}))
    found = make_decoys(rows, pairs_per_query=3, pairs_per_problem=10)
    assert {d.category for d in found} == {"same_code_different_input"}


@pytest.mark.parametrize("most", [1, 2])
def test_a_query_has_no_more_pairs_of_a_category_than_asked_for(world: World, most: int) -> None:
    counts = Counter(
        (d.query_record_id, d.category) for d in make_decoys(world.rows, pairs_per_query=most, pairs_per_problem=99)
    )
    assert max(counts.values()) == most
