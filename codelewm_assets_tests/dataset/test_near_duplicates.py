"""Near-duplicates by hand: each reason on its own, nothing from boilerplate, clusters."""

import math
import random

import pytest

from codelewm_assets.core.errors import PackError
from codelewm_assets.core.records import Problem
from codelewm_assets.dataset.near_duplicates import (
    NearDuplicate,
    Thresholds,
    clusters,
    find_near_duplicates,
    near_duplicates_of_pack,
    pairs_with_reasons,
    passing_programs,
)
from codelewm_assets_tests.factories import World, make_problem, make_world, random_program

DEFAULT = Thresholds()
FIRST, SECOND = "humaneval/000", "humaneval/001"


def reasons(a: Problem, b: Problem, passing: dict[str, list[str]] | None = None) -> dict[str, float]:
    """Reason → similarity of the one pair."""
    found = find_near_duplicates([a, b], passing or {}, DEFAULT)
    assert all((row.first_problem_id, row.second_problem_id) == (FIRST, SECOND) for row in found)
    return {row.reason: row.similarity for row in found}


def second(**changes: object) -> Problem:
    return make_problem(1, **changes)


@pytest.fixture(scope="module")
def world() -> World:
    """Forty problems of each benchmark."""
    return make_world()


def test_problems_that_share_nothing_are_no_near_duplicates() -> None:
    assert reasons(make_problem(0), second()) == {}


def test_a_renamed_reference_is_the_same_program() -> None:
    """Every name is another one, the entry point's too, and there is a docstring: one form, and so one set of shingles."""
    first = make_problem(0)
    copy = first.reference.replace("solve", "answer").replace("(x)", "(value)").replace(" x", " value")
    copy = copy.replace("):\n", "):\n    '''Return a number.'''\n", 1)
    assert reasons(first, second(reference=copy, entry_point="answer")) == {"same_ast": 1.0, "similar_code": 1.0}


def test_a_reference_changed_in_a_line_is_similar_code() -> None:
    first = make_problem(0)
    lines = first.reference.splitlines()
    lines[4] = "    b = sorted([a, c])[0]"
    found = reasons(first, second(reference="\n".join(lines)))
    assert set(found) == {"similar_code"} and 0.7 <= found["similar_code"] < 1


def test_similar_code_by_hand() -> None:
    """def v0(v1): return v1 + 1 + 2 and the like with 3 have 12 tokens and so 10 runs of three; the last differs: 9 / 11."""
    a = make_problem(0, reference="def f(x):\n    return x + 1 + 2")
    b = second(reference="def g(y):\n    return y + 1 + 3")
    assert reasons(a, b) == {"similar_code": pytest.approx(9 / 11, abs=1e-6)}


def test_prompts_that_say_nearly_the_same_are_similar() -> None:
    """find the volume of a cone / sphere: pairs of words find-the the-volume volume-of of-a and one of its own: 4 / 6."""
    a = make_problem(0, prompt='"""\nWrite a function to find the volume of a cone.\nassert f(1) == 2\n"""')
    b = second(prompt='"""\nWrite a python function to find the volume of a sphere.\nassert other("x") == 3\n"""')
    assert reasons(a, b) == {"similar_prompt": pytest.approx(4 / 6, abs=1e-6)}


def test_boilerplate_signature_and_examples_make_no_near_duplicates() -> None:
    a = make_problem(
        0, prompt='from typing import List\ndef f(x):\n    """Write a function to sort.\n    >>> f([1, 2])\n"""'
    )
    b = second(prompt='from typing import List\ndef f(x):\n    """Write a function to count.\n    >>> f([1, 2])\n"""')
    assert reasons(a, b) == {}


def test_prompts_without_words_are_not_compared() -> None:
    assert reasons(make_problem(0, prompt=""), second(prompt="")) == {}


@pytest.mark.parametrize("is_renamed", [False, True])
def test_a_reference_pasted_into_a_prompt_is_found(is_renamed: bool) -> None:
    first = make_problem(0)
    pasted = first.reference.replace("x", "value") if is_renamed else first.reference
    prompt = f"{second().prompt}\nDon't copy this:\n{pasted}\nbut do better."
    assert reasons(first, second(prompt=prompt)) == {"reference_in_prompt": 1.0}
    assert reasons(second(prompt=prompt), first) == {"reference_in_prompt": 1.0}


def test_half_a_reference_in_a_prompt_is_not_the_reference() -> None:
    first = make_problem(0)
    half = "\n".join(first.reference.splitlines()[:6])
    assert reasons(first, second(prompt=half)) == {}


def test_a_body_of_a_few_tokens_stands_in_many_a_text_and_is_not_looked_for() -> None:
    """return a + b: four tokens."""
    first = make_problem(0, reference="def solve(a, b):\n    return a + b")
    assert reasons(first, second(prompt="def add(a, b):\n    return a + b\n")) == {}


def test_a_similarity_that_meets_its_threshold_exactly_makes_a_near_duplicate() -> None:
    """The pairs of 9 / 11 and 4 / 6 by hand above, and a body of ten tokens, so eight runs of three, of which six stand in
    the prompt `return x + 1 + 2 + 3` (eight tokens): 6 / 8."""
    code = (
        make_problem(0, reference="def f(x):\n    return x + 1 + 2"),
        second(reference="def g(y):\n    return y + 1 + 3"),
    )
    words = make_problem(0, prompt="find the volume of a cone"), second(prompt="find the volume of a sphere")
    body = (
        make_problem(0, reference="def solve(x):\n    return x + 1 + 2 + 3 + 4"),
        second(prompt="return x + 1 + 2 + 3"),
    )
    for pair, field, similarity in ((code, "code", 9 / 11), (words, "prompt", 4 / 6), (body, "containment", 6 / 8)):
        at, above = (Thresholds(**{field: value}) for value in (similarity, math.nextafter(similarity, 1)))
        assert [row.similarity for row in find_near_duplicates(pair, {}, at)] == [round(similarity, 6)], field
        assert find_near_duplicates(pair, {}, above) == [], field


def test_a_body_of_eight_tokens_is_looked_for_and_one_of_seven_is_not() -> None:
    """`return x + 1 + 2 + 3` has eight tokens; `return x + y(1)` has seven."""
    for body, expected in (("return x + 1 + 2 + 3", {"reference_in_prompt": 1.0}), ("return x + y(1)", {})):
        assert reasons(make_problem(0, reference=f"def solve(x):\n    {body}"), second(prompt=body)) == expected


def test_a_prompt_may_hold_its_own_reference() -> None:
    own = make_problem(0)
    assert find_near_duplicates([own.model_copy(update={"prompt": own.reference})], {}, DEFAULT) == []


def test_a_program_that_passes_two_problems_makes_them_near_duplicates() -> None:
    shared = random_program("shared")
    passing = {FIRST: ["x = 1", shared], SECOND: [shared.replace("solve", "answer").replace("x", "item")]}
    assert reasons(make_problem(0), second(), passing) == {"same_completion": 1.0}


def test_programs_of_one_skeleton_that_differ_are_not_the_same() -> None:
    passing = {FIRST: ["def f(x):\n    return x + 1"], SECOND: ["def f(x):\n    return x + 2"]}
    assert reasons(make_problem(0), second(), passing) == {}


def test_only_programs_that_pass_on_every_input_count(world: World) -> None:
    """Of the six completions of each problem the reference and the two rewrites pass; here all six pass on one input."""
    found = passing_programs(
        row.model_copy(update={"passed": True}) if row.input_id == "i0" else row for row in world.rows
    )
    assert set(found) == set(world.references)
    assert {len(programs) for programs in found.values()} == {3}


def test_the_result_is_sorted_and_does_not_depend_on_order(world: World) -> None:
    copied = tuple(
        p.model_copy(update={"reference": world.problems[int(p.problem_id[-3:]) // 2].reference})
        for p in world.problems
    )
    found = near_duplicates_of_pack(copied, world.rows, DEFAULT)
    shuffled = random.Random(1).sample(copied, len(copied))
    assert near_duplicates_of_pack(shuffled, world.rows[::-1], DEFAULT) == found
    keys = [(row.first_problem_id, row.second_problem_id, row.reason) for row in found]
    assert keys == sorted(set(keys)) and all(a < b for a, b, _ in keys)


def test_problems_outside_the_pack_do_not_matter(world: World) -> None:
    stranger = make_problem(999, reference=world.problems[0].reference)
    assert near_duplicates_of_pack((*world.problems, stranger), world.rows, DEFAULT) == []


def test_a_problem_of_the_pack_that_is_not_among_the_problems_is_refused(world: World) -> None:
    with pytest.raises(PackError, match="1 problems of the pack are not in benchmark_problems, first humaneval/000"):
        near_duplicates_of_pack(world.problems[1:], world.rows, DEFAULT)


def test_no_problems_have_no_near_duplicates() -> None:
    assert find_near_duplicates([], {}, DEFAULT) == [] == near_duplicates_of_pack([], [], DEFAULT)


def test_the_reasons_of_a_pair_are_read_together() -> None:
    rows = [
        NearDuplicate(first_problem_id="a", second_problem_id="b", reason="same_ast", similarity=1.0),
        NearDuplicate(first_problem_id="a", second_problem_id="b", reason="similar_code", similarity=0.756),
    ]
    assert pairs_with_reasons(rows) == {("a", "b"): "same_ast 1.00, similar_code 0.76"}


def test_clusters_are_transitive() -> None:
    """a–b and b–d link a, b and d though a and d are no pair; numbers follow the first id of each cluster."""
    assert clusters(["d", "c", "b", "a", "e"], [("a", "b"), ("b", "d")]) == {"a": 0, "b": 0, "c": 1, "d": 0, "e": 2}


def test_clusters_do_not_depend_on_the_order_of_pairs() -> None:
    pairs = [("a", "b"), ("c", "d"), ("b", "c"), ("e", "f")]
    wanted = {"a": 0, "b": 0, "c": 0, "d": 0, "e": 1, "f": 1}
    assert clusters("abcdef", pairs) == wanted == clusters("fedcba", pairs[::-1])


def test_no_pairs_leave_each_problem_alone() -> None:
    assert clusters(["a", "b"], []) == {"a": 0, "b": 1}
