"""Percentile bootstrap over problems, always with a seeded generator. Shapes: P problems, R resamples, S scores."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.evaluation.intervals import NO_SPREAD, unanimous_interval

BOOTSTRAP_SEED = 20260607
MAX_DRAWS_PER_BATCH = 4_000_000  # bounds memory: a draw takes 24 bytes


def resampled_means(sums: NDArray[np.float64], counts: NDArray[np.float64], *, resamples: int) -> NDArray[np.float64]:
    """Means over units of problems drawn with replacement, all units of a problem together; the draws are paired over scores.

    Args:
        sums: (S, P) sum over a problem's units, of each score.
        counts: (P,) units of a problem, > 0; P ≥ 1.
    Returns: (R, S).
    Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap".
    """
    return np.concatenate(
        [(times @ sums.T) / (times @ counts)[:, None] for times in _draws(len(counts), resamples=resamples)]
    )


def problem_draws(problems: int, *, resamples: int) -> NDArray[np.int64]:
    """(R, P) how often each problem is drawn in each resample; the draws of `resampled_means`."""
    return np.concatenate(list(_draws(problems, resamples=resamples)))


def _draws(problems: int, *, resamples: int) -> Iterator[NDArray[np.int64]]:
    """The rows of `problem_draws`, some at a time."""
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    rows = max(1, MAX_DRAWS_PER_BATCH // problems)
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        drawn = generator.integers(problems, size=(size, problems)) + problems * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * problems).reshape(size, problems)


def interval_of_draws(draws: NDArray[np.float64], confidence: float = 0.95) -> tuple[float, float]:
    """Percentile interval of resampled figures (R,)."""
    tail = 50 * (1 - confidence)
    low, high = np.percentile(draws, [tail, 100 - tail])
    return float(low), float(high)


def bounded_interval(
    draws: NDArray[np.float64], *, problems: int, lowest: float, highest: float
) -> tuple[float, float]:
    """95% percentile interval of resampled figures (R,) within a range; never of width 0.

    Args:
        problems: P that were drawn from. Where they all agree, resampling shows no spread: `unanimous_interval`.
        lowest, highest: range of the figure.
    """
    low, high = interval_of_draws(draws)
    if high - low <= NO_SPREAD * (highest - lowest):
        return unanimous_interval(low, problems, lowest=lowest, highest=highest)
    return low, high


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
    values = []
    for _ in range(resamples):
        drawn = generator.integers(len(names), size=len(names))  # (P,)
        value = statistic(np.concatenate([rows[i] for i in drawn]))
        if value is not None:
            values.append(value)
    return interval_of_draws(np.asarray(values), confidence) if len(values) >= 0.9 * resamples else None
