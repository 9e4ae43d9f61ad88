"""The critic: a probability of passing from a program's text and its prompt, without a neural network and without running it.

Three members: an order by statistics, counts and gains and one by token n-grams, each a logistic regression on differences of
pairs, and gradient boosting on single programs. A logistic regression on validation programs combines them into a probability.
Each fold's critic is fitted on the fold's train problems and on library variants.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.errors import ModelFileError, ScorerError
from codelewm_assets.scorers.array_files import dump_arrays, load_arrays, text_array, texts_of
from codelewm_assets.scorers.examples import Example, group_weights, training_pairs
from codelewm_assets.scorers.program_features import NAMES, NGRAM_COLUMNS, ProgramFeatures
from codelewm_assets.scorers.trees import Trees

Floats = NDArray[np.float64]

LIBRARY_WEIGHT = 0.03  # of a pair of library variants, beside a pair of the train folds
PAIR_WEIGHT = 4.0  # of all validation pairs together, beside all validation programs together
PARTS = 5  # of the validation problems
MIN_SLOPE = 0.05  # of the probability: the order stays the members' own
MIN_LABELS = 10  # validation programs of each class, to combine the members
ITERATIONS = 120  # of the booster
MAX_BINS = 63  # of a column of the booster; with weights, the time of a fit is that of the bins' edges
MEMBERS = ("order", "ngrams", "booster")
"""Columns that are combined."""
ARRAYS = ("center", "scale", "order", "member_scale", "combination", "model_combination")


@dataclass(frozen=True, slots=True)
class Critic:
    """A fitted critic of one fold.

    Attributes:
        features: its language models.
        center, scale: (D,) of the dense columns.
        order: (D,) weights of the standardised dense columns.
        ngrams: (NGRAM_COLUMNS,) weights of the n-grams.
        trees: of scikit-learn's HistGradientBoostingClassifier.
        member_scale: (3,) standard deviation of each member on the validation programs.
        combination: (4,) weights of the members over their scale, and the intercept, for twins.
        model_combination: the same for programs that models wrote; equal to it where validation has too few of them.
    """

    features: ProgramFeatures
    center: Floats
    scale: Floats
    order: Floats
    ngrams: Floats
    trees: Trees
    member_scale: Floats
    combination: Floats
    model_combination: Floats

    @classmethod
    def fit(
        cls, features: ProgramFeatures, train: Sequence[Example], validation: Sequence[Example], *, seed: int
    ) -> "Critic":
        """Fit the members on `train`, and what combines them on `validation`.

        Args:
            features: language models of library code; shared by all folds.
            train: programs of the fold's train problems and library variants.
            validation: programs of other problems than `train`.
            seed: draws the training resample.

        Raises: ScorerError: train has no pair of a passing and a failing program, or a class of either part has too few.
        """
        _refuse(train, validation)
        weights = group_weights(train, seed=seed)
        dense = features.dense(*_texts(train))
        own = np.array([not example.is_library for example in train])
        center, scale = dense[own].mean(axis=0), dense[own].std(axis=0) + 1e-9
        pairs = training_pairs(train)
        pair_weights = weights[pairs[:, 0]] * np.where(own[pairs[:, 0]], 1.0, LIBRARY_WEIGHT)
        standardised = (dense - center) / scale
        order = _pairwise(standardised[pairs[:, 0]] - standardised[pairs[:, 1]], pair_weights, c=0.005)
        grams = features.ngrams([example.code for example in train])
        gram_weights = _pairwise(grams[pairs[:, 0]] - grams[pairs[:, 1]], pair_weights, c=0.1)
        passed = np.array([example.passed for example in train])
        booster = _booster(seed).fit(dense[own], passed[own], sample_weight=weights[own])
        critic = cls(features, center, scale, order, gram_weights, Trees.of(booster), *map(np.ones, (3, 4, 4)))
        return critic._combined(validation)

    def _combined(self, validation: Sequence[Example]) -> "Critic":
        """With weights of the members, slope and intercept of the probability, all from validation programs of each kind."""
        members = self.members(*_texts(validation))
        scale = members.std(axis=0) + 1e-9
        combination, model_combination = (
            _combination(members[kind] / scale, [validation[index] for index in kind])
            for kind in (
                [index for index, example in enumerate(validation) if bool(example.author) is by_models]
                for by_models in (False, True)
            )
        )
        fallback = combination if model_combination is None else model_combination
        if fallback is None:
            raise ScorerError(f"Validation has fewer than {MIN_LABELS} scored programs of a class. Take more problems.")
        return replace(
            self,
            member_scale=scale,
            combination=fallback if combination is None else combination,
            model_combination=fallback,
        )

    def members(self, codes: Sequence[str], prompts: Sequence[str]) -> Floats:
        """(N, 3) float64: each member's own score, higher = more likely to pass; columns as `MEMBERS`."""
        dense = self.features.dense(codes, prompts)
        return np.stack(
            [
                ((dense - self.center) / self.scale) @ self.order,
                np.asarray(self.features.ngrams(codes) @ self.ngrams),
                self.trees.decision(dense),
            ],
            axis=1,
        )

    def score(self, codes: Sequence[str], prompts: Sequence[str], *, by_models: bool = False) -> Floats:
        """(N,) float64 in [0, 1]: probability of passing. A program's score depends on it and its prompt alone.

        Args:
            by_models: the programs were written by models, for which the probability is calibrated apart.
        """
        from scipy.special import expit

        if not codes:
            return np.zeros(0)
        combination = self.model_combination if by_models else self.combination
        logits = (self.members(codes, prompts) / self.member_scale) @ combination[:3] + combination[3]
        return np.asarray(expit(logits))

    def dumps(self) -> bytes:
        """The critic without its language models as bytes; `loads` reads them."""
        used = np.flatnonzero(self.ngrams)
        return dump_arrays(
            {
                "columns": text_array(NAMES),
                "ngram_columns": used,
                "ngram_weights": self.ngrams[used],
                **{name: getattr(self, name) for name in ARRAYS},
                **self.trees.arrays(),
            }
        )

    @classmethod
    def loads(cls, data: bytes, features: ProgramFeatures) -> "Critic":
        """A critic from bytes of `dumps`, on the language models that it was fitted with.

        Raises: ModelFileError: not such bytes, or other columns than this version reads.
        """
        stored = load_arrays(data)
        try:
            columns = texts_of(stored["columns"])
            weights = np.zeros(NGRAM_COLUMNS)
            weights[stored["ngram_columns"]] = stored["ngram_weights"]
            critic = cls(
                features, ngrams=weights, trees=Trees.from_arrays(stored), **{name: stored[name] for name in ARRAYS}
            )
        except (KeyError, IndexError, ValueError) as error:
            raise ModelFileError(
                f"An array of the critic is missing or damaged ({error}). Fit the critic again."
            ) from error
        if columns != list(NAMES):
            raise ModelFileError(
                f"The critic was fitted on {len(columns)} columns other than the {len(NAMES)} that this version reads. "
                "Fit the critic again."
            )
        return critic


def _combination(members: Floats, examples: Sequence[Example]) -> Floats | None:
    """(4,) weights of the members and intercept; None with too few scored examples of a class.

    Slope and intercept are fitted on what weights of other problems give, since weights fit their own problems too well.

    Args:
        members: (N, 3), over their scale.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    scored = np.array([example.is_scored for example in examples], dtype=bool)
    passed = np.array([example.passed for example in examples], dtype=bool)
    groups = [example.group for example in examples]
    if min((passed & scored).sum(), (~passed & scored).sum()) < MIN_LABELS or len(set(groups)) < 2:
        return None
    logits = np.zeros(len(members))
    for train, held in GroupKFold(min(PARTS, len(set(groups)))).split(members, groups=groups):
        logits[held] = members[held] @ _member_weights(members[train], [examples[index] for index in train])
    platt = LogisticRegression(C=1e6).fit(logits[scored, None], passed[scored])
    slope = max(float(platt.coef_[0, 0]), MIN_SLOPE)
    return np.concatenate([_member_weights(members, examples) * slope, platt.intercept_])


def _texts(examples: Sequence[Example]) -> tuple[list[str], list[str]]:
    return [example.code for example in examples], [example.prompt for example in examples]


def _member_weights(members: Floats, examples: Sequence[Example]) -> Floats:
    """(3,) weights, none negative, that tell passing from failing programs and order pairs. Args: members: (N, 3)."""
    from sklearn.linear_model import LogisticRegression

    pairs = training_pairs(examples)
    difference = members[pairs[:, 0]] - members[pairs[:, 1]]
    single = np.hstack([members, np.ones((len(members), 1))])
    both = np.hstack([np.vstack([difference, -difference]), np.zeros((2 * len(pairs), 1))])
    pair_weight = PAIR_WEIGHT * len(members) / max(1, 2 * len(pairs))
    weights = np.concatenate([np.ones(len(members)), np.full(2 * len(pairs), pair_weight)])
    labels = np.concatenate([[example.passed for example in examples], np.repeat([True, False], len(pairs))])
    if len(set(labels.tolist())) < 2:
        return np.ones(members.shape[1])  # one part of few problems
    model = LogisticRegression(C=1.0, fit_intercept=False)
    fitted = model.fit(np.vstack([single, both]), labels, sample_weight=weights).coef_[0, :3]
    return np.asarray(np.maximum(fitted, 0.0))  # a member that counts against its own order is noise of a small part


def _pairwise(differences: Any, weights: Floats, *, c: float) -> Floats:
    """Weights of the order that puts the passing one of each pair first. Args: differences: (P, D) passing less failing."""
    from scipy.sparse import issparse, vstack
    from sklearn.linear_model import LogisticRegression

    stack = vstack if issparse(differences) else np.vstack
    labels = np.repeat([1, 0], len(weights))
    model = LogisticRegression(C=c, fit_intercept=False, max_iter=500)
    both = stack([differences, -differences])
    return np.asarray(
        model.fit(both, labels, sample_weight=np.concatenate([weights, weights])).coef_[0], dtype=np.float64
    )


def _booster(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=0.08,
        max_iter=ITERATIONS,
        max_leaf_nodes=15,
        l2_regularization=1.0,
        max_bins=MAX_BINS,
        random_state=seed,
    )


def _refuse(train: Sequence[Example], validation: Sequence[Example]) -> None:
    faults = list[str]()
    if not len(training_pairs(train)):
        faults.append("train has no pair of a passing and a failing program of one problem; expected at least one")
    if len({example.passed for example in train if not example.is_library}) < 2:
        faults.append("train has programs of benchmark problems of one class only; expected both")
    counts = [sum(e.passed is label and e.is_scored for e in validation) for label in (True, False)]
    if not len(training_pairs(validation)):
        faults.append("validation has no pair of a passing and a failing program of one problem; expected at least one")
    if min(counts) < MIN_LABELS:
        faults.append(
            f"validation has {counts[0]} passing and {counts[1]} failing scored programs; expected {MIN_LABELS} of each"
        )
    shared = {example.group for example in train} & {example.group for example in validation}
    if shared:
        faults.append(f"train and validation share {', '.join(sorted(shared)[:3])}; expected none")
    if faults:
        raise ScorerError(f"The critic cannot be fitted: {'; '.join(faults)}. Take more problems or completions.")
