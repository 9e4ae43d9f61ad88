"""Percentile bootstrap over problems, always with a seeded generator. Shapes: P problems, R resamples."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

BOOTSTRAP_SEED = 20260607


def interval_of_mean(values: Sequence[float], *, resamples: int) -> tuple[float, float] | None:
    """95% percentile interval of the mean over problems; None without problems.

    Args: values: (P,) one figure per problem. resamples: R.
    Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap".
    """
    if not values:
        return None
    array = np.asarray(values, dtype=np.float64)  # (P,)
    drawn = np.random.default_rng(BOOTSTRAP_SEED).integers(len(array), size=(resamples, len(array)))  # (R, P)
    return _percentiles(array[drawn].mean(axis=1))


def interval_by_problem(
    problems: Sequence[str],
    statistic: Callable[[NDArray[np.int64]], float | None],
    *,
    resamples: int,
    confidence: float = 0.95,
) -> tuple[float, float] | None:
    """Percentile interval of a statistic of rows, problems drawn whole.

    Args:
        problems: (N,) problem of each row.
        statistic: from row indices (with repeats) to a figure, or None where it is undefined on this resample.
    Returns: None when the statistic is undefined on more than one resample in ten.
    """
    names = sorted(set(problems))
    if not names:
        return None
    where = {name: [] for name in names}  # type: dict[str, list[int]]
    for index, name in enumerate(problems):
        where[name].append(index)
    rows = [np.asarray(where[name], dtype=np.int64) for name in names]
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    found = []
    for _ in range(resamples):
        drawn = generator.integers(len(names), size=len(names))  # (P,)
        value = statistic(np.concatenate([rows[i] for i in drawn]))
        if value is not None:
            found.append(value)
    return _percentiles(np.asarray(found), confidence) if len(found) >= 0.9 * resamples else None


def _percentiles(values: NDArray[np.float64], confidence: float = 0.95) -> tuple[float, float]:
    tail = 50 * (1 - confidence)
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)
