"""Intervals from influences: derivatives by hand, the same as a bootstrap of problems, and that they cover the truth."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from codelewm_assets.evaluation.bootstrap import interval_by_problem
from codelewm_assets.evaluation.intervals import (
    Clusters,
    Ordering,
    calibration_error_influence,
    clustered_interval,
    mean_influence,
    standard_error,
)

Arrays = tuple[NDArray[np.float64], NDArray[np.bool_]]


def _ordering(scores: NDArray[np.float64], passed: NDArray[np.bool_]) -> Ordering:
    return Ordering.of(np.unique(scores, return_inverse=True)[1].astype(np.int64), passed)


def _weighted(
    scores: NDArray[np.float64], passed: NDArray[np.bool_], weight: NDArray[np.float64]
) -> tuple[float, float]:
    """(ROC-AUC, average precision) with a weight a row, from their definitions as sums over pairs and thresholds."""
    above = (scores[:, None] > scores[None, :]) + 0.5 * (scores[:, None] == scores[None, :])
    positive, negative = weight * passed, weight * ~passed
    area = float(positive @ above @ negative / (positive.sum() * negative.sum()))
    precision = 0.0
    for threshold in np.unique(scores):
        taken = weight[scores >= threshold].sum()
        precision += positive[scores == threshold].sum() / positive.sum() * positive[scores >= threshold].sum() / taken
    return area, float(precision)


@pytest.mark.parametrize("seed", range(3))
def test_influences_are_the_derivatives_by_the_weight_of_a_row(seed: int) -> None:
    """The weight of one row is moved by 1e-6 and the definition evaluated again; scores are tied."""
    generator = np.random.default_rng(seed)
    scores, passed = generator.integers(6, size=20).astype(np.float64), generator.random(20) < 0.5
    passed[:2] = True, False
    area, precision = _ordering(scores, passed).roc_auc(), _ordering(scores, passed).average_precision()
    assert (area[0], precision[0]) == pytest.approx(_weighted(scores, passed, np.ones(20)))
    for row in range(20):
        moved = np.ones(20)
        moved[row] += 1e-6
        slopes = [(a - b) * 1e6 for a, b in zip(_weighted(scores, passed, moved), (area[0], precision[0]), strict=True)]
        assert area[1][row] == pytest.approx(slopes[0], abs=1e-5)
        assert precision[1][row] == pytest.approx(slopes[1], abs=1e-5)


def test_influences_sum_to_nothing() -> None:
    generator = np.random.default_rng(0)
    scores, passed = generator.random(50), generator.random(50) < 0.4
    for _, influence in (
        _ordering(scores, passed).roc_auc(),
        _ordering(scores, passed).average_precision(),
        mean_influence(scores),
        calibration_error_influence(scores, passed, (scores * 10).astype(np.int64)),
    ):
        assert influence.sum() == pytest.approx(0, abs=1e-12)


def test_calibration_error_by_hand() -> None:
    """Bin 8: 0.8 and 0.84, one passes: |1.64 - 1| = 0.64; bin 1: 0.1, none: 0.1; (0.64 + 0.1) / 3."""
    scores, passed = np.array([0.8, 0.84, 0.1]), np.array([True, False, False])
    value, influence = calibration_error_influence(scores, passed, np.array([8, 8, 1]))
    assert value == pytest.approx(0.74 / 3)
    assert influence.tolist() == pytest.approx([(-0.2 - value) / 3, (0.84 - value) / 3, (0.1 - value) / 3])


def test_the_standard_error_of_a_mean_with_one_row_a_problem_is_the_textbook_one() -> None:
    """Spread with n - 1 over the root of n: of 1, 2, 3, 4 it is 1.29099 / 2."""
    _, influence = mean_influence(np.array([1.0, 2.0, 3.0, 4.0]))
    assert standard_error(influence, Clusters.of(np.arange(4))) == pytest.approx(1.2909944 / 2)


def test_rows_of_a_problem_that_agree_count_once() -> None:
    """Each row three times in its problem: the same standard error, not one smaller by the root of 3."""
    values = np.array([1.0, 2.0, 3.0, 4.0])
    once = standard_error(mean_influence(values)[1], Clusters.of(np.arange(4)))
    thrice = standard_error(mean_influence(np.repeat(values, 3))[1], Clusters.of(np.repeat(np.arange(4), 3)))
    assert thrice == pytest.approx(once)


def test_fewer_than_two_problems_have_no_interval() -> None:
    _, influence = mean_influence(np.array([1.0, 2.0]))
    assert clustered_interval(1.5, influence, Clusters.of(np.zeros(2, dtype=np.int64))) is None
    assert clustered_interval(0.0, np.zeros(0), Clusters.of(np.zeros(0, dtype=np.int64))) is None


def test_an_interval_on_the_logit_scale_stays_inside_0_and_1() -> None:
    found = clustered_interval(0.98, np.array([0.01, -0.01, 0.01, -0.01]), Clusters.of(np.arange(4)), scale="logit")
    assert found is not None
    assert 0 < found[0] < 0.98 < found[1] < 1


@pytest.mark.parametrize(("problems", "low"), [(2, 0.158114), (3, 0.292402), (100, 0.963783)])
def test_problems_that_all_agree_leave_an_interval_that_narrows_with_their_number(problems: int, low: float) -> None:
    """All P problems have an area of 1: the bound of Clopper and Pearson for P of P, 0.025^(1 / P)."""
    found = clustered_interval(1.0, np.zeros(problems), Clusters.of(np.arange(problems)), scale="logit")
    assert found == pytest.approx((low, 1.0), abs=1e-6)


def test_an_estimate_without_a_range_that_nothing_moves_has_no_width() -> None:
    assert clustered_interval(0.0, np.zeros(3), Clusters.of(np.arange(3))) == (0.0, 0.0)


def test_an_interval_is_cut_where_the_estimate_cannot_go() -> None:
    found = clustered_interval(0.05, np.array([0.1, -0.1]), Clusters.of(np.arange(2)), lowest=0, highest=1)
    assert found == (0.0, 1.0)


def _simulated(generator: np.random.Generator, problems: int) -> tuple[Arrays, NDArray[np.int64]]:
    """Problems of 4 to 12 rows; a problem shifts all its scores and has its own pass rate, so its rows are not independent."""
    scores, passed, code = [], [], []
    for problem in range(problems):
        size, shift, rate = int(generator.integers(4, 13)), generator.normal(0, 0.5), generator.beta(5, 5)
        verdicts = generator.random(size) < rate
        scores.append(generator.normal(verdicts * 1.0, 1.0) + shift)
        passed.append(verdicts)
        code.append(np.full(size, problem))
    return (np.concatenate(scores), np.concatenate(passed)), np.concatenate(code)


def test_the_interval_is_that_of_a_bootstrap_of_problems() -> None:
    """The same standard error within a tenth, so ends within a tenth of the width."""
    (scores, passed), code = _simulated(np.random.default_rng(5), 150)
    area, influence = _ordering(scores, passed).roc_auc()
    found = clustered_interval(area, influence, Clusters.of(code), scale="logit")
    wanted = interval_by_problem(
        [str(c) for c in code],
        lambda at: _ordering(scores[at], passed[at]).roc_auc()[0],
        resamples=1000,
    )
    assert found is not None
    assert wanted is not None
    assert found == pytest.approx(wanted, abs=0.1 * (wanted[1] - wanted[0]))


def test_intervals_of_roc_auc_cover_the_truth_in_93_to_97_of_100_simulated_sets() -> None:
    """The truth: scores differ by 1 between classes with spread √(1 + 0.5²) each, so the area is Φ(1 / √2.5) = 0.7365."""
    truth = float(norm.cdf(1 / np.sqrt(2 * 1.25)))
    generator, covered = np.random.default_rng(1), 0
    for _ in range(400):
        (scores, passed), code = _simulated(generator, 60)
        found = clustered_interval(*_ordering(scores, passed).roc_auc(), Clusters.of(code), scale="logit")
        assert found is not None
        covered += found[0] <= truth <= found[1]
    assert 0.93 <= covered / 400 <= 0.97


def test_intervals_of_the_brier_score_cover_the_truth_in_93_to_97_of_100_simulated_sets() -> None:
    """A problem has rate r from a beta(3, 3) and is forecast by 0.5: the score is 0.25 in every row whatever passes, so the
    forecast is r moved by ±0.2 instead: E[(f - y)²] = E[r(1 - r)] + 0.04 = (0.25 - 1/28) + 0.04."""
    truth = 0.25 - 1 / 28 + 0.04
    generator, covered = np.random.default_rng(2), 0
    for _ in range(400):
        rates = generator.beta(3, 3, size=60)
        code = np.repeat(np.arange(60), generator.integers(3, 9, size=60))
        passed = generator.random(len(code)) < rates[code]
        forecast = rates[code] + np.where(generator.random(60) < 0.5, 0.2, -0.2)[code]
        found = clustered_interval(*mean_influence((forecast - passed) ** 2), Clusters.of(code))
        assert found is not None
        covered += found[0] <= truth <= found[1]
    assert 0.93 <= covered / 400 <= 0.97
