"""The control `static`: gradient boosting on counts of the syntax tree, lengths and surprisal, fitted on train completions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.baselines.code_features import NAMES, features
from codelewm_assets.baselines.ngram_lm import NgramModel

COUNTED = tuple(
    name for name in NAMES if name.startswith(("nodes", "calls_")) or name in ("depth", "tokens", "distinct_tokens")
)
"""Columns of `code_features.features` that it reads."""


def counts_and_surprisal(model: NgramModel, codes: Sequence[str]) -> NDArray[np.float64]:
    """(N, len(COUNTED) + len(SURPRISALS)) float64; reads no prompt."""
    counts = features(codes, [""] * len(codes))[:, [NAMES.index(name) for name in COUNTED]]
    return np.hstack([counts, model.statistics(codes)])


def boosted(train: NDArray[np.float64], passed: Sequence[bool], rows: NDArray[np.float64]) -> list[float | None]:
    """(M,) probability of passing of each of `rows`; None for all when train has a single class.

    Args:
        train: (N, D) of `counts_and_surprisal`.
        passed: (N,) labels of train.
        rows: (M, D) to score.

    Source: scikit-learn HistGradientBoostingClassifier.
    """
    if len(set(passed)) < 2 or not len(rows):
        return [None] * len(rows)
    from sklearn.ensemble import HistGradientBoostingClassifier

    booster = HistGradientBoostingClassifier(max_iter=200, learning_rate=0.08, max_leaf_nodes=15, random_state=0)
    booster.fit(train, [int(label) for label in passed])
    return [float(p) for p in booster.predict_proba(rows)[:, 1]]
