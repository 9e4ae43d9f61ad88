"""Minimum detectable rerank lift, by simulation over the pools that will be scored."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z_ALPHA = 1.959963984540054  # two-sided 5%: the interval that the gate asks to lie above 0
POWER = 0.8
SIMULATIONS = 1000
STEP_POINTS = 0.25
MAX_POINTS = 100.0
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ControlCredits:
    """Credits of the best control on each pool, by problem.

    Attributes:
        credits: problem id → for each pool the share of passing members among those tied at the control's top, in [0, 1].
    """

    credits: Mapping[str, Sequence[float]]

    @property
    def pool_count(self) -> int:
        """Pools of all problems."""
        return sum(len(pools) for pools in self.credits.values())

    @property
    def pass_at_1(self) -> float | None:
        """Mean over pools; None without pools."""
        values = [value for pools in self.credits.values() for value in pools]
        return math.fsum(values) / len(values) if values else None


def minimum_detectable_lift_points(control: ControlCredits, *, seed: int) -> float | None:
    """Smallest true lift in pass@1 over the control, in points, that at least 80% of simulated runs show.

    A simulated model varies over problems as the control does: each problem gets the control's rate on a random problem,
    raised by the lift; each of its pools is then right with that probability. A run shows the lift when the 95% interval of
    the mean paired difference, by problem, lies above 0. The control's credits are the observed ones.

    Args:
        seed: of the generator.

    Returns: points, in steps of 0.25; None when there are fewer than two problems, or no lift is enough.
    """
    if len(control.credits) < 2:
        return None
    names = sorted(control.credits)
    sizes = np.array([len(control.credits[name]) for name in names])  # (N,) pools of each problem
    control_rates = np.array([math.fsum(control.credits[name]) / len(control.credits[name]) for name in names])  # (N,)
    generator = np.random.default_rng(seed)
    rates = control_rates[
        generator.integers(0, len(names), (SIMULATIONS, len(names)))
    ]  # (S, N) what the model's problems resemble
    # common random numbers for all lifts keep the power monotone; (S, N, max pools of a problem)
    uniforms = generator.random((SIMULATIONS, len(names), int(sizes.max())))
    low, high = 0, round(MAX_POINTS / STEP_POINTS)
    if _power(control_rates, sizes, rates, uniforms, high * STEP_POINTS) < POWER:
        return None
    while high - low > 1:  # power grows with the lift
        middle = (low + high) // 2
        is_enough = _power(control_rates, sizes, rates, uniforms, middle * STEP_POINTS) >= POWER
        low, high = (low, middle) if is_enough else (middle, high)
    return high * STEP_POINTS


def _power(control_rates: Floats, sizes: NDArray[np.int64], rates: Floats, uniforms: Floats, points: float) -> float:
    """Share of simulated runs that show a lift of `points`. Shapes: (N,), (N,), (S, N), (S, N, P)."""
    raised = _raise_rates(rates, float(control_rates.mean()), points / 100)
    is_pool = np.arange(uniforms.shape[2]) < sizes[:, None]  # (N, P)
    right = ((uniforms < raised[:, :, None]) & is_pool).sum(axis=2) / sizes  # (S, N) share of a problem's pools
    difference = right - control_rates  # (S, N)
    error = difference.std(axis=1, ddof=1) / math.sqrt(len(control_rates))  # (S,)
    return float(np.mean(difference.mean(axis=1) > Z_ALPHA * error))


def _raise_rates(rates: Floats, mean: float, lift: float) -> Floats:
    """Move rates with expectation `mean` towards 1 by a common factor, to the expectation min(1, `mean + lift`)."""
    return np.asarray(rates + (1 - rates) * min(1.0, lift / max(1 - mean, 1e-9)))
