"""Intervals: seeded, and by problem."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from codelewm_assets.evaluation.bootstrap import interval_by_problem, interval_of_draws, resampled_means


def interval_of_mean(values: Sequence[float], *, resamples: int) -> tuple[float, float]:
    """Interval of the mean of one figure a problem."""
    return interval_of_draws(resampled_means(np.array([values]), np.ones(len(values)), resamples=resamples)[:, 0])


def test_the_same_figures_give_the_same_interval_whatever_was_drawn_before() -> None:
    values = [0.0, 1.0, 4.0, 9.0]
    first = interval_of_mean(values, resamples=200)
    np.random.default_rng(5).random(10)
    assert interval_of_mean(values, resamples=200) == first


def test_the_interval_lies_round_the_mean_and_inside_the_range() -> None:
    values = [float(v) for v in range(20)]
    found = interval_of_mean(values, resamples=500)
    assert 0 < found[0] < 9.5 < found[1] < 19


def test_equal_figures_have_an_interval_of_no_width() -> None:
    assert interval_of_mean([2.5] * 7, resamples=100) == (2.5, 2.5)


def test_without_problems_there_is_no_interval() -> None:
    assert interval_by_problem([], lambda at: 1.0, resamples=100) is None


def test_the_interval_of_means_is_near_the_normal_one() -> None:
    """Of 400 figures with spread 1: mean ± 1.96 / √400 = ± 0.098; 2000 resamples find it to a tenth."""
    values = np.random.default_rng(0).normal(size=400)
    values = (values - values.mean()) / values.std()
    found = interval_of_mean(values.tolist(), resamples=2000)
    assert found == pytest.approx((-0.098, 0.098), rel=0.1)


def test_all_units_of_a_problem_are_drawn_and_draws_are_paired_over_scores() -> None:
    """Problem a has 3 units of 1, b one unit of 0: drawn twice a gives 1, b gives 0, each once gives 3/4. The second score is
    the first one's complement in each resample."""
    drawn = resampled_means(np.array([[3.0, 0.0], [0.0, 1.0]]), np.array([3.0, 1.0]), resamples=200)
    assert set(drawn[:, 0].tolist()) == {0.0, 0.75, 1.0}
    assert np.allclose(drawn.sum(axis=1), 1)


def test_a_problems_rows_are_drawn_together() -> None:
    """Two problems of three rows: every resample holds each problem's rows as often as one another."""
    problems = ["a", "b", "a", "b", "a", "b"]

    def statistic(at: NDArray[np.int64]) -> float:
        counts = np.bincount(at, minlength=6)
        assert len(at) == 6
        assert counts[0] == counts[2] == counts[4]
        assert counts[1] == counts[3] == counts[5]
        return float(len(at))

    assert interval_by_problem(problems, statistic, resamples=50) == (6.0, 6.0)


def test_copies_of_rows_inside_a_problem_do_not_narrow_the_interval() -> None:
    """Ten times the rows and the same four problems: the same interval, unlike with rows drawn one by one."""
    values = np.array([0.0, 1.0, 2.0, 3.0])

    def interval(copies: int) -> tuple[float, float] | None:
        rows = np.repeat(values, copies)
        names = [f"p{int(v)}" for v in rows]
        return interval_by_problem(names, lambda at: float(rows[at].mean()), resamples=200)

    assert interval(10) == interval(1)


def test_a_higher_confidence_is_wider() -> None:
    names = [f"p{i}" for i in range(30)]
    values = np.arange(30.0)
    narrow, wide = (
        interval_by_problem(names, lambda at: float(values[at].mean()), resamples=500, confidence=confidence)
        for confidence in (0.95, 0.99)
    )
    assert narrow is not None
    assert wide is not None
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize(("undefined", "is_known"), [(10, True), (11, False)])
def test_a_statistic_undefined_on_more_than_one_resample_in_ten_has_no_interval(undefined: int, is_known: bool) -> None:
    calls = iter(range(100))
    found = interval_by_problem(["a", "b"], lambda at: None if next(calls) < undefined else 1.0, resamples=100)
    assert (found == (1.0, 1.0)) is is_known
    assert is_known or found is None
