"""The chance that a record passes by its input alone: what a score that only knows that short inputs pass would say."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MARKS = ("[", "(", "{", "'", ",", ".", "-", "None", "[]")
NUMBER = re.compile(r"\d+")


def input_features(literal: str) -> list[float]:
    """Size and make-up of an input's literal. Args: literal: of the list of positional arguments."""
    numbers = [min(len(text), 18) for text in NUMBER.findall(literal)]
    return [
        np.log1p(len(literal)),
        np.log1p(len(numbers)),
        float(max(numbers, default=0)),
        *(np.log1p(literal.count(mark)) for mark in MARKS),
    ]


def input_prior_scores(train: Sequence[str], passed: Sequence[bool], inputs: Sequence[str]) -> list[float | None]:
    """Probability of passing by gradient boosting on the make-up of an input, fitted on records of the train part.

    Args:
        train, inputs: literals.
        passed: of the records of `train`.

    Returns: one for each of `inputs`; None for all when train has a single class.
    Source: scikit-learn HistGradientBoostingClassifier.
    """
    if len(set(passed)) < 2 or not inputs:
        return [None] * len(inputs)
    from sklearn.ensemble import HistGradientBoostingClassifier

    def rows(literals: Sequence[str]) -> NDArray[np.float64]:
        return np.array([input_features(literal) for literal in literals], dtype=np.float64)

    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, random_state=0)
    model.fit(rows(train), np.array(passed))
    return [float(p) for p in model.predict_proba(rows(inputs))[:, 1]]
