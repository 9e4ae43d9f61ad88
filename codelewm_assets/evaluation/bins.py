"""Bins of a probability, and the calibration error over them. Shapes: N rows, B bins."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.evaluation.reports import CalibrationBin

BIN_COUNT = 10


@dataclass(frozen=True, slots=True)
class Bins:
    """Edges (B + 1,) and the bin of each row (N,) in 0…B - 1. Bins are closed below and open above, the last one closed."""

    edges: NDArray[np.float64]
    of_row: NDArray[np.int64]


def equal_width_bins(scores: NDArray[np.float64]) -> Bins:
    """Ten bins of width 0.1 over [0, 1].

    Args: scores: (N,) in [0, 1].
    """
    return _between(np.arange(BIN_COUNT + 1) / BIN_COUNT, scores)


def equal_mass_bins(scores: NDArray[np.float64]) -> Bins:
    """Up to ten bins between the deciles of the scores; equal scores lie in one bin, so ties leave fewer bins.

    Args: scores: (N,), N ≥ 1. Source: Nguyen & O'Connor 2015, "Posterior calibration and exploratory analysis".
    """
    edges = np.unique(np.percentile(scores, np.linspace(0, 100, BIN_COUNT + 1)))
    if len(edges) == 1:
        edges = np.repeat(edges, 2)
    return _between(edges, scores)


def _between(edges: NDArray[np.float64], scores: NDArray[np.float64]) -> Bins:
    return Bins(edges, np.searchsorted(edges[1:-1], scores, side="right").astype(np.int64))


def summarise(scores: NDArray[np.float64], passed: NDArray[np.bool_], bins: Bins) -> list[CalibrationBin]:
    """Count, mean score and pass rate of each bin; an empty bin has neither mean nor rate."""
    size = len(bins.edges) - 1
    count = np.bincount(bins.of_row, minlength=size)
    score = np.bincount(bins.of_row, weights=scores, minlength=size)
    hits = np.bincount(bins.of_row, weights=passed.astype(np.float64), minlength=size)
    return [
        CalibrationBin(
            lower=float(bins.edges[b]),
            upper=float(bins.edges[b + 1]),
            count=int(count[b]),
            mean_score=float(score[b] / count[b]) if count[b] else None,
            pass_rate=float(hits[b] / count[b]) if count[b] else None,
        )
        for b in range(size)
    ]


def expected_calibration_error(bins: Sequence[CalibrationBin]) -> float | None:
    """Mean gap between score and pass rate over bins, weighted by count; None without rows.

    Source: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning".
    """
    total = sum(b.count for b in bins)
    if not total:
        return None
    gaps = (
        b.count * abs(b.mean_score - b.pass_rate) for b in bins if b.mean_score is not None and b.pass_rate is not None
    )
    return sum(gaps) / total
