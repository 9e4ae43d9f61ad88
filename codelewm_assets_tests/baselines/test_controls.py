"""The controls by hand."""

import pytest

from codelewm_assets.baselines.controls import (
    agreement_scores,
    length_score,
    lexical_score,
    pass_at_1,
    random_score,
    surface_lr_scores,
)

RIGHT = ["return a + b", "total = a + b", "print(a + b)"]
WRONG = ["return a - b", "total = a - b", "print(a - b)"]


def test_lexical_is_jaccard_of_lower_cased_words() -> None:
    """Prompt {return, the, sum}, code {def, sum, x, return}: 2 shared of 5."""
    assert lexical_score("Return the SUM.", "def sum(x): return x") == pytest.approx(2 / 5)


def test_lexical_of_nothing_is_0() -> None:
    assert lexical_score("", "") == 0.0
    assert lexical_score("Return", "") == 0.0


def test_length_ranks_shorter_first() -> None:
    assert length_score("abc") == -3.0
    assert length_score("") > length_score("x")


def test_random_is_fixed_by_the_id_and_lies_between_0_and_1() -> None:
    scores = [random_score(f"c{n}") for n in range(200)]
    assert scores == [random_score(f"c{n}") for n in range(200)]
    assert all(0 <= score < 1 for score in scores) and len(set(scores)) == 200


def test_consensus_is_the_mean_jaccard_to_the_others() -> None:
    """a–b share 3 of 5 shingles, c none with either: a (3/5 + 0)/2, b the same, c 0."""
    found = agreement_scores({"a": "1 + 2 + 3", "b": "1 + 2 + 3 + 4", "c": "7 * 8"})
    assert {name: a.consensus for name, a in found.items()} == {
        "a": pytest.approx(0.3),
        "b": pytest.approx(0.3),
        "c": 0,
    }


def test_consensus_does_not_see_names() -> None:
    found = agreement_scores({"a": "x = y + y", "b": "p = q + q"})
    assert found == {"a": (1.0, -1.0), "b": (1.0, -1.0)}


def test_equal_programs_of_a_pool_have_equal_consensus_whatever_their_place() -> None:
    """Else one of two equal programs is alone at the top and the tie does not share the credit."""
    found = agreement_scores({"a": "1 + 2 + 3", "b": "1 + 2", "c": "1 + 2 + 3 + 4", "d": "1 + 2 + 3"})
    assert found["a"] == found["d"]


def test_consensus_of_one_alone_is_missing() -> None:
    assert agreement_scores({"a": "1 + 2"}) == {"a": (None, None)}
    assert agreement_scores({}) == {}


def test_isolation_is_minus_the_agreement_with_the_nearest() -> None:
    """a–b share 3 of 5 shingles, c none with either."""
    found = agreement_scores({"a": "1 + 2 + 3", "b": "1 + 2 + 3 + 4", "c": "7 * 8"})
    assert {name: a.isolation for name, a in found.items()} == {
        "a": pytest.approx(-0.6),
        "b": pytest.approx(-0.6),
        "c": 0,
    }


def test_surface_lr_learns_to_separate_right_from_wrong_in_train() -> None:
    right, wrong = surface_lr_scores(RIGHT + WRONG, [True] * 3 + [False] * 3, ["value = p + q", "value = p - q"])
    assert right is not None and wrong is not None
    assert 0 < wrong < 0.5 < right < 1


def test_surface_lr_is_the_same_twice() -> None:
    first, second = (surface_lr_scores(RIGHT + WRONG, [True] * 3 + [False] * 3, RIGHT) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("passed", [True, False])
def test_surface_lr_of_a_single_class_is_missing(passed: bool) -> None:
    assert surface_lr_scores(RIGHT, [passed] * 3, ["a", "b"]) == [None, None]


def test_surface_lr_without_train_is_missing_and_without_test_is_empty() -> None:
    assert surface_lr_scores([], [], ["a"]) == [None]
    assert surface_lr_scores(RIGHT + WRONG, [True] * 3 + [False] * 3, []) == []


def test_pass_at_1_is_the_share_of_pools_whose_top_passes() -> None:
    pools = {"a": [(0.9, True), (0.1, False)], "b": [(0.9, False), (0.1, True)], "c": [(2.0, True), (-1.0, False)]}
    assert pass_at_1(pools) == pytest.approx(2 / 3)


def test_ties_at_the_top_share_the_credit() -> None:
    """Three tie at the top, one of them passes: 1/3. The passing one below the tie adds nothing."""
    assert pass_at_1({"a": [(1.0, True), (1.0, False), (1.0, False), (0.5, True)]}) == pytest.approx(1 / 3)


def test_a_pool_with_a_missing_score_does_not_count() -> None:
    pools: dict[str, list[tuple[float | None, bool]]] = {
        "a": [(1.0, True), (0.0, False)],
        "b": [(1.0, False), (None, True)],
    }
    assert pass_at_1(pools) == 1.0


def test_pass_at_1_of_nothing_scored_is_missing_and_never_0() -> None:
    assert pass_at_1({}) is None
    assert pass_at_1({"a": []}) is None
    assert pass_at_1({"a": [(None, True)]}) is None
