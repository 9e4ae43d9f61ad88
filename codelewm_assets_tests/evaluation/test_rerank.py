"""Reranking: credit under ties, which pools count, lifts, saturation and the report's shape."""

import math
from collections.abc import Sequence
from itertools import permutations
from random import Random
from statistics import mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, kendalltau, spearmanr

from codelewm_assets.baselines.controls import reciprocal_rank
from codelewm_assets.claims.register import RERANK_POINTS
from codelewm_assets.evaluation.reports import BenchmarkRerank, Lift
from codelewm_assets.evaluation.rerank import (
    GATE_POINTS,
    bottom_share,
    correlations,
    null_test,
    rerank_benchmark,
    rerank_report,
    top_share,
)
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.evaluation.score_table import ScoreTable
from codelewm_assets_tests.evaluation.rows import score_row

RESAMPLES = 200


def benchmark(rows: Sequence[ScoreRow], *, label: str, resamples: int) -> BenchmarkRerank:
    """Figures of rows."""
    return rerank_benchmark(ScoreTable.of(rows), label=label, resamples=resamples)


POOLS = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.booleans()), min_size=1, max_size=6)


def test_the_top_takes_all_credit_without_ties() -> None:
    assert top_share([(0.9, True), (0.5, False)]) == 1.0
    assert top_share([(0.9, False), (0.5, True)]) == 0.0


def test_the_tied_top_shares_credit() -> None:
    """Three tie at 0.9 and one of them passed: 1/3, whoever comes below."""
    assert top_share([(0.9, True), (0.9, False), (0.9, False), (0.1, True)]) == pytest.approx(1 / 3)


def test_a_score_that_says_nothing_gets_the_share_that_passes() -> None:
    assert top_share([(0.0, True), (0.0, True), (0.0, False), (0.0, False), (0.0, False)]) == 0.4


def test_reciprocal_rank_by_hand() -> None:
    """The first passing member stands third: 1/3."""
    assert reciprocal_rank([(0.9, False), (0.8, False), (0.7, True), (0.6, True)]) == pytest.approx(1 / 3)


def test_reciprocal_rank_of_a_tie_is_the_mean_over_its_orders() -> None:
    """One passing among two tied at the top: place 1 or 2 alike: (1 + 1/2) / 2 = 0.75."""
    assert reciprocal_rank([(0.9, True), (0.9, False)]) == pytest.approx(0.75)


def test_reciprocal_rank_of_two_passing_among_three_tied() -> None:
    """The first of the two stands first in 2/3 of the orders and second in 1/3: 2/3 + 1/6 = 5/6."""
    assert reciprocal_rank([(0.9, True), (0.9, True), (0.9, False)]) == pytest.approx(5 / 6)


def test_correlations_by_hand() -> None:
    """Shares 1, 1/2, 0 under scores 3, 1, 2: ranks differ by 0, 1, 1, so rho = 1 - 6 · 2 / (3 · 8) = 1/2; of three pairs
    two agree: tau = 1/3."""
    rho, tau = correlations(np.array([3.0, 1.0, 2.0]), np.array([1.0, 0.5, 0.0]))
    assert (rho, tau) == pytest.approx((0.5, 1 / 3))


def test_a_constant_score_correlates_with_nothing_and_equal_shares_have_no_right_order() -> None:
    assert correlations(np.ones(3), np.array([1.0, 0.5, 0.0])) == (0.0, 0.0)
    assert np.isnan(correlations(np.array([1.0, 2.0]), np.ones(2))).all()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=8))
@settings(max_examples=100, deadline=None)
def test_correlations_are_scipys(pairs: list[tuple[int, int]]) -> None:
    scores, shares = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    if len(set(scores)) > 1 and len(set(shares)) > 1:
        expected = (spearmanr(scores, shares).statistic, kendalltau(scores, shares).statistic)
        assert correlations(scores, shares) == pytest.approx(expected, abs=1e-9)


def test_the_tied_bottom_shares_its_inputs() -> None:
    """Two tie at the bottom and pass 1/2 and 0 of their inputs: 1/4."""
    assert bottom_share(np.array([0.9, 0.1, 0.1]), np.array([1.0, 0.5, 0.0])) == 0.25


def test_a_benchmark_has_the_share_of_inputs_passed_from_rows_from_label_and_from_the_verdict() -> None:
    """Pool a: shares 1 and 1/4, right order. Pool b: of two outcomes one passes, 1/2 against 1, wrong order. Means 0 and
    (1/4 + 1) / 2."""
    outcomes = [{"outcome": "pass"}, {"outcome": "wrong_output"}]
    rows = [
        score_row(True, 0.9, "a", completion_id="a0", pool_id="a"),
        score_row(False, 0.1, "a", completion_id="a1", pool_id="a", passed_share=0.25),
        score_row(False, 0.8, "b", completion_id="b0", pool_id="b", inputs=outcomes),
        score_row(True, 0.2, "b", completion_id="b1", pool_id="b"),
    ]
    found = benchmark(rows, label="humaneval", resamples=RESAMPLES)
    assert (found.spearman["p_pass"], found.kendall["p_pass"]) == (0.0, 0.0)
    assert found.bottom_1["p_pass"] == 0.625


def test_a_pool_in_which_nothing_passes_has_reciprocal_rank_zero() -> None:
    assert reciprocal_rank([(0.9, False), (0.1, False)]) == 0.0


def _orders(pool: list[tuple[float, bool]]) -> list[list[bool]]:
    """`passed` in every order that agrees with the scores."""
    found = (list(order) for order in permutations(pool))
    return [
        [passed for _, passed in order]
        for order in found
        if [s for s, _ in order] == sorted((s for s, _ in pool))[::-1]
    ]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(POOLS)
def test_shares_equal_the_mean_over_all_orders_of_ties(pool: list[tuple[float, bool]]) -> None:
    orders = _orders(pool)
    assert top_share(pool) == pytest.approx(mean(float(order[0]) for order in orders))
    wanted = mean(1 / (1 + order.index(True)) if True in order else 0.0 for order in orders)
    assert reciprocal_rank(pool) == pytest.approx(wanted)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(POOLS, st.randoms(use_true_random=False))
def test_shares_do_not_depend_on_the_order_in_which_members_are_listed(
    pool: list[tuple[float, bool]], random: Random
) -> None:
    shuffled = list(pool)
    random.shuffle(shuffled)
    assert top_share(shuffled) == top_share(pool)
    assert reciprocal_rank(shuffled) == pytest.approx(reciprocal_rank(pool))


def _pool(problem: str, ours: bool, control: bool, **changes: object) -> list[ScoreRow]:
    """A pool of a passing and a failing member which p_pass and the control order right or wrong."""
    return [
        score_row(True, 0.9 if ours else 0.1, problem, completion_id=f"{problem}/a", lexical=1.0 if control else 0.0,
                  **changes),
        score_row(False, 0.5, problem, completion_id=f"{problem}/b", lexical=0.5, **changes),
    ]  # fmt: skip


def test_figures_of_four_pools_by_hand() -> None:
    """p_pass is right in 3 of 4, the control in 1 of 4: lift 50 points; MRR (3 + 1/2) / 4 and (1 + 3/2) / 4."""
    rows = [*_pool("a", True, True), *_pool("b", True, False), *_pool("c", True, False), *_pool("d", False, False)]
    found = benchmark(rows, label="humaneval", resamples=RESAMPLES)
    assert (found.problem_count, found.pool_count) == (4, 4)
    assert found.pass_at_1 == {"lexical": 0.25, "p_pass": 0.75}
    assert found.mrr == {"lexical": pytest.approx(0.625), "p_pass": pytest.approx(0.875)}
    assert found.lift["lexical"].points == pytest.approx(50.0)
    assert found.lift["lexical"].ci95[0] <= 50.0 <= found.lift["lexical"].ci95[1]
    assert (found.best_control, found.saturated) == ("lexical", False)


def test_a_pool_in_which_one_member_has_no_score_does_not_count_for_that_score() -> None:
    """The control lacks a member of pool b: it is judged on pool a alone, p_pass on both, and they are not compared."""
    rows = [*_pool("a", True, False), *_pool("b", False, True)]
    rows[2] = score_row(True, 0.1, "b", completion_id="b/a", lexical=None)
    found = benchmark(rows, label="humaneval", resamples=RESAMPLES)
    assert found.pass_at_1 == {"lexical": 0.0, "p_pass": 0.5}
    assert (found.lift, found.mrr_lift, found.not_compared) == ({}, {}, {"lexical": 1})
    assert found.pool_count == 2


def test_a_lift_rests_on_the_pools_of_the_subject_and_says_how_many() -> None:
    """p_pass lacks pool c: two pools of two problems are left, which the control has too."""
    rows = [*_pool("a", True, False), *_pool("b", False, True), *_pool("c", True, True)]
    rows[4] = score_row(True, None, "c", completion_id="c/a", lexical=1.0)
    lift = benchmark(rows, label="humaneval", resamples=RESAMPLES).lift["lexical"]
    assert (lift.points, lift.pool_count, lift.problem_count) == (0.0, 2, 2)


def test_a_control_that_stands_in_one_pool_gives_no_lift() -> None:
    """60 pools that p_pass orders wrong but the first, which alone the control has: it gave +100 [100, 100]."""
    rows = [row for i in range(60) for row in _pool(f"p{i:02d}", i == 0, i % 2 == 0)]
    rows[0] = rows[0].model_copy(update={"scores": rows[0].scores | {"llm_order": -2.0}})
    rows[1] = rows[1].model_copy(update={"scores": rows[1].scores | {"llm_order": -1.0}})
    found = benchmark(rows, label="humaneval", resamples=RESAMPLES)
    assert (found.best_control, found.not_compared) == ("lexical", {"llm_order": 1})
    assert set(found.lift) == {"lexical"}
    assert found.lift_over_best_control is not None
    assert found.lift_over_best_control.points == pytest.approx(100 * (1 - 30) / 60)
    assert (found.lift_over_best_control.pool_count, found.lift_over_best_control.problem_count) == (60, 60)


def test_another_candidate_is_shown_and_is_no_control() -> None:
    rows = [
        score_row(True, 0.9, completion_id="a", ranker=0.9, lexical=0.1),
        score_row(False, 0.1, completion_id="b", ranker=0.1, lexical=0.9),
    ]
    found = rerank_benchmark(ScoreTable.of(rows), label="humaneval", resamples=10, candidates=("ranker",))
    assert (found.best_control, found.lift["ranker"].points) == ("lexical", 0.0)


def test_a_control_with_a_few_pools_does_not_decide_on_which_pools_the_best_lift_rests() -> None:
    """p_pass loses 10 of 10 pools to lexical; `order` has the first pool alone, and loses it: all pools say -100, that one says 0.

    With no control on all pools there is no lift over the best one."""
    rows = [row for i in range(10) for row in _pool(f"p{i}", False, True)]
    rows[:2] = [
        score_row(True, 0.1, "p0", completion_id="p0/a", lexical=1.0, order=0.0),
        score_row(False, 0.5, "p0", completion_id="p0/b", lexical=0.5, order=1.0),
    ]
    found = benchmark(rows, label="humaneval", resamples=RESAMPLES)
    assert (found.best_control, found.complete_pool_count) == ("lexical", {"lexical": 10, "order": 1, "p_pass": 10})
    assert found.lift_over_best_control is not None
    assert found.lift_over_best_control.points == found.lift["lexical"].points == -100.0
    rows[2] = score_row(True, 0.1, "p1", completion_id="p1/a", lexical=None)
    found = benchmark(rows, label="humaneval", resamples=RESAMPLES)
    assert (found.best_control, found.lift_over_best_control) == ("lexical", None)
    assert found.complete_pool_count["lexical"] == 9


@pytest.mark.parametrize("absent", [None, math.nan, math.inf])
def test_a_score_that_no_pool_has_whole_is_absent_and_no_control(absent: float | None) -> None:
    rows = [score_row(True, 0.9, completion_id="a", llm_order=1.0), score_row(False, 0.1, llm_order=absent)]
    found = benchmark(rows, label="humaneval", resamples=RESAMPLES)
    assert found.pass_at_1["llm_order"] is None
    assert found.mrr["llm_order"] is None
    assert (found.lift, found.best_control, found.saturated) == ({}, None, None)


def test_the_best_control_is_the_one_with_the_highest_pass_at_1() -> None:
    rows = [score_row(True, 0.9, "a", lexical=0.1, length=2.0), score_row(False, 0.1, "a", lexical=0.2, length=1.0)]
    found = benchmark(rows, label="humaneval", resamples=RESAMPLES)
    assert found.best_control == "length"
    assert found.lift["length"].points == 0.0
    assert found.lift["lexical"].points == 100.0


@pytest.mark.parametrize(("right", "saturated"), [(19, True), (18, False)])
def test_a_benchmark_is_saturated_when_its_best_control_reaches_95_of_100(right: int, saturated: bool) -> None:
    rows = [row for i in range(20) for row in _pool(f"p{i:02d}", True, i < right)]
    assert benchmark(rows, label="humaneval", resamples=RESAMPLES).saturated is saturated


def test_a_lift_is_the_difference_of_the_figures_shown_and_problems_are_drawn_with_all_their_pools() -> None:
    """Problem a has three pools won, b one lost: pass@1 3/4 against 0, 75 points; drawing only b gives 0, only a 100."""
    rows = [row for i in range(3) for row in _pool("a", True, False, pool_id=f"a{i}")]
    rows += _pool("b", False, False)
    found = benchmark(rows, label="humaneval", resamples=RESAMPLES)
    assert found.pass_at_1 == {"lexical": 0.0, "p_pass": 0.75}
    assert found.lift["lexical"].points == pytest.approx(75.0)
    assert found.lift["lexical"].ci95 == (0.0, 100.0)


def test_the_lift_over_the_best_control_is_over_whichever_is_best_in_each_resample() -> None:
    """Of 40 problems p_pass is right in all, one control in the even ones, the other in the odd ones: each alone leaves 50 points.

    In a resample with e even problems the better control has max(e, 40 - e) right, so the lift is at most 50 and mostly less,
    where that over one control is as often above as below."""
    rows = []
    for i in range(40):
        even = 1.0 if i % 2 else 0.0
        rows += [
            score_row(True, 0.9, f"p{i:02d}", completion_id="a", lexical=even, length=1 - even),
            score_row(False, 0.1, f"p{i:02d}", completion_id="b", lexical=0.5, length=0.5),
        ]
    found = benchmark(rows, label="humaneval", resamples=500)
    assert found.lift_over_best_control is not None
    assert found.lift["lexical"].points == found.lift_over_best_control.points == pytest.approx(50.0)
    assert found.lift_over_best_control.ci95[1] <= 50.0 < found.lift["lexical"].ci95[1]
    assert found.lift_over_best_control.ci95[0] <= found.lift["lexical"].ci95[0]


def test_raw_probabilities_are_no_control() -> None:
    rows = [score_row(True, 0.9, "a", completion_id="a", p_pass_raw=0.1, lexical=0.0)]
    rows += [score_row(False, 0.1, "a", completion_id="b", p_pass_raw=0.9, lexical=1.0)]
    found = benchmark(rows, label="humaneval", resamples=RESAMPLES)
    assert (set(found.lift), found.best_control) == ({"lexical"}, "lexical")
    assert found.pass_at_1["p_pass_raw"] == 0.0


def test_power_by_hand() -> None:
    """Differences 1, 0, 1, 0 (in points 100, 0, …): spread √(Σ 50² · 4/3) / 4 = 28.87; 2.80 standard errors are 80.9 points."""
    rows = [
        row for name, ours in zip("abcd", (True, False, True, False), strict=True) for row in _pool(name, ours, False)
    ]
    found = benchmark(rows, label="humaneval", resamples=RESAMPLES).power
    assert found is not None
    assert found.standard_error_points == pytest.approx(100 * 0.5 / 3**0.5)
    assert found.minimum_detectable_effect_points == pytest.approx((1.959964 + 0.841621) * 100 * 0.5 / 3**0.5, rel=1e-5)


def test_one_problem_has_an_interval_that_says_hardly_anything_and_no_power() -> None:
    """+100 points on it; at most 0.975 of all problems are unlike it, each by up to 200 points."""
    found = benchmark(_pool("a", True, False), label="humaneval", resamples=RESAMPLES)
    assert found.lift["lexical"].ci95 == pytest.approx((100 - 0.975 * 200, 100.0))
    assert found.power is None


def test_intervals_of_the_lift_cover_the_truth_in_93_to_97_of_100_simulated_sets() -> None:
    """400 sets of 70 problems with one or two pools; each problem has its own rates, p_pass 60 of 100 and the control 45 on
    average, so the true lift is 15 points for every number of pools."""
    generator, covered = np.random.default_rng(11), 0
    for _ in range(400):
        rows = []
        for i in range(70):
            ours, control = generator.beta(6, 4), generator.beta(4.5, 5.5)
            for q in range(int(generator.integers(1, 3))):
                rows += _pool(
                    f"p{i:03d}", bool(generator.random() < ours), bool(generator.random() < control), pool_id=str(q)
                )
        low, high = benchmark(rows, label="x", resamples=RESAMPLES).lift["lexical"].ci95
        covered += low <= 15.0 <= high
    assert 0.93 <= covered / 400 <= 0.97


def test_without_pool_ids_a_problems_rows_form_one_pool() -> None:
    found = benchmark([*_pool("a", True, True), *_pool("b", True, True)], label="x", resamples=RESAMPLES)
    assert (found.problem_count, found.pool_count) == (2, 2)


def test_pools_of_the_same_name_in_two_problems_are_two_pools() -> None:
    """Each problem has a pool "0": the control is right in a and wrong in b, so its pass@1 is 0.5."""
    rows = [*_pool("a", True, True, pool_id="0"), *_pool("b", True, False, pool_id="0")]
    found = benchmark(rows, label="x", resamples=RESAMPLES)
    assert found.pool_count == 2
    assert found.pass_at_1["lexical"] == 0.5


def test_the_report_has_each_benchmark_under_its_id_with_its_label() -> None:
    rows = [*_pool("a", True, False), *_pool("b", True, False, benchmark_id="mbpp_plus")]
    report = rerank_report(
        ScoreTable.of(rows), seed=42, resamples=RESAMPLES, labels={"mbpp_plus": "mbpp_plus (stand-in)"}
    )
    plain = report.model_dump(mode="json")
    assert list(plain["benchmarks"]) == ["humaneval", "mbpp_plus"]
    assert plain["benchmarks"]["humaneval"]["benchmark_label"] == "humaneval"
    assert plain["benchmarks"]["mbpp_plus"]["benchmark_label"] == "mbpp_plus (stand-in)"
    one = plain["benchmarks"]["humaneval"]
    assert {"problem_count", "pool_count", "pass_at_1", "mrr", "lift", "saturated"} <= set(one)
    assert set(one["lift"]) == {"lexical"}
    assert set(one["lift"]["lexical"]) == {"points", "ci95", "pool_count", "problem_count"}
    assert set(one["pass_at_1"]) == set(one["mrr"]) == {"lexical", "p_pass"}


def test_the_report_does_not_depend_on_the_order_of_rows() -> None:
    rows = [row for i in range(12) for row in _pool(f"p{i}", i % 3 > 0, i % 2 > 0)]
    assert rerank_report(ScoreTable.of(rows[::-1]), seed=1, resamples=RESAMPLES) == rerank_report(
        ScoreTable.of(rows), seed=1, resamples=RESAMPLES
    )


def test_pools_doubled_within_their_problems_leave_the_power_as_it_is() -> None:
    """Problems are the clusters: pools as clusters would make the standard error smaller, by about √2."""
    rows = [
        score_row(passed, 0.9 if passed == (p % 3 > 0) else 0.1, f"p{p}", pool_id=f"p{p}/{copy}", lexical=0.5)
        for p in range(6)
        for copy in range(2)
        for passed in (True, False)
    ]
    once, twice = (
        rerank_benchmark(ScoreTable.of(own), label="humaneval", resamples=100).power
        for own in ([row for row in rows if str(row.pool_id).endswith("/0")], rows)
    )
    assert once is not None and twice is not None
    assert once.standard_error_points > 0
    assert twice.standard_error_points == pytest.approx(once.standard_error_points)


def test_ablations_are_no_controls_and_keep_their_own_lift() -> None:
    rows = [
        score_row(True, 0.9, completion_id="a", no_action=0.9, lexical=0.1),
        score_row(False, 0.1, completion_id="b", no_action=0.1, lexical=0.9),
    ]
    report = rerank_report(ScoreTable.of(rows), seed=None, resamples=10).benchmarks["humaneval"]
    assert report.best_control == "lexical"
    assert report.lift["no_action"].points == 0
    assert (report.lift_over_best_control, report.mrr_lift_over_best_control) == (
        Lift(points=100.0, ci95=(100 - 0.975 * 200, 100.0), pool_count=1, problem_count=1),
        Lift(points=50.0, ci95=(50 - 0.975 * 150, 50 + 0.975 * 50), pool_count=1, problem_count=1),
    )


def test_pools_of_every_size_have_the_figures_that_each_has_alone() -> None:
    generator = np.random.default_rng(5)
    for size in (2, 3, 7):
        scores, shares = generator.integers(0, 3, size=(2, 40, size)).astype(np.float64)
        together = np.stack(correlations(scores, shares))
        alone = np.array([np.stack(correlations(a, b)) for a, b in zip(scores, shares, strict=True)]).T
        assert np.array_equal(together, alone, equal_nan=True)
        bottom = [bottom_share(a, b) for a, b in zip(scores, shares, strict=True)]
        assert np.array_equal(bottom_share(scores, shares), bottom)


def null_rows(problems: int = 60, size: int = 4) -> list[ScoreRow]:
    """A score and two controls that are all noise."""
    generator = np.random.default_rng(7)
    return [
        score_row(
            place < size // 2, float(generator.random()), completion_id=f"{problem}/{place}", problem_id=f"p{problem}",
            random=float(generator.random()), lexical=float(generator.random()),
        )
        for problem in range(problems) for place in range(size)
    ]  # fmt: skip


def test_labels_that_mean_nothing_seldom_open_the_gate_and_the_bound_is_clopper_pearsons() -> None:
    found = null_test(ScoreTable.of(null_rows()), "p_pass", ["random", "lexical"], points=3.0, resamples=200)
    assert found is not None
    assert found.permutations == 200
    assert found.openings <= 10
    tail = binom.cdf(found.openings, found.permutations, found.upper_bound)
    assert tail == pytest.approx(0.05, abs=1e-9)


def test_a_gate_that_asks_for_nothing_opens_by_chance_in_many_permutations() -> None:
    """Without a best control of three, and with any lift enough, one interval in forty is above 0 by chance alone."""
    found = null_test(ScoreTable.of(null_rows(8)), "p_pass", ["random"], points=-100.0, resamples=200)
    assert found is not None
    assert 0 < found.openings < 40


def test_the_null_test_is_that_of_the_report_with_the_points_of_the_register() -> None:
    report = benchmark(null_rows(), label="humaneval", resamples=200)
    assert report.null == null_test(
        ScoreTable.of(null_rows()), "p_pass", ["lexical", "random"], points=RERANK_POINTS.value, resamples=200
    )
    assert RERANK_POINTS.value == GATE_POINTS
    assert null_test(ScoreTable.of(null_rows()), "absent", [], points=3.0, resamples=20) is None
