"""CodeLeWM's calibration report from its score rows, by the published rules. Source: the published reports, to the byte.

A score in [0, 1] is read as a probability and any other through a sigmoid, row by row, so the transform is not monotone:
0.9 stays 0.9 and 1.1 becomes 0.75. The report's texts are taken over from the report, for no row gives them.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from codelewm_assets.published.forms import CALIBRATION, PublishedCalibration, PublishedScoreRow

BINS, THRESHOLD = 10, 0.5
DIRECTION = "higher_score_means_more_likely_pass"
Rows = Sequence[PublishedScoreRow]
Metrics = dict[str, Any]


def probability(score: float) -> float:
    """The score itself in [0, 1], else its sigmoid."""
    if 0.0 <= score <= 1.0:
        return score
    if score >= 0:
        return 1.0 / (1.0 + math.exp(-score))
    exponential = math.exp(score)
    return exponential / (1.0 + exponential)


def calibration_document(rows: Rows, texts: PublishedCalibration) -> Metrics:
    """The report as the published writer gives it.

    Args:
        rows: in the order of `score_paths`; average precision depends on it where scores are tied.
        texts: the report that `score_paths`, claim gate and interpretation are taken from.
    """
    names = texts.baselines_requested
    overall = _part(rows, names)
    usable = [name for name in names if overall["baselines"][name]["status"] == "ok"]
    primary = usable[0] if usable else None
    return {
        "baselines_requested": names,
        "benchmark_counts": _counts(rows, "benchmark_id"),
        "calibration_bin_count": BINS,
        "claim_allowed": False,
        "claim_gate": texts.claim_gate | {"allowed": False, "primary_baseline": primary},
        "claim_reason": texts.claim_reason,
        "dataset_kind": texts.dataset_kind,
        "interpretation": texts.interpretation,
        "label_counts": overall["label_counts"],
        "overall": overall,
        "primary_baseline": primary,
        "row_count": len(rows),
        "schema_version": CALIBRATION,
        "score_direction": DIRECTION,
        "score_paths": texts.score_paths,
        "score_row_schema_versions": _counts(rows, "schema_version"),
        "slices": {"benchmark": _slices(rows, "benchmark_id", names), "split": _slices(rows, "split", names)},
        "split_counts": _counts(rows, "split"),
    }


def _counts(rows: Rows, field: str) -> dict[str, int]:
    return dict(Counter(value for row in rows if (value := getattr(row, field)) is not None))


def _slices(rows: Rows, field: str, names: Sequence[str]) -> Metrics:
    return {
        value: _part([row for row in rows if getattr(row, field) == value], names) for value in _counts(rows, field)
    }


def _part(rows: Rows, names: Sequence[str]) -> Metrics:
    passed = sum(row.passed for row in rows)
    return {
        "baselines": {name: score_metrics(rows, name) for name in names},
        "label_counts": {"failed": len(rows) - passed, "passed": passed},
        "positive_rate": passed / len(rows),
        "row_count": len(rows),
    }


def score_metrics(rows: Rows, name: str) -> Metrics:
    """The metrics of one score; with one class or none they are null, and `status` says why."""
    usable = [(row.scores[name], row.passed) for row in rows if name in row.scores]
    positive = sum(passed for _, passed in usable)
    status = "missing" if not usable else "ok" if 0 < positive < len(usable) else "single_class"
    pairs = [(probability(score), passed) for score, passed in usable]
    metrics: Metrics = {
        "average_precision": None, "baseline": name, "brier_score": None, "calibration_bins": [],
        "expected_calibration_error": None, "invalid_score_count": 0, "missing_score_count": len(rows) - len(usable),
        "negative_count": len(usable) - positive, "nonfinite_score_count": 0, "positive_count": positive,
        "probability_transform": "identity_0_1_else_sigmoid", "roc_auc": None, "row_count": len(rows),
        "score_direction": DIRECTION, "status": status, "threshold": THRESHOLD, "thresholded": None,
        "usable_row_count": len(usable),
    }  # fmt: skip
    if usable:
        bins = _bins(pairs)
        metrics |= {
            "brier_score": _rounded(sum((p - passed) ** 2 for p, passed in pairs) / len(pairs)),
            "calibration_bins": [_bin_document(index, members) for index, members in enumerate(bins)],
            "expected_calibration_error": _rounded(sum(_gap(b) * len(b) / len(pairs) for b in bins if b)),
            "thresholded": _thresholded(pairs),
        }
    if status == "ok":
        metrics |= {
            "average_precision": _rounded(_average_precision(usable)),
            "roc_auc": _rounded(_roc_auc(usable)),
        }
    return metrics


Pairs = list[tuple[float, bool]]


def _rounded(value: float) -> float:
    return round(value, 12)


def _bins(pairs: Pairs) -> list[Pairs]:
    bins: list[Pairs] = [[] for _ in range(BINS)]
    for p, passed in pairs:
        bins[min(int(p * BINS), BINS - 1)].append((p, passed))
    return bins


def _means(members: Pairs) -> tuple[float, float]:
    return sum(p for p, _ in members) / len(members), sum(passed for _, passed in members) / len(members)


def _gap(members: Pairs) -> float:
    predicted, observed = _means(members)
    return abs(predicted - observed)


def _bin_document(index: int, members: Pairs) -> Metrics:
    predicted, observed = _means(members) if members else (None, None)
    return {
        "absolute_calibration_error": _rounded(_gap(members)) if members else None,
        "count": len(members),
        "empirical_positive_rate": None if observed is None else _rounded(observed),
        "lower": index / BINS,
        "mean_predicted_probability": None if predicted is None else _rounded(predicted),
        "upper": (index + 1) / BINS,
    }


def _thresholded(pairs: Pairs) -> Metrics:
    tp, fp, tn, fn = (
        sum((p >= THRESHOLD) == predicted and passed == actual for p, passed in pairs)
        for predicted, actual in ((True, True), (True, False), (False, False), (False, True))
    )
    precision = tp / (tp + fp) if tp + fp else 0.0  # the published writer's value where it is undefined
    recall = tp / (tp + fn) if tp + fn else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {
        "accuracy": _rounded((tp + tn) / len(pairs)), "f1": _rounded(f1), "false_negative": fn, "false_positive": fp,
        "precision": _rounded(precision), "predicted_positive_count": tp + fp, "recall": _rounded(recall),
        "true_negative": tn, "true_positive": tp,
    }  # fmt: skip


def _average_precision(usable: Pairs) -> float:
    """Precision at each passing row of the stable descending order; ties stay in row order."""
    total, hits = 0.0, 0
    for rank, (_, passed) in enumerate(sorted(usable, key=lambda pair: -pair[0]), 1):
        if passed:
            hits += 1
            total += hits / rank
    return total / hits


def _roc_auc(usable: Pairs) -> float:
    """By mid-ranks of the raw scores."""
    _, level, count = np.unique([score for score, _ in usable], return_inverse=True, return_counts=True)
    mid_rank = count.cumsum() - (count - 1) / 2  # (L,) of each distinct score, from 1
    passed = np.array([passed for _, passed in usable])
    positive = int(passed.sum())
    rank_sum = float(mid_rank[level[passed]].sum())
    return (rank_sum - positive * (positive + 1) / 2) / (positive * (len(usable) - positive))
