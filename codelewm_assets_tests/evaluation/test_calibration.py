"""Metrics of one score, by hand, and what is said when they are undefined."""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, log_loss, roc_auc_score

from codelewm_assets.evaluation.bins import equal_mass_bins, equal_width_bins, expected_calibration_error, summarise
from codelewm_assets.evaluation.calibration import (
    auc_difference,
    calibration_report,
    score_metrics,
    within_pool_auc,
    within_pool_difference,
)
from codelewm_assets.evaluation.reports import CalibrationBin, ScoreMetrics
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.evaluation.score_table import ScoreTable
from codelewm_assets.release.figures import roc_points
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.evaluation.rows import score_row


def metrics(rows: Sequence[ScoreRow], name: str) -> ScoreMetrics:
    """Metrics of one score of rows."""
    return score_metrics(ScoreTable.of(rows), name)


def roc_auc(scores: NDArray[np.float64], passed: NDArray[np.bool_]) -> float | None:
    """ROC-AUC of a row a score, each of its own problem."""
    return metrics(_rows(*zip(scores.tolist(), passed.tolist(), strict=True)), "length").roc_auc


def calibration_bins(scores: NDArray[np.float64], passed: NDArray[np.bool_]) -> list[CalibrationBin]:
    """The ten bins of equal width."""
    return summarise(scores, passed, equal_width_bins(scores))


def _rows(*pairs: tuple[float, bool]) -> list[ScoreRow]:
    """A row a pair, each of its own problem."""
    return [
        score_row(passed, score if 0 <= score <= 1 else None, f"p{i:03d}", length=score)
        for i, (score, passed) in enumerate(pairs)
    ]


def _arrays(*pairs: tuple[float, bool]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return np.array([score for score, _ in pairs], dtype=np.float64), np.array([passed for _, passed in pairs])


def test_roc_auc_by_hand() -> None:
    """Passing 0.9, 0.4 against failing 0.6, 0.2: 0.9 beats both, 0.4 beats one: 3 of 4 pairs."""
    assert roc_auc(*_arrays((0.9, True), (0.4, True), (0.6, False), (0.2, False))) == 0.75


def test_a_tie_counts_half_in_roc_auc() -> None:
    """Passing 0.5, 0.8 against failing 0.5, 0.5: two ties of 0.5 and two wins: (0.5 + 0.5 + 1 + 1) / 4."""
    assert roc_auc(*_arrays((0.5, True), (0.8, True), (0.5, False), (0.5, False))) == 0.75


def test_roc_auc_is_the_share_of_pairs_in_right_order() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        scores, passed = generator.integers(5, size=12).astype(np.float64), generator.random(12) < 0.5
        passed[:2] = True, False
        pairs = list(product(scores[passed], scores[~passed]))
        wanted = sum((a > b) + 0.5 * (a == b) for a, b in pairs) / len(pairs)
        assert roc_auc(scores, passed) == pytest.approx(wanted)


@pytest.mark.parametrize("passed", [True, False])
def test_a_single_class_has_no_roc_auc_and_no_average_precision(passed: bool) -> None:
    pairs = ((0.1, passed), (0.9, passed))
    assert roc_auc(*_arrays(*pairs)) is None
    assert metrics(_rows(*pairs), "p_pass").average_precision is None


def test_average_precision_by_hand() -> None:
    """Order 0.9 pass, 0.6 fail, 0.4 pass, 0.2 fail: precision 1/1 at the first hit and 2/3 at the second: (1 + 2/3) / 2."""
    found = metrics(_rows((0.9, True), (0.6, False), (0.4, True), (0.2, False)), "p_pass")
    assert found.average_precision == pytest.approx(5 / 6)


def test_bins_hold_their_lower_bound_and_the_last_one_holds_1() -> None:
    scores = [number / 10 for number in range(11)]
    bins = calibration_bins(*_arrays(*((score, True) for score in scores)))
    assert [found.count for found in bins] == [1] * 9 + [2]  # 0.9 and 1.0
    assert [(found.lower, found.upper) for found in bins[:2]] == [(0.0, 0.1), (0.1, 0.2)]


def test_an_empty_bin_has_no_mean_and_no_rate() -> None:
    bins = calibration_bins(*_arrays((0.05, True), (0.07, False)))
    assert (bins[0].count, bins[0].pass_rate) == (2, 0.5)
    assert bins[0].mean_score == pytest.approx(0.06)
    assert (bins[1].count, bins[1].mean_score, bins[1].pass_rate) == (0, None, None)


def test_expected_calibration_error_by_hand() -> None:
    """Bin 8: scores 0.8, 0.84, rate 1/2: gap 0.82 - 0.5 = 0.32, twice. Bin 1: 0.1, rate 0: gap 0.1, once. (0.64 + 0.1) / 3."""
    bins = calibration_bins(*_arrays((0.8, True), (0.84, False), (0.1, False)))
    assert expected_calibration_error(bins) == pytest.approx(0.74 / 3)


def test_a_score_that_says_what_happens_has_no_calibration_error() -> None:
    assert expected_calibration_error(calibration_bins(*_arrays((1.0, True), (0.0, False)))) == 0.0


def test_expected_calibration_error_of_nothing_is_absent() -> None:
    assert expected_calibration_error([]) is None


def test_brier_score_by_hand() -> None:
    """(0.8 - 1)² = 0.04, (0.4 - 0)² = 0.16: mean 0.1."""
    rows = [score_row(True, 0.8, "a"), score_row(False, 0.4, "b")]
    assert metrics(rows, "p_pass").brier_score == pytest.approx(0.1)


def test_brier_skill_score_by_hand() -> None:
    """Half pass, so the share alone scores 0.5 * 0.5 = 0.25; the scores reach 0.1: 1 - 0.1 / 0.25 = 0.6."""
    rows = [score_row(True, 0.8, "a"), score_row(False, 0.4, "b")]
    assert metrics(rows, "p_pass").brier_skill_score == pytest.approx(0.6)


def test_a_share_of_one_has_no_skill_to_be_compared_with() -> None:
    assert metrics([score_row(True, 0.8, "a")], "p_pass").brier_skill_score is None


def test_thresholded_figures_by_hand() -> None:
    """Said to pass at 0.5 or more: 0.9 pass, 0.5 fail, 0.7 pass: precision 2/3; of 3 passing 2 found; right 2 + 1 of 5."""
    pairs = [(0.9, True), (0.5, False), (0.7, True), (0.4, True), (0.1, False)]
    rows = [score_row(passed, score, f"p{i}") for i, (score, passed) in enumerate(pairs)]
    found = metrics(rows, "p_pass").thresholded
    assert found is not None
    assert found.threshold == 0.5
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == pytest.approx(2 / 3)
    assert found.accuracy == pytest.approx(3 / 5)


def test_precision_is_absent_when_nothing_is_said_to_pass() -> None:
    rows = [score_row(True, 0.1, "a"), score_row(False, 0.2, "b")]
    found = metrics(rows, "p_pass").thresholded
    assert found is not None
    assert (found.precision, found.recall, found.accuracy) == (None, 0.0, 0.5)


def test_both_classes_with_finite_scores_are_ok_and_counted() -> None:
    rows = [score_row(True, 0.9, "a"), score_row(False, 0.2, "b"), score_row(False, 0.1, "c")]
    found = metrics(rows, "p_pass")
    assert (found.status, found.positive_count, found.negative_count) == ("ok", 1, 2)
    assert (found.missing_count, found.nonfinite_count, found.roc_auc) == (0, 0, 1.0)


def test_missing_and_non_finite_scores_are_counted_and_excluded() -> None:
    rows = [
        score_row(True, 0.9, "a"),
        score_row(False, 0.2, "b"),
        score_row(True, None, "c"),
        score_row(True, math.nan, "d"),
        score_row(False, math.inf, "e"),
    ]
    found = metrics(rows, "p_pass")
    assert (found.status, found.missing_count, found.nonfinite_count) == ("ok", 1, 2)
    assert (found.positive_count, found.negative_count, found.roc_auc) == (1, 1, 1.0)


def test_no_row_with_the_score_is_missing() -> None:
    found = metrics([score_row(True, None), score_row(False, None)], "p_pass")
    assert (found.status, found.missing_count, found.roc_auc, found.brier_score) == ("missing", 2, None, None)


def test_no_rows_at_all_is_missing() -> None:
    assert metrics([], "p_pass").status == "missing"


def test_only_non_finite_scores_are_no_finite_scores() -> None:
    rows = [score_row(True, math.nan), score_row(False, -math.inf), score_row(False, None)]
    found = metrics(rows, "p_pass")
    assert (found.status, found.missing_count, found.nonfinite_count) == ("no_finite_scores", 1, 2)
    assert found.calibration_bins is None


def test_one_class_is_single_class_and_still_has_a_brier_score() -> None:
    """All passed: AUC, interval and average precision are undefined; Brier (0.1² + 0.3²) / 2 = 0.05."""
    found = metrics([score_row(True, 0.9, "a"), score_row(True, 0.7, "b")], "p_pass")
    assert found.status == "single_class"
    assert (found.roc_auc, found.roc_auc_ci95, found.average_precision) == (None, None, None)
    assert found.brier_score == pytest.approx(0.05)


def test_a_score_outside_0_to_1_has_an_order_but_no_probability_figures() -> None:
    rows = [score_row(True, 0.5, "a", length=-10.0), score_row(False, 0.5, "b", length=-20.0)]
    found = metrics(rows, "length")
    assert (found.status, found.roc_auc) == ("ok", 1.0)
    assert (found.brier_score, found.expected_calibration_error) == (None, None)
    assert (found.thresholded, found.calibration_bins) == (None, None)


def test_the_difference_is_taken_on_rows_that_have_both_scores() -> None:
    """On the two complete problems p_pass orders right (AUC 1) and the control wrong (AUC 0); the third row has no control."""
    rows = [
        score_row(True, 0.9, "a", lexical=0.1),
        score_row(False, 0.1, "a", lexical=0.9),
        score_row(True, 0.8, "b", lexical=0.2),
        score_row(False, 0.2, "b", lexical=0.8),
        score_row(True, 0.0, "c", lexical=None),
    ]
    found = auc_difference(ScoreTable.of(rows), "lexical")
    assert found is not None
    assert found.difference == 1.0
    assert found.ci95 == pytest.approx((1 - 2 * (1 - 0.025**0.5), 1.0))  # both of two problems agree


def test_rows_doubled_within_their_problems_leave_every_interval_as_it_is() -> None:
    """Problems are the clusters. Each row's influence is halved and there are two of it: the sum over a problem stays.

    Rows, or pools, as clusters would make the intervals narrower. Some rows have no lexical score, and each problem has
    two pools, each of which is there twice too.
    """
    generator = np.random.default_rng(4)
    rows = [
        score_row(
            bool(generator.integers(2)),
            float(generator.random()),
            f"p{i % 12}",
            completion_id=f"c{i}",
            pool_id=f"p{i % 12}/{i % 24 // 12}",
            lexical=None if i % 9 == 0 else float(generator.random()),
        )
        for i in range(96)
    ]
    again = [row.model_copy(update={"pool_id": f"{row.pool_id} again"}) for row in rows]
    once, twice = (calibration_report(ScoreTable.of(own), seed=42) for own in (rows, [*rows, *again]))
    assert once.difference["lexical"].ci95 == pytest.approx(twice.difference["lexical"].ci95)
    for name in ("p_pass", "lexical"):
        intervals = [
            {field: value for field, value in report.overall[name].model_dump().items() if field.endswith("_ci95")}
            for report in (once, twice)
        ]
        assert len(intervals[0]) == 6 and None not in intervals[0].values()
        for field, interval in intervals[0].items():
            assert intervals[1][field] == pytest.approx(interval), field


def test_the_difference_is_absent_without_both_classes_or_without_the_control() -> None:
    assert auc_difference(ScoreTable.of([score_row(True, 0.9, lexical=0.1)]), "lexical") is None
    assert auc_difference(ScoreTable.of([score_row(True, 0.9), score_row(False, 0.1)]), "lexical") is None
    assert auc_difference(ScoreTable.of([]), "lexical") is None


def test_the_report_has_all_scores_overall_and_by_benchmark() -> None:
    rows = [
        score_row(True, 0.9, "a", lexical=0.3),
        score_row(False, 0.1, "b", lexical=0.4),
        score_row(True, 0.8, "c", benchmark_id="mbpp_plus"),
        score_row(False, 0.7, "d", benchmark_id="my_benchmark"),
    ]
    found = calibration_report(ScoreTable.of(rows), seed=42)
    assert (found.row_count, found.problem_count, found.seed) == (4, 4, 42)
    assert set(found.overall) == {"p_pass", "lexical"}
    assert list(found.slices.benchmark) == ["humaneval", "mbpp_plus", "my_benchmark"]
    assert found.slices.benchmark["humaneval"]["p_pass"].roc_auc == 1.0
    assert found.slices.benchmark["mbpp_plus"]["p_pass"].status == "single_class"
    assert found.slices.benchmark["mbpp_plus"]["lexical"].status == "missing"
    assert found.overall["lexical"].missing_count == 2


def test_the_report_does_not_depend_on_the_order_of_rows() -> None:
    generator = np.random.default_rng(3)
    rows = [
        score_row(bool(i % 3), float(generator.random()), f"p{i % 7}", completion_id=f"c{i}", lexical=i / 40)
        for i in range(40)
    ]
    first = calibration_report(ScoreTable.of(rows), seed=1)
    again = calibration_report(ScoreTable.of(rows[::-1]), seed=1)
    assert again == first


def test_roc_points_run_from_0_to_1_and_are_absent_for_a_single_class() -> None:
    points = roc_points([score_row(True, 0.9), score_row(False, 0.1)], "p_pass")
    assert points == ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])
    assert roc_points([score_row(True, 0.9)], "p_pass") is None
    assert roc_points([score_row(True, None), score_row(False, math.nan)], "p_pass") is None


def test_average_precision_of_ties_is_that_of_one_threshold() -> None:
    """All three at 0.5, one passes: precision 1/3 at the only threshold."""
    found = metrics(_rows((0.5, True), (0.5, False), (0.5, False)), "p_pass")
    assert found.average_precision == pytest.approx(1 / 3)


def test_log_loss_by_hand() -> None:
    """-ln 0.8 for the passing row and -ln(1 - 0.4) for the failing one, halved."""
    found = metrics(_rows((0.8, True), (0.4, False)), "p_pass")
    assert found.log_loss == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)


def test_a_sure_and_wrong_probability_has_a_large_and_finite_log_loss() -> None:
    """A probability of 0 for what passed is read as 2.2e-16: -ln of it is 36.04."""
    assert metrics(_rows((0.0, True), (0.0, False)), "p_pass").log_loss == pytest.approx(36.04 / 2, rel=1e-3)


def test_equal_mass_bins_hold_a_tenth_each_and_equal_scores_lie_in_one() -> None:
    scores = np.arange(100) / 100
    assert np.bincount(equal_mass_bins(scores).of_row).tolist() == [10] * 10
    tied = np.array([0.3] * 95 + [0.1, 0.2, 0.5, 0.6, 0.7])
    of_row = equal_mass_bins(tied).of_row
    assert len(set(of_row[:95].tolist())) == 1
    assert np.bincount(equal_mass_bins(np.full(7, 0.25)).of_row).tolist() == [7]


def test_the_threshold_table_has_nine_thresholds_and_counts_that_add_up() -> None:
    found = metrics(_rows((0.95, True), (0.55, False), (0.5, True), (0.2, False), (0.05, True)), "p_pass")
    assert found.threshold_table is not None
    assert [row.threshold for row in found.threshold_table] == [i / 10 for i in range(1, 10)]
    for row in found.threshold_table:
        assert row.true_positive + row.false_negative == 3
        assert row.false_positive + row.true_negative == 2
        assert row.predicted_positive_count == row.true_positive + row.false_positive
    assert found.thresholded == found.threshold_table[4]
    assert (found.thresholded.true_positive, found.thresholded.false_positive) == (2, 1)  # 0.5 is at the threshold
    assert found.thresholded.f1 == pytest.approx(2 * 2 / (3 + 3))


def test_within_pool_auc_is_the_mean_over_pools_that_hold_both_classes() -> None:
    """Pool a orders right (1), pool b has a tie (0.5), pool c only passes: (1 + 0.5) / 2, whatever the levels of the pools."""
    rows = [
        score_row(True, 0.2, "a", completion_id="1"), score_row(False, 0.1, "a", completion_id="2"),
        score_row(True, 0.9, "b", completion_id="1"), score_row(False, 0.9, "b", completion_id="2"),
        score_row(True, 0.5, "c", completion_id="1"),
    ]  # fmt: skip
    found = metrics(rows, "p_pass")
    assert (found.within_pool_auc, found.within_pool_count) == (0.75, 2)


def test_pools_of_a_problem_are_distinguished_and_without_a_pool_a_problems_rows_are_one() -> None:
    """Each pool is in order: 1. As one pool 0.9 beats both and 0.1 one of two: 3 of 4."""
    pairs = [(True, 0.9, "x"), (False, 0.5, "x"), (True, 0.1, "y"), (False, 0.05, "y")]
    apart = [score_row(p, s, "a", pool_id=pool, completion_id=str(i)) for i, (p, s, pool) in enumerate(pairs)]
    assert metrics(apart, "p_pass").within_pool_auc == 1.0
    together = [row.model_copy(update={"pool_id": None}) for row in apart]
    assert metrics(together, "p_pass").within_pool_auc == 0.75


def test_within_pool_auc_of_nothing_is_absent() -> None:
    areas, places = within_pool_auc(np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0, np.int64))
    assert (len(areas), len(places)) == (0, 0)
    assert metrics(_rows((0.1, True), (0.9, False)), "p_pass").within_pool_auc is None


@each_case("seed", range(5))
def test_figures_equal_those_of_scikit_learn_on_random_rows(seed: int) -> None:
    """To 1e-12, with ties: scores of two digits."""
    generator = np.random.default_rng(seed)
    scores = np.round(generator.beta(2, 2, size=400), 2)
    passed = generator.random(400) < scores
    found = metrics(_rows(*zip(scores.tolist(), passed.tolist(), strict=True)), "p_pass")
    assert found.thresholded is not None
    assert found.roc_auc == pytest.approx(roc_auc_score(passed, scores), abs=1e-12)
    assert found.average_precision == pytest.approx(average_precision_score(passed, scores), abs=1e-12)
    assert found.brier_score == pytest.approx(brier_score_loss(passed, scores), abs=1e-12)
    assert found.log_loss == pytest.approx(log_loss(passed, scores), abs=1e-12)
    assert found.thresholded.f1 == pytest.approx(f1_score(passed, scores >= 0.5), abs=1e-12)


@each_case("seed", range(5))
def test_bins_equal_those_of_scikit_learn_on_random_rows(seed: int) -> None:
    """To 1e-12, on scores that lie on no edge: an edge belongs to the bin above here and to the one below there."""
    generator = np.random.default_rng(seed)
    scores = generator.beta(2, 2, size=397)
    passed = generator.random(397) < scores
    found = metrics(_rows(*zip(scores.tolist(), passed.tolist(), strict=True)), "p_pass")
    rates, means = calibration_curve(passed, scores, n_bins=10, strategy="uniform")
    full = [b for b in found.calibration_bins or [] if b.count]
    assert [b.pass_rate for b in full] == pytest.approx(rates.tolist(), abs=1e-12)
    assert [b.mean_score for b in full] == pytest.approx(means.tolist(), abs=1e-12)
    wanted = float(np.sum([b.count / 397 * abs(m - r) for b, m, r in zip(full, means, rates, strict=True)]))
    assert found.expected_calibration_error == pytest.approx(wanted, abs=1e-12)


def test_a_score_above_1_is_not_a_probability_and_a_control_may_have_one() -> None:
    with pytest.raises(ValueError, match=r"scores\.p_pass is 1\.5; wanted a probability"):
        score_row(True, 1.5)
    assert score_row(True, 0.5, length=-300.0).finite("length") == -300.0


def test_a_row_of_the_train_part_is_not_evidence() -> None:
    with pytest.raises(ValueError, match="split is train"):
        score_row(True, 0.5, split="train")


def test_slices_by_kind_set_one_class_against_all_of_the_other() -> None:
    """Rewrites all pass, one-bug mutants all fail at 0.1 and 0.8: against the rewrite at 0.5 the mutants' AUC is 1/2."""
    rows = [
        score_row(True, 0.5, "a", completion_kind="rewrite", operator_family="rename"),
        score_row(False, 0.1, "b", completion_kind="one_bug", operator_family="operator"),
        score_row(False, 0.8, "c", completion_kind="one_bug", operator_family="constant"),
        score_row(False, 0.9, "d", completion_kind="two_bug", operator_family="constant"),
    ]
    slices = calibration_report(ScoreTable.of(rows), seed=None).slices
    assert list(slices.completion_kind) == ["one_bug", "rewrite", "two_bug"]
    assert slices.completion_kind["one_bug"]["p_pass"].roc_auc == 0.5
    assert slices.completion_kind["two_bug"]["p_pass"].roc_auc == 0.0
    assert slices.completion_kind["rewrite"]["p_pass"].negative_count == 3
    assert slices.operator_family["constant"]["p_pass"].negative_count == 2


def test_raw_probabilities_are_the_models_own_and_no_control() -> None:
    rows = [score_row(True, 0.9, "a", p_pass_raw=0.99), score_row(False, 0.1, "b", p_pass_raw=0.01)]
    report = calibration_report(ScoreTable.of(rows), seed=None)
    assert set(report.overall) == {"p_pass", "p_pass_raw"}
    assert report.difference == {}


def test_the_within_pool_difference_is_the_mean_over_pools_of_scikit_learns_areas() -> None:
    generator = np.random.default_rng(11)
    rows = [
        score_row(
            bool(generator.random() < 0.5), float(generator.random()), completion_id=f"{problem}/{member}",
            problem_id=f"p{problem}", no_action=float(generator.random()),
        )
        for problem in range(12) for member in range(6)
    ]  # fmt: skip
    differences = []
    for problem in range(12):
        own = [row for row in rows if row.problem_id == f"p{problem}"]
        passed = [row.passed for row in own]
        if len(set(passed)) == 2:
            ours, other = (roc_auc_score(passed, [row.scores[name] for row in own]) for name in ("p_pass", "no_action"))
            differences.append(ours - other)
    found = within_pool_difference(ScoreTable.of(rows), "no_action")
    assert found is not None
    assert found.difference == pytest.approx(sum(differences) / len(differences), abs=1e-12)
    assert found.ci95[0] < found.difference < found.ci95[1]
    report = calibration_report(ScoreTable.of(rows), seed=None)
    assert report.within_pool_difference == {"humaneval": {"no_action": found}}


def test_a_score_that_no_row_has_makes_no_within_pool_difference() -> None:
    rows = [score_row(True, 0.9, completion_id="a"), score_row(False, 0.1, completion_id="b")]
    assert within_pool_difference(ScoreTable.of(rows), "no_action") is None
