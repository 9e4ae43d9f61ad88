"""The smallest lift that can be shown, by hand."""

import pytest

from codelewm_assets.preflight.power import chance_pass_at_1, minimum_detectable_lift_points


def test_the_smallest_lift_by_hand() -> None:
    """z(0.975) + z(0.8) = 1.95996 + 0.84162 = 2.80159; spread √(2·0.5·0.5) = 0.70711; 100·2.80159·0.70711/√100 = 19.81."""
    assert minimum_detectable_lift_points(100, 0.5) == pytest.approx(19.81, abs=0.005)


def test_four_times_the_problems_halve_the_smallest_lift() -> None:
    one, four = (minimum_detectable_lift_points(n, 0.3) for n in (25, 100))
    assert one is not None and four is not None
    assert four == pytest.approx(one / 2)


def test_a_control_is_as_hard_to_beat_at_p_as_at_1_minus_p() -> None:
    assert minimum_detectable_lift_points(50, 0.2) == pytest.approx(minimum_detectable_lift_points(50, 0.8) or 0)


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_no_lift_is_called_detectable_for_free(chance: float) -> None:
    """The variance has a floor of 0.01: 100·2.80159·0.1/√100 = 2.80."""
    assert minimum_detectable_lift_points(100, chance) == pytest.approx(2.80, abs=0.005)


def test_without_problems_there_is_no_smallest_lift() -> None:
    assert minimum_detectable_lift_points(0, 0.5) is None


def test_chance_is_the_mean_share_of_passing_members() -> None:
    """(1/2 + 2/5) / 2 = 0.45: pools count alike, whatever their size."""
    assert chance_pass_at_1({"a": [True, False], "b": [True, True, False, False, False]}) == pytest.approx(0.45)


def test_chance_without_pools_is_refused() -> None:
    with pytest.raises(ValueError, match="no pools: chance is undefined"):
        chance_pass_at_1({})
