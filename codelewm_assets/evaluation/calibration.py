"""Discrimination and calibration of scores of passing and failing completions. Shapes: N rows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.evaluation.bins import equal_mass_bins, equal_width_bins, expected_calibration_error, summarise
from codelewm_assets.evaluation.intervals import (
    Clusters,
    Ordering,
    calibration_error_influence,
    clustered_interval,
    mean_influence,
)
from codelewm_assets.evaluation.reports import (
    CalibrationBin,
    CalibrationReport,
    Difference,
    ScoreMetrics,
    Slices,
    Thresholded,
)
from codelewm_assets.evaluation.rows import MODEL_SCORES
from codelewm_assets.evaluation.score_table import Labels, ScoreTable

THRESHOLD = 0.5
# a probability is clipped to this before its logarithm, as scikit-learn does
MIN_PROBABILITY = float(np.finfo(np.float64).eps)
MAX_LOG_LOSS = -math.log(MIN_PROBABILITY)
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def log_losses(scores: Floats, passed: Bools) -> Floats:
    """Cross-entropy of each row in nats, (N,) ≥ 0. Args: scores: (N,) in [0, 1]."""
    given = np.clip(np.where(passed, scores, 1 - scores), MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return np.asarray(-np.log(given))


def within_pool_auc(
    level: NDArray[np.int64], passed: Bools, pool: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.int64]]:
    """(ROC-AUC of each pool with both classes, index of one row of that pool), ties counted half.

    Args: level: (N,) ≥ 0, in the order of the scores. pool: (N,) codes.
    """
    if not len(level):
        return np.zeros(0), np.zeros(0, dtype=np.int64)
    order = np.argsort(pool * (int(level.max()) + 1) + level)
    pools, levels = pool[order], level[order]
    starts_pool = np.r_[True, pools[1:] != pools[:-1]]
    starts_tie = starts_pool | np.r_[True, levels[1:] != levels[:-1]]
    first = np.flatnonzero(starts_pool)
    tie = np.cumsum(starts_tie) - 1  # (N,) run of equal scores of a pool
    rank = (np.bincount(tie, weights=np.arange(len(tie))) / np.bincount(tie))[tie]  # (N,) from 0, ties share the mean
    rank -= first[np.cumsum(starts_pool) - 1]
    positive = np.add.reduceat(passed[order].astype(np.float64), first)
    summed = np.add.reduceat(np.where(passed[order], rank, 0.0), first)
    size = np.diff([*first, len(order)])
    both = (positive > 0) & (positive < size)
    wins = summed[both] - positive[both] * (positive[both] - 1) / 2
    return wins / (positive[both] * (size - positive)[both]), order[first[both]]


@dataclass(frozen=True, slots=True)
class _Column:
    """One score of the rows that have it: values, levels of equal values, labels, problems and pools, all (N,)."""

    scores: Floats
    level: NDArray[np.int64]
    passed: Bools
    problems: Clusters
    pool: NDArray[np.int64]


def score_metrics(table: ScoreTable, name: str) -> ScoreMetrics:
    """Metrics of one score; rows without a finite score are counted and excluded."""
    column = table.scores.get(name)
    usable = np.zeros(len(table), dtype=bool) if column is None else np.isfinite(column)
    missing = len(table) if column is None else int(table.missing[name].sum())
    count, positive = int(usable.sum()), int(table.passed[usable].sum())
    counts: dict[str, Any] = {
        "positive_count": positive,
        "negative_count": count - positive,
        "missing_count": missing,
        "nonfinite_count": len(table) - count - missing,
    }
    if column is None or not count:
        return ScoreMetrics(status="no_finite_scores" if counts["nonfinite_count"] else "missing", **counts)
    usable_rows = _Column(
        column[usable],
        table.level[name][usable],
        table.passed[usable],
        table.clusters if count == len(table) else Clusters.of(table.problem[usable]),
        table.pool[usable],
    )
    figures = _order_figures(usable_rows)
    if usable_rows.scores.min() >= 0 and usable_rows.scores.max() <= 1:
        figures |= _probability_figures(usable_rows)
    return ScoreMetrics(status="single_class" if positive in (0, count) else "ok", **figures, **counts)


def _order_figures(column: _Column) -> dict[str, Any]:
    """Metrics that depend on the order of scores only."""
    ordering, problems = Ordering.of(column.level, column.passed), column.problems
    if not ordering.has_both_classes:
        return {}
    area, precision = ordering.roc_auc(), ordering.average_precision()
    figures: dict[str, Any] = {
        "roc_auc": area[0],
        "roc_auc_ci95": clustered_interval(*area, problems, scale="logit"),
        "average_precision": precision[0],
        "average_precision_ci95": clustered_interval(*precision, problems, scale="logit"),
    }
    areas, places = within_pool_auc(column.level, column.passed, column.pool)
    if len(areas):
        mean, influence = mean_influence(areas)
        interval = clustered_interval(mean, influence, Clusters.of(problems.of_row[places]), lowest=0, highest=1)
        figures |= {"within_pool_auc": mean, "within_pool_auc_ci95": interval, "within_pool_count": len(areas)}
    return figures


def _probability_figures(column: _Column) -> dict[str, Any]:
    """Metrics that need a score in [0, 1]."""
    scores, passed, problems = column.scores, column.passed, column.problems
    brier, loss = mean_influence((scores - passed) ** 2), mean_influence(log_losses(scores, passed))
    width, mass = equal_width_bins(scores), equal_mass_bins(scores)
    by_width, by_mass = summarise(scores, passed, width), summarise(scores, passed, mass)
    error = calibration_error_influence(scores, passed, width.of_row)
    table, share = _threshold_table(by_width), float(passed.mean())
    return {
        "brier_score": brier[0],
        "brier_score_ci95": clustered_interval(*brier, problems, lowest=0, highest=1),
        "brier_skill_score": 1 - brier[0] / (share * (1 - share)) if 0 < share < 1 else None,
        "log_loss": loss[0],
        "log_loss_ci95": clustered_interval(*loss, problems, lowest=0, highest=MAX_LOG_LOSS),
        "expected_calibration_error": expected_calibration_error(by_width),
        "expected_calibration_error_ci95": clustered_interval(*error, problems, lowest=0, highest=1),
        "expected_calibration_error_equal_mass": expected_calibration_error(by_mass),
        "thresholded": next(row for row in table if row.threshold == THRESHOLD),
        "threshold_table": table,
        "calibration_bins": by_width,
        "equal_mass_bins": by_mass,
    }


def _threshold_table(bins: Sequence[CalibrationBin]) -> list[Thresholded]:
    """Confusion counts for a threshold at each inner edge of the bins, lowest first."""
    rows = [row.count for row in bins]
    hits = [round(row.count * row.pass_rate) if row.pass_rate is not None else 0 for row in bins]
    return [
        _thresholded(row.lower, sum(hits[b:]), sum(rows[b:]) - sum(hits[b:]), sum(hits), sum(rows))
        for b, row in enumerate(bins)
        if b
    ]


def _thresholded(threshold: float, true: int, false: int, positive: int, count: int) -> Thresholded:
    claimed, rejected = true + false, count - positive - false
    return Thresholded(
        threshold=threshold,
        predicted_positive_count=claimed,
        true_positive=true,
        false_positive=false,
        true_negative=rejected,
        false_negative=positive - true,
        precision=true / claimed if claimed else None,
        recall=true / positive if positive else None,
        f1=2 * true / (claimed + positive) if claimed + positive else None,
        accuracy=(true + rejected) / count,
    )


def auc_difference(table: ScoreTable, control: str, *, subject: str = "p_pass") -> Difference | None:
    """ROC-AUC of the subject minus that of a control on the rows with both scores; None if undefined."""
    if subject not in table.scores or control not in table.scores:
        return None
    usable = np.isfinite(table.scores[subject]) & np.isfinite(table.scores[control])
    ours, theirs = (Ordering.of(table.level[name][usable], table.passed[usable]) for name in (subject, control))
    if not ours.has_both_classes:
        return None
    (area, influence), (other, of_other) = ours.roc_auc(), theirs.roc_auc()
    interval = clustered_interval(
        area - other, influence - of_other, Clusters.of(table.problem[usable]), lowest=-1, highest=1
    )
    return None if interval is None else Difference(difference=area - other, ci95=interval)


def within_pool_difference(table: ScoreTable, other: str, *, subject: str = "p_pass") -> Difference | None:
    """Mean over pools of the subject's ROC-AUC minus that of another score, on the rows with both; None if undefined."""
    if subject not in table.scores or other not in table.scores:
        return None
    usable = np.isfinite(table.scores[subject]) & np.isfinite(table.scores[other])
    passed, pool, problem = table.passed[usable], table.pool[usable], table.problem[usable]
    (ours, ours_at), (theirs, theirs_at) = (
        within_pool_auc(table.level[name][usable], passed, pool) for name in (subject, other)
    )
    if not len(ours):
        return None
    assert np.array_equal(pool[ours_at], pool[theirs_at])
    mean, influence = mean_influence(ours - theirs)
    interval = clustered_interval(mean, influence, Clusters.of(problem[ours_at]), lowest=-1, highest=1)
    return None if interval is None else Difference(difference=mean, ci95=interval)


def calibration_report(
    table: ScoreTable,
    *,
    seed: int | None,
    level: Literal["completion", "record"] = "completion",
    subject: str = "p_pass",
) -> CalibrationReport:
    """The report over all rows, and by benchmark, completion kind and operator family.

    Args:
        subject: the score to compare with the others.
    """
    names = list(table.scores)
    others = [name for name in names if name not in (subject, *MODEL_SCORES)]
    differences = {name: auc_difference(table, name, subject=subject) for name in others}

    def metrics(part: ScoreTable) -> dict[str, ScoreMetrics]:
        return {name: score_metrics(part, name) for name in names}

    present = table.benchmark.names
    benchmarks = [*(b for b in BENCHMARKS if b in present), *(b for b in present if b not in BENCHMARKS)]
    parts = {b: table.take(table.benchmark.where(b)) for b in benchmarks}
    within = {
        b: {name: within_pool_difference(part, name, subject=subject) for name in others} for b, part in parts.items()
    }
    return CalibrationReport(
        level=level,
        seed=seed,
        row_count=len(table),
        problem_count=table.problem_count,
        overall=metrics(table),
        slices=Slices(
            benchmark={b: metrics(part) for b, part in parts.items()},
            completion_kind={
                k: metrics(_against(table, table.completion_kind, k)) for k in table.completion_kind.names
            },
            operator_family={
                f: metrics(_against(table, table.operator_family, f)) for f in table.operator_family.names
            },
        ),
        subject=subject,
        difference={name: value for name, value in differences.items() if value is not None},
        within_pool_difference={
            b: {name: value for name, value in row.items() if value is not None} for b, row in within.items()
        },
    )


def _against(table: ScoreTable, labels: Labels, name: str) -> ScoreTable:
    """Rows of one value; if all of them have one class, together with all rows of the other class."""
    selected = labels.where(name)
    classes = np.unique(table.passed[selected])
    return table.take(selected | (table.passed != classes[0]) if len(classes) == 1 else selected)
