"""The smallest lift that a run would show: what must hold of it, and a case worked by hand."""

import math

import pytest

from codelewm_assets.preflight.power import POWER, Z_ALPHA, ControlCredits, minimum_detectable_lift_points


def credits(problems: int, pools: int = 1, right: float = 0.5) -> ControlCredits:
    """So many problems with so many pools each, of which the control gets the first ones wholly right."""
    first = round(problems * right)
    return ControlCredits({f"p{n:04d}": [1.0 if n < first else 0.0] * pools for n in range(problems)})


def smallest(control: ControlCredits, seed: int = 0) -> float:
    found = minimum_detectable_lift_points(control, seed=seed)
    assert found is not None
    return found


def test_it_is_near_the_normal_approximation_where_that_holds() -> None:
    """200 problems, the control right on half, the model on 0.5 + L of them, independently.

    A difference has variance 0.25 + (0.5 + L)(0.5 - L), and the interval must lie above 0: 1.95996 of its standard errors.
    The control is what it is, so that a run's lift scatters with the model's variance alone: 0.84162 of those for 80%.
    L = 0.125 solves it: 1.95996·√(0.4844/200) + 0.84162·√(0.2344/200) = 0.0965 + 0.0288.
    """
    by_hand = 100 * (Z_ALPHA * math.sqrt(0.4844 / 200) + 0.8416212 * math.sqrt(0.2344 / 200))
    assert by_hand == pytest.approx(12.53, abs=0.05)
    assert smallest(credits(200)) == pytest.approx(by_hand, abs=0.8)


def test_four_times_the_problems_nearly_halve_the_smallest_lift() -> None:
    assert smallest(credits(320)) == pytest.approx(smallest(credits(80)) / 2, rel=0.15)


def test_more_pools_of_a_problem_show_smaller_lifts() -> None:
    uneven = {f"p{n:03d}": [float((n + k) % 3 == 0) for k in range(4)] for n in range(60)}
    four = smallest(ControlCredits(uneven))
    one = smallest(ControlCredits({name: pools[:1] for name, pools in uneven.items()}))
    assert four < one


@pytest.mark.parametrize("right", [0.0, 0.1, 0.9])
def test_no_lift_is_detectable_for_free(right: float) -> None:
    assert smallest(credits(100, right=right)) > 0


def test_a_control_that_is_always_right_leaves_nothing_to_show() -> None:
    assert minimum_detectable_lift_points(credits(100, right=1.0), seed=0) is None


@pytest.mark.parametrize("problems", [0, 1, 3])
def test_too_few_problems_show_no_lift(problems: int) -> None:
    assert minimum_detectable_lift_points(credits(problems), seed=0) is None


def test_the_v09_sample_of_17_problems_shows_no_small_lift() -> None:
    assert smallest(credits(17)) > 30


def test_the_same_seed_gives_the_same_figure_and_another_nearly_the_same() -> None:
    assert smallest(credits(100)) == smallest(credits(100))
    assert abs(smallest(credits(100)) - smallest(credits(100), seed=1)) <= 1.5
    assert POWER == 0.8
