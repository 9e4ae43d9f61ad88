"""Orders by structure, by hand."""

from typing import Any

import pytest

from codelewm_assets.baselines.controls import agreement_scores
from codelewm_assets.baselines.structure import (
    ACROSS,
    FITTED,
    WITHIN,
    Scores,
    fitted_scores,
    reach,
    structure_scores,
    tree_features,
)
from codelewm_assets.core.records import PoolMember

CODES = {"a": "1 + 2 + 3", "b": "1 + 2 + 3 + 4", "c": "7 * 8", "d": "f(1, 2)", "e": "1 + 2"}


def members(*pools: str, problem: str = "p") -> list[PoolMember]:
    """A pool for each text, whose letters are its members in order; capitals fail."""
    return [
        PoolMember(
            pool_id=f"{problem}::pool{number}", problem_id=problem, benchmark_id="humaneval",
            completion_id=letter.lower(), passed=letter.islower(), pool_kind="twin",
        )
        for number, pool in enumerate(pools) for letter in pool
    ]  # fmt: skip


def scores(*pools: str, scored: str = "abcde") -> dict[str, Scores]:
    return structure_scores(members(*pools), CODES, {"p": list(scored)})


def test_every_order_scores_every_member_of_every_pool() -> None:
    found = scores("aBc", "De")
    assert set(found) == {"p::pool0", "p::pool1"}
    for pool, size in zip(found.values(), (3, 2), strict=True):
        assert set(pool) == {*WITHIN, *ACROSS} >= set(FITTED)
        assert {len(values) for values in pool.values()} == {size}


def test_consensus_is_that_of_the_control_and_isolation_minus_the_nearest() -> None:
    """a and b share 3 of 5 token 3-grams, c none."""
    found = scores("aBc")["p::pool0"]
    assert found["consensus_alpha"] == [
        a.consensus for a in agreement_scores({name: CODES[name] for name in "abc"}).values()
    ]
    assert found["consensus_alpha"] == [pytest.approx(0.3), pytest.approx(0.3), 0.0]
    assert found["isolation_alpha"] == [pytest.approx(-0.6), pytest.approx(-0.6), 0.0]


def test_the_nearer_of_a_pair_is_compared_by_what_is_left() -> None:
    """a's nearest is b, and neither has anything of c: 0 each. c has 0 to both, so both are its nearest, and it loses by 0.6."""
    assert scores("aBc")["p::pool0"]["nearer_of_pair_alpha"] == [0.0, 0.0, pytest.approx(-0.6)]


def test_place_length_and_id_by_hand() -> None:
    found = scores("cBa")["p::pool0"]
    assert (found["position"], found["completion_id"]) == ([0.0, 1.0, 2.0], [2.0, 1.0, 0.0])
    assert (found["length"], found["token_count"]) == ([5.0, 13.0, 9.0], [3.0, 7.0, 5.0])


def test_other_pools_and_all_that_is_scored_by_hand() -> None:
    """e is one 3-gram, which a has (1 of 3) and b has (1 of 5); a shares 3 of 5 with b."""
    found = scores("aC", "Be", scored="abce")
    assert found["p::pool1"]["other_pools_alpha"] == [pytest.approx(0.6 / 2), pytest.approx((1 / 3) / 2)]
    assert found["p::pool1"]["problem_consensus_alpha"] == [pytest.approx(0.8 / 3), pytest.approx((1 / 3 + 1 / 5) / 3)]
    assert found["p::pool0"]["pool_count"] == [1.0, 1.0]


def test_a_program_in_two_pools_is_counted_and_not_likened_to_itself() -> None:
    found = scores("aB", "aC")
    assert found["p::pool0"]["pool_count"] == [2.0, 1.0]
    assert found["p::pool0"]["other_pools_alpha"] == [0.0, 0.0]  # to c alone


def test_with_one_pool_there_are_no_others() -> None:
    assert scores("aB")["p::pool0"]["other_pools_raw"] == [None, None]
    assert scores("aB")["p::pool0"]["nearer_of_pair_raw"] == [None, None]  # nothing is left beside the pair


def test_raw_likeness_reads_names_alpha_does_not_and_the_tree_reads_neither_names_nor_numbers() -> None:
    codes = {"a": "x = y + 1", "b": "p = q + 1", "c": "x = y + 2"}
    found = structure_scores(members("aBc"), codes, {"p": list(codes)})["p::pool0"]
    assert found["isolation_tree"] == [-1.0, -1.0, -1.0]
    assert found["isolation_alpha"][0] == -1.0 and found["isolation_raw"][0] != -1.0


def test_tree_features_are_productions_numbered_when_they_repeat() -> None:
    assert tree_features("x") == {"Module(Expr)#0", "Expr(Name)#0", "Name(Load)#0", "Load()#0"}
    assert "Name(Load)#1" in tree_features("x + y")
    assert tree_features("x <") == frozenset()


def test_reach_by_hand() -> None:
    """First pool: the top is right, the bottom tie is half right, and of four right-wrong pairs 2 + 1/2 + 0 stand the right way."""
    result = reach([([3.0, 2.0, 1.0, 1.0], [True, False, True, False]), ([1.0, 0.0], [False, True])])
    assert result is not None
    assert (result.pool_count, result.chance) == (2, 0.5)
    assert result.top == pytest.approx((1 + 0) / 2)
    assert result.bottom == pytest.approx((0.5 + 1) / 2)
    assert result.auc == pytest.approx((2.5 / 4 + 0) / 2)


def test_the_area_of_one_pool_is_scikit_learns() -> None:
    from sklearn.metrics import roc_auc_score

    values, passed = [0.3, 0.1, 0.3, 0.7, 0.2], [True, False, False, True, False]
    result = reach([(values, passed)])
    assert result is not None and result.auc == pytest.approx(roc_auc_score(passed, values), abs=1e-12)


@pytest.mark.parametrize("pools", [[], [([1.0, None], [True, False])], [([1.0, 2.0], [True, True])]])
def test_without_a_pool_that_can_be_ordered_nothing_is_reached(pools: Any) -> None:
    assert reach(pools) is None


def test_a_model_finds_lengths_that_tell_and_nothing_in_lengths_that_do_not() -> None:
    """Twenty problems; passing members are the shorter ones, or shorter in every other problem."""

    def fitted(tells: bool) -> float:
        pools, passed = {}, {}
        for number in range(20):
            right, wrong = (1.0, 2.0) if tells or number % 2 else (2.0, 1.0)
            flat: Scores = {name: [0.0] * 4 for name in FITTED}
            pools[f"p{number}"] = flat | {"length": [right, wrong, right, wrong]}
            passed[f"p{number}"] = [True, False, True, False]
        found = fitted_scores(pools, passed, {name: name for name in pools})
        result = reach([(found[name], passed[name]) for name in pools])
        assert result is not None
        return result.auc

    assert fitted(True) == 1.0
    assert 0.2 <= fitted(False) <= 0.8


def test_a_model_is_not_fitted_on_fewer_problems_than_folds() -> None:
    flat: Scores = {name: [0.0, 0.0] for name in FITTED}
    assert fitted_scores({"a": flat}, {"a": [True, False]}, {"a": "p"}) == {}
