"""Controls that compare a pool's members: a fitted model (`pool_model`), and surprisal against the nearest mate (`lm_pair`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.baselines.code_features import NAMES, features
from codelewm_assets.baselines.ngram_lm import NgramModel
from codelewm_assets.baselines.structure import FITTED, Scores, deviations
from codelewm_assets.dataset.shingles import jaccard, shingles

READS = ("nodes", "depth", "compressed_bytes", "distinct_tokens", "words_shared")
"""Counts and prompt overlap that `pool_model` reads beside the orders of `structure.FITTED` and surprisal."""


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool to be ordered.

    Attributes:
        codes: its members, in the pool's order.
        passed: their labels, of which those of other folds are fitted on.
        prompt: its problem's.
        fold: its problem's.
        orders: of `structure.structure_scores`.
    """

    codes: Sequence[str]
    passed: Sequence[bool]
    prompt: str
    fold: int
    orders: Scores


def pool_model_scores(model: NgramModel, pools: Mapping[str, Pool]) -> dict[str, list[float]]:
    """Log-odds of passing of each pool's members, by a model fitted on the pools of other folds.

    It reads likenesses, lengths, counts, surprisal and prompt overlap, each as its deviation within the pool, and the square of it.
    Source: scikit-learn's LogisticRegression and HistGradientBoostingClassifier, whose log-odds are added.

    Args:
        pools: pool id → pool. Pools of one problem have one fold.

    Returns: pool id → scores, for pools whose other folds have both labels.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    names = sorted(pools)
    if not names:
        return {}
    x = np.concatenate([_columns(model, pools[name]) for name in names])  # (members, columns)
    y = np.array([label for name in names for label in pools[name].passed])
    place = np.repeat(np.arange(len(names)), [len(pools[name].codes) for name in names])  # (members,)
    fold = np.array([pools[name].fold for name in names])[place]
    scores = dict[str, list[float]]()
    for held in sorted(set(fold.tolist())):
        train, test = fold != held, fold == held
        if len(set(y[train].tolist())) < 2:
            continue
        line = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500)).fit(x[train], y[train])
        trees = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.08, max_leaf_nodes=15, random_state=0)
        odds = np.zeros(len(y))
        odds[test] = line.decision_function(x[test]) + trees.fit(x[train], y[train]).decision_function(x[test])
        for number in sorted(set(place[test].tolist())):
            scores[names[number]] = odds[place == number].tolist()
    return scores


def _columns(model: NgramModel, pool: Pool) -> NDArray[np.float64]:
    """The columns of the model, (members, columns)."""
    counts = features(pool.codes, [pool.prompt] * len(pool.codes))[:, [NAMES.index(name) for name in READS]]
    own = np.hstack([counts, model.statistics(pool.codes)])
    pair = lm_pair_scores(model, pool.codes)
    columns = [*(pool.orders[name] for name in FITTED), *own.T.tolist(), pair]
    return deviations(columns)


def lm_pair_scores(model: NgramModel, codes: Sequence[str]) -> list[float | None]:
    """Surprisal in nats of each member's nearest mate less its own: the difference of a pair under the language model.

    Mates at the same distance count alike. None for a single member.
    """
    total = [float(one.sum()) for one in model.surprisals(codes)]
    grams = [frozenset(shingles(code)) for code in codes]
    scores = list[float | None]()
    for place, own in enumerate(grams):
        like = {other: jaccard(own, grams[other]) for other in range(len(codes)) if other != place}
        nearest = [other for other, value in like.items() if value == max(like.values())]
        scores.append(float(np.mean([total[other] for other in nearest])) - total[place] if nearest else None)
    return scores
