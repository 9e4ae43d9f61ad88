"""Points of curves that reports draw."""

from collections.abc import Sequence

import numpy as np

from codelewm_assets.evaluation.reports import ScoreRow


def roc_points(rows: Sequence[ScoreRow], name: str) -> tuple[list[float], list[float]] | None:
    """(false positive rates, true positive rates) of a score; None with a single class or without finite scores.

    Source: scikit-learn `roc_curve`.
    """
    usable = [row for row in rows if row.finite(name) is not None]
    passed = np.array([row.passed for row in usable], dtype=bool)
    if not usable or passed.all() or not passed.any():
        return None
    from sklearn.metrics import roc_curve

    false_rate, true_rate, _ = roc_curve(passed, [row.finite(name) for row in usable])
    return false_rate.tolist(), true_rate.tolist()
