"""Platt scaling: by hand, towards the truth, and when there is nothing to fit."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from codelewm_assets.evaluation.platt import INTERCEPTS, SLOPES, fit_platt, sigmoid


def test_sigmoid_by_hand() -> None:
    """1 / (1 + e^0) = 0.5; 1 / (1 + e^-ln 3) = 3/4; far out it neither overflows nor leaves [0, 1]."""
    assert sigmoid(np.array([0.0, np.log(3), -1e4, 1e4])).tolist() == pytest.approx([0.5, 0.75, 0.0, 1.0])


def test_the_scaling_by_hand() -> None:
    """Logits ±2 ln 3, of which three in four are right: the best probability is 3/4, the logit ln 3, so the slope is 1/2.

    The loss before is -(3 ln 0.9 + ln 0.1) / 4 = 0.6547, after it is -(3 ln 0.75 + ln 0.25) / 4 = 0.5623."""
    logits = np.array([1, 1, 1, 1, -1, -1, -1, -1]) * 2 * np.log(3)
    found = fit_platt(logits, [True, True, True, False, False, False, False, True], fold=3)
    assert (found.fold, found.record_count) == (3, 8)
    assert (found.slope, found.intercept) == pytest.approx((0.5, 0.0), abs=1e-4)
    assert found.loss_before == pytest.approx(0.6547, abs=1e-4)
    assert found.loss_after == pytest.approx(0.5623, abs=1e-4)


def test_the_intercept_by_hand() -> None:
    """One record in four passes and the logits say nothing: the best probability is 1/4, the logit -ln 3."""
    found = fit_platt(np.zeros(8), [True, False, False, False] * 2, fold=0)
    assert found.intercept == pytest.approx(-np.log(3), abs=1e-4)
    assert found.probabilities(np.zeros(1)).tolist() == pytest.approx([0.25], abs=1e-4)


def test_the_fit_is_that_of_an_unpenalised_logistic_regression() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, size=5_000)
    passed = generator.random(5_000) < sigmoid(0.4 * logits - 1.2)
    found = fit_platt(logits, passed.tolist(), fold=0)
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logits[:, None], passed)
    assert (found.slope, found.intercept) == pytest.approx((peer.coef_[0, 0], peer.intercept_[0]), abs=1e-4)


def test_logits_that_say_the_opposite_are_flattened_as_far_as_may_be_and_keep_their_order() -> None:
    found = fit_platt(np.array([3.0, -3.0] * 10), [False, True] * 10, fold=0)
    assert found.slope == SLOPES[0]
    low, high = found.probabilities(np.array([-3.0, 3.0]))
    assert low < high
    assert INTERCEPTS[0] < found.intercept < INTERCEPTS[1]


@pytest.mark.parametrize("passed", [[], [True, True], [False]])
def test_without_both_classes_nothing_is_fitted_and_that_is_said(passed: list[bool]) -> None:
    found = fit_platt(np.ones(len(passed)), passed, fold=0)
    assert (found.slope, found.intercept, found.record_count) == (1.0, 0.0, len(passed))
    assert (found.loss_before, found.loss_after) == (None, None)
