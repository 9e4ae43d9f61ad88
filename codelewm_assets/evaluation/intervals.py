"""Intervals of metrics over rows clustered by problem, by linearisation: one pass over the rows, no resampling.

Each metric is a smooth function of the rows' weights; its derivative with respect to the weight of a row is the row's
influence. Rows of one problem are not independent, so influences are summed within problems, and the spread of these sums
gives the standard error. Shapes: N rows, P problems.

Sources: Binder 1983, "On the Variances of Asymptotically Normal Estimators from Complex Surveys"; for ROC-AUC it is the
estimator of Obuchowski 1997, "Nonparametric Analysis of Clustered ROC Curve Data".
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.int64]
Scale = Literal["identity", "logit"]
NO_SPREAD = 1e-12
"""A standard error or width up to this is rounding: all problems agree."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """The problem of each row: `of_row` (N,) in 0…count - 1."""

    of_row: Codes
    count: int

    @classmethod
    def of(cls, labels: Codes) -> "Clusters":
        """Clusters of rows with equal labels (N,)."""
        names, code = np.unique(labels, return_inverse=True)
        return cls(code.astype(np.int64), len(names))


def clustered_interval(
    estimate: float,
    influence: Floats,
    problems: Clusters,
    *,
    scale: Scale = "identity",
    lowest: float = -np.inf,
    highest: float = np.inf,
) -> tuple[float, float] | None:
    """95% interval of an estimate from its rows' influences, by the t distribution with P - 1 degrees of freedom.

    Args:
        influence: (N,) in units of the estimate; sums to about 0.
        problems: of the N rows.
        scale: on which the interval is symmetric; `logit` for an estimate in [0, 1], whose ends it never crosses.
        lowest, highest: range of the estimate; the interval is clipped to it.
    Returns: None with fewer than two problems. Where no row moves the estimate, `unanimous_interval` of its range; without a
        range (estimate, estimate).
    """
    error = standard_error(influence, problems)
    if error is None:
        return None
    if scale == "logit":
        lowest, highest = 0.0, 1.0
    if error <= NO_SPREAD:
        is_bounded = np.isfinite(lowest) and np.isfinite(highest)
        if not is_bounded:
            return estimate, estimate
        return unanimous_interval(estimate, problems.count, lowest=lowest, highest=highest)
    from scipy.special import stdtrit

    half = float(stdtrit(problems.count - 1, 0.975)) * error
    if scale == "logit" and 0 < estimate < 1:
        centre, half = np.log(estimate / (1 - estimate)), half / (estimate * (1 - estimate))
        low, high = 1 / (1 + np.exp(half - centre)), 1 / (1 + np.exp(-half - centre))
        return float(low), float(high)
    return float(max(lowest, estimate - half)), float(min(highest, estimate + half))


def unanimous_interval(estimate: float, problems: int, *, lowest: float, highest: float) -> tuple[float, float]:
    """95% interval of a mean over problems that agree on it exactly, so that no spread can be estimated from them.

    With none of P problems deviating, at most a share q = 1 - 0.025^(1 / P) of all problems does (the bound of Clopper and
    Pearson), by as much as the range allows: q is 0.84 for two problems and 0.02 for 160.

    Args:
        problems: P ≥ 1.
        lowest, highest: range of the figure.
    """
    share = 1 - 0.025 ** (1 / problems)
    return estimate + share * (lowest - estimate), estimate + share * (highest - estimate)


def standard_error(influence: Floats, problems: Clusters) -> float | None:
    """Standard error of an estimate over problems; None with fewer than two. Args: as `clustered_interval`."""
    if problems.count < 2:
        return None
    sums = np.bincount(problems.of_row, weights=influence, minlength=problems.count)  # (P,)
    return float(np.sqrt(problems.count / (problems.count - 1) * ((sums - sums.mean()) ** 2).sum()))


def mean_influence(values: Floats) -> tuple[float, Floats]:
    """(mean, influences) of a mean over rows. Args: values: (N,), N ≥ 1."""
    mean = float(values.mean())
    return mean, (values - mean) / len(values)


@dataclass(frozen=True, slots=True)
class Ordering:
    """Passing and failing rows at each level of a score, lowest first. Shapes: N rows, L levels.

    Attributes:
        level: (N,) of each row; rows of equal score share one. A level may hold no row.
        passing, failing: (L,) rows of each class.
        passed: (N,).
    """

    level: Codes
    passing: Floats
    failing: Floats
    passed: Bools

    @classmethod
    def of(cls, level: Codes, passed: Bools) -> "Ordering":
        """Args: level: (N,) ≥ 0, in the order of the scores. passed: (N,)."""
        count = int(level.max()) + 1 if len(level) else 0
        passing = np.bincount(level[passed], minlength=count).astype(np.float64)
        return cls(level, passing, np.bincount(level, minlength=count) - passing, passed)

    @property
    def has_both_classes(self) -> bool:
        """There is a passing and a failing row; otherwise no ranking metric is defined."""
        return 0 < int(self.passed.sum()) < len(self.passed)

    def roc_auc(self) -> tuple[float, Floats]:
        """(ROC-AUC, influences (N,)), ties counted half. Needs both classes.

        A passing row's placement is the share of failing rows below it, a failing row's the share of passing rows above it; the
        mean of either is the area. Source: the Mann–Whitney form, Hanley & McNeil 1982.
        """
        positive, negative = self.passing.sum(), self.failing.sum()
        below = (self.failing.cumsum() - self.failing / 2) / negative  # (L,)
        above = 1 - (self.passing.cumsum() - self.passing / 2) / positive  # (L,)
        area = float((self.passing * below).sum() / positive)
        placement = np.where(self.passed, below[self.level], above[self.level])
        return area, (placement - area) / np.where(self.passed, positive, negative)

    def average_precision(self) -> tuple[float, Floats]:
        """(average precision, influences (N,)). Needs both classes.

        With TP and N the passing and all rows at or above a level, AP = Σ ΔTP · TP / N / positives. More weight on a row
        changes N, and for a passing row TP, at every level at or below its own.
        """
        hits = self.passing[::-1].cumsum()[::-1]  # (L,) TP
        taken = np.maximum(hits + self.failing[::-1].cumsum()[::-1], 1)  # (L,) N; an empty top level takes nothing
        positive = hits[0]
        precision, share = hits / taken, self.passing / positive
        value = float((share * precision).sum())
        of_failing = -(share * hits / taken**2).cumsum()
        of_passing = of_failing + (share / taken).cumsum() + (precision - value) / positive
        return value, np.where(self.passed, of_passing[self.level], of_failing[self.level])


def calibration_error_influence(scores: Floats, passed: Bools, bins: Codes) -> tuple[float, Floats]:
    """(expected calibration error, influences) with fixed bins: Σ over bins of |sum of score - passed| / N.

    Args: scores: (N,) in [0, 1], N ≥ 1. bins: (N,) bin of each row.
    """
    gap = scores - passed
    sums = np.bincount(bins, weights=gap)
    value = float(np.abs(sums).sum() / len(gap))
    return value, (np.sign(sums)[bins] * gap - value) / len(gap)
