"""Metrics of one score, by hand, and what is said when they are undefined."""

import math
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from codelewm_assets.evaluation.calibration import (
    auc_difference,
    average_precision,
    calibration_bins,
    calibration_report,
    expected_calibration_error,
    roc_auc,
    score_metrics,
)
from codelewm_assets.evaluation.curves import roc_points
from codelewm_assets_tests.evaluation.rows import score_row

RESAMPLES = 100


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
    arrays = _arrays((0.1, passed), (0.9, passed))
    assert roc_auc(*arrays) is None
    assert average_precision(*arrays) is None


def test_average_precision_by_hand() -> None:
    """Order 0.9 pass, 0.6 fail, 0.4 pass, 0.2 fail: precision 1/1 at the first hit and 2/3 at the second: (1 + 2/3) / 2."""
    found = average_precision(*_arrays((0.9, True), (0.6, False), (0.4, True), (0.2, False)))
    assert found == pytest.approx(5 / 6)


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
    assert score_metrics(rows, "p_pass", resamples=RESAMPLES).brier_score == pytest.approx(0.1)


def test_thresholded_figures_by_hand() -> None:
    """Said to pass at 0.5 or more: 0.9 pass, 0.5 fail, 0.7 pass: precision 2/3; of 3 passing 2 found; right 2 + 1 of 5."""
    pairs = [(0.9, True), (0.5, False), (0.7, True), (0.4, True), (0.1, False)]
    rows = [score_row(passed, score, f"p{i}") for i, (score, passed) in enumerate(pairs)]
    found = score_metrics(rows, "p_pass", resamples=RESAMPLES).thresholded
    assert found is not None
    assert found.threshold == 0.5
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == pytest.approx(2 / 3)
    assert found.accuracy == pytest.approx(3 / 5)


def test_precision_is_absent_when_nothing_is_said_to_pass() -> None:
    rows = [score_row(True, 0.1, "a"), score_row(False, 0.2, "b")]
    found = score_metrics(rows, "p_pass", resamples=RESAMPLES).thresholded
    assert found is not None
    assert (found.precision, found.recall, found.accuracy) == (None, 0.0, 0.5)


def test_both_classes_with_finite_scores_are_ok_and_counted() -> None:
    rows = [score_row(True, 0.9, "a"), score_row(False, 0.2, "b"), score_row(False, 0.1, "c")]
    found = score_metrics(rows, "p_pass", resamples=RESAMPLES)
    assert (found.status, found.positive_count, found.negative_count) == ("ok", 1, 2)
    assert (found.missing_count, found.nonfinite_count, found.roc_auc) == (0, 0, 1.0)


def test_missing_and_non_finite_scores_are_counted_and_left_out() -> None:
    rows = [
        score_row(True, 0.9, "a"),
        score_row(False, 0.2, "b"),
        score_row(True, None, "c"),
        score_row(True, math.nan, "d"),
        score_row(False, math.inf, "e"),
    ]
    found = score_metrics(rows, "p_pass", resamples=RESAMPLES)
    assert (found.status, found.missing_count, found.nonfinite_count) == ("ok", 1, 2)
    assert (found.positive_count, found.negative_count, found.roc_auc) == (1, 1, 1.0)


def test_no_row_with_the_score_is_missing() -> None:
    found = score_metrics([score_row(True, None), score_row(False, None)], "p_pass", resamples=RESAMPLES)
    assert (found.status, found.missing_count, found.roc_auc, found.brier_score) == ("missing", 2, None, None)


def test_no_rows_at_all_is_missing() -> None:
    assert score_metrics([], "p_pass", resamples=RESAMPLES).status == "missing"


def test_only_non_finite_scores_are_no_finite_scores() -> None:
    rows = [score_row(True, math.nan), score_row(False, -math.inf), score_row(False, None)]
    found = score_metrics(rows, "p_pass", resamples=RESAMPLES)
    assert (found.status, found.missing_count, found.nonfinite_count) == ("no_finite_scores", 1, 2)
    assert found.calibration_bins is None


def test_one_class_is_single_class_and_still_has_a_brier_score() -> None:
    """All passed: AUC, interval and average precision are undefined; Brier (0.1² + 0.3²) / 2 = 0.05."""
    found = score_metrics([score_row(True, 0.9, "a"), score_row(True, 0.7, "b")], "p_pass", resamples=RESAMPLES)
    assert found.status == "single_class"
    assert (found.roc_auc, found.roc_auc_ci95, found.average_precision) == (None, None, None)
    assert found.brier_score == pytest.approx(0.05)


def test_a_score_outside_0_to_1_has_an_order_but_no_probability_figures() -> None:
    rows = [score_row(True, 0.5, "a", length=-10.0), score_row(False, 0.5, "b", length=-20.0)]
    found = score_metrics(rows, "length", resamples=RESAMPLES)
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
    found = auc_difference(rows, "lexical", resamples=RESAMPLES)
    assert found is not None
    assert found.difference == 1.0
    assert found.ci95 == (1.0, 1.0)


def test_the_difference_is_absent_without_both_classes_or_without_the_control() -> None:
    assert auc_difference([score_row(True, 0.9, lexical=0.1)], "lexical", resamples=RESAMPLES) is None
    assert auc_difference([score_row(True, 0.9), score_row(False, 0.1)], "lexical", resamples=RESAMPLES) is None
    assert auc_difference([], "lexical", resamples=RESAMPLES) is None


def test_the_report_has_all_scores_overall_and_by_benchmark() -> None:
    rows = [
        score_row(True, 0.9, "a", lexical=0.3),
        score_row(False, 0.1, "b", lexical=0.4),
        score_row(True, 0.8, "c", benchmark_id="mbpp_plus"),
        score_row(False, 0.7, "d", benchmark_id="my_benchmark"),
    ]
    found = calibration_report(rows, seed=42, resamples=RESAMPLES)
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
    first = calibration_report(rows, seed=1, resamples=RESAMPLES)
    again = calibration_report(rows[::-1], seed=1, resamples=RESAMPLES)
    assert again.overall["p_pass"].roc_auc == pytest.approx(first.overall["p_pass"].roc_auc)
    assert again.overall["p_pass"].roc_auc_ci95 == pytest.approx(first.overall["p_pass"].roc_auc_ci95)


def test_roc_points_run_from_0_to_1_and_are_absent_for_a_single_class() -> None:
    points = roc_points([score_row(True, 0.9), score_row(False, 0.1)], "p_pass")
    assert points == ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])
    assert roc_points([score_row(True, 0.9)], "p_pass") is None
    assert roc_points([score_row(True, None), score_row(False, math.nan)], "p_pass") is None
