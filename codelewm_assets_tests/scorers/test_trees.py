"""Trees as arrays give what scikit-learn's own objects give."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from codelewm_assets.scorers.trees import Trees


@pytest.mark.parametrize("seed", [0, 1])
def test_the_log_odds_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = np.round(rng.normal(size=(400, 5)), 1)
    labels = (rows[:, 0] * rows[:, 1] + rng.normal(size=400) > 0).astype(int)
    booster = HistGradientBoostingClassifier(max_iter=30, random_state=0).fit(rows, labels)
    trees = Trees.of(booster)
    assert np.allclose(trees.decision(rows), booster.decision_function(rows), rtol=0, atol=1e-12)
    again = Trees.from_arrays(trees.arrays())
    assert np.array_equal(again.decision(rows), trees.decision(rows))
    assert trees.decision(rows[:0]).shape == (0,)
