"""Temperature scaling: by hand, towards the truth, and when there is nothing to fit."""

import numpy as np
import pytest

from codelewm_assets.evaluation.temperature import HIGHEST, fit_temperature, sigmoid


def test_sigmoid_by_hand() -> None:
    """1 / (1 + e^0) = 0.5; 1 / (1 + e^-ln 3) = 3/4; far out it neither overflows nor leaves [0, 1]."""
    assert sigmoid(np.array([0.0, np.log(3), -1e4, 1e4])).tolist() == pytest.approx([0.5, 0.75, 0.0, 1.0])


def test_the_temperature_by_hand() -> None:
    """Logits ±2 ln 3, of which three in four are right: the best probability is 3/4, the logit ln 3, so T = 2.

    The loss before is -(3 ln 0.9 + ln 0.1) / 4 = 0.6547, after it is -(3 ln 0.75 + ln 0.25) / 4 = 0.5623."""
    logits = np.array([1, 1, 1, 1, -1, -1, -1, -1]) * 2 * np.log(3)
    found = fit_temperature(logits, [True, True, True, False, False, False, False, True], fold=3)
    assert (found.fold, found.record_count) == (3, 8)
    assert found.value == pytest.approx(2.0, abs=1e-4)
    assert found.loss_before == pytest.approx(0.6547, abs=1e-4)
    assert found.loss_after == pytest.approx(0.5623, abs=1e-4)


def test_a_fitted_temperature_finds_the_one_that_logits_were_made_with() -> None:
    generator = np.random.default_rng(0)
    true = generator.normal(0, 2, size=20_000)
    passed = generator.random(20_000) < sigmoid(true)
    assert fit_temperature(true * 3, passed.tolist(), fold=0).value == pytest.approx(3.0, rel=0.03)


def test_logits_that_say_the_opposite_are_flattened_as_far_as_may_be() -> None:
    found = fit_temperature(np.array([3.0, -3.0] * 10), [False, True] * 10, fold=0)
    assert found.value == pytest.approx(HIGHEST, rel=1e-3)


@pytest.mark.parametrize("passed", [[], [True, True], [False]])
def test_without_both_classes_nothing_is_fitted_and_that_is_said(passed: list[bool]) -> None:
    found = fit_temperature(np.ones(len(passed)), passed, fold=0)
    assert (found.value, found.record_count, found.loss_before, found.loss_after) == (1.0, len(passed), None, None)
