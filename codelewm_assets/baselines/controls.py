"""The controls that read text alone: lexical, consensus and isolation, surface_lr, length, random.

Each scores a completion, higher = more likely to pass. They read text only; none runs code.
"""

import math
import re
from collections.abc import Mapping, Sequence
from math import comb
from typing import NamedTuple

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.dataset.shingles import jaccard, normalised_tokens, shingles

WORD = re.compile(r"[a-z0-9_]+")


def lexical_score(prompt: str, code: str) -> float:
    """Jaccard of the lower-cased word sets of prompt and completion, in [0, 1]."""
    return overlap(words(prompt), words(code))


def words(text: str) -> frozenset[str]:
    """Lower-cased words of a text."""
    return frozenset(WORD.findall(text.lower()))


def overlap(a: frozenset[str], b: frozenset[str]) -> float:
    """Jaccard of two sets of words, in [0, 1]; 0 when both are empty."""
    return len(a & b) / len(a | b) if a | b else 0.0


def length_score(code: str) -> float:
    """Minus the number of characters: shorter ranks first."""
    return -float(len(code))


def random_score(completion_id: str) -> float:
    """A hash of the completion id in [0, 1)."""
    return unit_interval("random_control", completion_id)


class Agreement(NamedTuple):
    """Agreement of a program with the others of its group; None for a single one."""

    consensus: float | None  # mean 3-gram Jaccard of alpha-normalised tokens to the others
    isolation: float | None  # minus the largest one


def agreement_scores(codes: Mapping[str, str]) -> dict[str, Agreement]:
    """Agreement of each program with the others. Args: codes: completion id → program."""
    grams = {name: shingles(code) for name, code in codes.items()}
    found = dict[str, Agreement]()
    for name, own in grams.items():
        near = [jaccard(own, grams[other]) for other in grams if other != name]
        found[name] = Agreement(math.fsum(near) / len(near), -max(near)) if near else Agreement(None, None)
    return found


def surface_lr_scores(
    train_codes: Sequence[str], train_passed: Sequence[bool], codes: Sequence[str]
) -> list[float | None]:
    """Probability of passing by TF-IDF logistic regression on alpha-normalised code, fitted on train completions.

    Returns: one probability for each of `codes`; None for all when train has a single class.
    Source: scikit-learn TfidfVectorizer and LogisticRegression.
    """
    if len(set(train_passed)) < 2 or not codes:
        return [None] * len(codes)
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(analyzer=lambda text: _ngrams(text), min_df=2, max_features=50_000, sublinear_tf=True)
    model = LogisticRegression(max_iter=300, C=1.0, class_weight="balanced")
    model.fit(vectorizer.fit_transform(train_codes), [int(p) for p in train_passed])
    return [float(p) for p in model.predict_proba(vectorizer.transform(codes))[:, 1]]


def _ngrams(code: str) -> list[str]:
    tokens = normalised_tokens(code)
    return [" ".join(tokens[i : i + n]) for n in (1, 2, 3) for i in range(len(tokens) - n + 1)]


def pass_at_1(pools: Mapping[str, Sequence[tuple[float | None, bool]]]) -> float | None:
    """Mean over pools of the mean of `passed` over the tied top score; pools with a missing score do not count.

    Returns: None when no pool can be scored.
    """
    values = []
    for members in pools.values():
        scores = [score for score, _ in members if score is not None]
        if len(scores) == len(members) and members:
            top = max(scores)
            tied = [passed for score, passed in members if score == top]
            values.append(sum(tied) / len(tied))
    return sum(values) / len(values) if values else None


def reciprocal_rank(pool: Sequence[tuple[float, bool]]) -> float:
    """Expected reciprocal rank of the first passing member over random orders of ties; 0.0 if none passes."""
    before = 0
    for score in sorted({score for score, _ in pool}, reverse=True):
        tied = [passed for other, passed in pool if other == score]
        size, good = len(tied), sum(tied)
        if good:
            # the first of `good` among `size` in random order stands at place j with comb(size-j, good-1)/comb(size, good)
            return sum(
                comb(size - place, good - 1) / comb(size, good) / (before + place)
                for place in range(1, size - good + 2)
            )
        before += size
    return 0.0
