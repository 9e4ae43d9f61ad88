"""How well scores tell passing from failing completions, and whether p_pass means what it says."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.evaluation.bootstrap import interval_by_problem
from codelewm_assets.evaluation.records import (
    AucDifference,
    Slices,
    CalibrationBin,
    CalibrationReport,
    ScoreMetrics,
    ScoreRow,
    Thresholded,
)

BIN_COUNT = 10
THRESHOLD = 0.5


def roc_auc(scores: NDArray[np.float64], passed: NDArray[np.bool_]) -> float | None:
    """Area under the ROC curve, ties counted half; None with a single class.

    Args: scores, passed: (N,). Returns: in [0, 1].
    Source: the Mann–Whitney form, Hanley & McNeil 1982.
    """
    from scipy.stats import rankdata

    positive = int(passed.sum())
    negative = len(passed) - positive
    if not positive or not negative:
        return None
    ranks = rankdata(scores)  # (N,), ties share the mean rank
    return float((ranks[passed].sum() - positive * (positive + 1) / 2) / (positive * negative))


def average_precision(scores: NDArray[np.float64], passed: NDArray[np.bool_]) -> float | None:
    """Average precision; None with a single class. Source: scikit-learn `average_precision_score`."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(passed, scores)) if 0 < passed.sum() < len(passed) else None


def calibration_bins(scores: NDArray[np.float64], passed: NDArray[np.bool_]) -> list[CalibrationBin]:
    """Ten equal-width bins over [0, 1]; the last one holds 1.0."""
    at = np.minimum((scores * BIN_COUNT).astype(int), BIN_COUNT - 1)  # (N,)
    bins = []
    for number in range(BIN_COUNT):
        inside = at == number
        count = int(inside.sum())
        bins.append(
            CalibrationBin(
                lower=number / BIN_COUNT,
                upper=(number + 1) / BIN_COUNT,
                count=count,
                mean_score=float(scores[inside].mean()) if count else None,
                pass_rate=float(passed[inside].mean()) if count else None,
            )
        )
    return bins


def expected_calibration_error(bins: Sequence[CalibrationBin]) -> float | None:
    """Mean gap between score and pass rate over bins, weighted by count; None without rows.

    Source: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning".
    """
    total = sum(found.count for found in bins)
    if not total:
        return None
    gaps = (
        b.count * abs(b.mean_score - b.pass_rate) for b in bins if b.mean_score is not None and b.pass_rate is not None
    )
    return sum(gaps) / total


def score_metrics(rows: Sequence[ScoreRow], name: str, *, resamples: int) -> ScoreMetrics:
    """Metrics of one score over rows; rows without a finite score are counted and left out."""
    missing = sum(row.scores.get(name) is None for row in rows)
    usable = [row for row in rows if row.finite(name) is not None]
    nonfinite = len(rows) - missing - len(usable)
    passed = np.array([row.passed for row in usable], dtype=bool)
    scores = np.array([row.finite(name) for row in usable], dtype=np.float64)
    positive = int(passed.sum())
    counts: dict[str, Any] = {
        "positive_count": positive,
        "negative_count": len(usable) - positive,
        "missing_count": missing,
        "nonfinite_count": nonfinite,
    }
    if not usable:
        return ScoreMetrics(status="no_finite_scores" if nonfinite else "missing", **counts)
    is_probability = bool((scores >= 0).all() and (scores <= 1).all())
    bins = calibration_bins(scores, passed) if is_probability else None
    problems = [row.problem_id for row in usable]
    is_single = positive in (0, len(usable))
    return ScoreMetrics(
        status="single_class" if is_single else "ok",
        roc_auc=roc_auc(scores, passed),
        roc_auc_ci95=None
        if is_single
        else interval_by_problem(problems, lambda at: roc_auc(scores[at], passed[at]), resamples=resamples),
        average_precision=average_precision(scores, passed),
        brier_score=float(((scores - passed) ** 2).mean()) if is_probability else None,
        expected_calibration_error=expected_calibration_error(bins) if bins else None,
        thresholded=_thresholded(scores, passed) if is_probability else None,
        calibration_bins=bins,
        **counts,
    )


def _thresholded(scores: NDArray[np.float64], passed: NDArray[np.bool_]) -> Thresholded:
    said = scores >= THRESHOLD
    hits = int((said & passed).sum())
    return Thresholded(
        threshold=THRESHOLD,
        precision=hits / int(said.sum()) if said.any() else None,
        recall=hits / int(passed.sum()) if passed.any() else None,
        accuracy=float((said == passed).mean()),
    )


def auc_difference(rows: Sequence[ScoreRow], control: str, *, resamples: int) -> AucDifference | None:
    """ROC-AUC of p_pass minus that of a control on the rows that have both; None where it is undefined."""
    usable = [row for row in rows if row.finite("p_pass") is not None and row.finite(control) is not None]
    passed = np.array([row.passed for row in usable], dtype=bool)
    ours = np.array([row.finite("p_pass") for row in usable], dtype=np.float64)
    theirs = np.array([row.finite(control) for row in usable], dtype=np.float64)

    def difference(at: NDArray[np.int64]) -> float | None:
        a, b = roc_auc(ours[at], passed[at]), roc_auc(theirs[at], passed[at])
        return None if a is None or b is None else a - b

    whole = difference(np.arange(len(usable)))
    interval = interval_by_problem([row.problem_id for row in usable], difference, resamples=resamples)
    return None if whole is None or interval is None else AucDifference(difference=whole, ci95=interval)


def calibration_report(rows: Sequence[ScoreRow], *, seed: int | None, resamples: int) -> CalibrationReport:
    """The report over all rows and by benchmark. Intervals of slices use the same number of resamples."""
    names = sorted({name for row in rows for name in row.scores})
    present: list[str] = [b for b in BENCHMARKS if any(row.benchmark_id == b for row in rows)]
    present += sorted({row.benchmark_id for row in rows} - set(BENCHMARKS))
    differences = {name: auc_difference(rows, name, resamples=resamples) for name in names if name != "p_pass"}
    return CalibrationReport(
        seed=seed,
        row_count=len(rows),
        problem_count=len({row.problem_id for row in rows}),
        overall={name: score_metrics(rows, name, resamples=resamples) for name in names},
        slices=Slices(
            benchmark={
                b: {
                    name: score_metrics([r for r in rows if r.benchmark_id == b], name, resamples=resamples)
                    for name in names
                }
                for b in present
            }
        ),
        difference={name: found for name, found in differences.items() if found is not None},
    )
