"""Critics of all folds, and scores of programs whose problem, or whose operator family besides, no part of the critic has seen."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.ids import FOLDS
from codelewm_assets.dataset.model_pools import model_family
from codelewm_assets.scorers.critic import Critic
from codelewm_assets.scorers.examples import Example
from codelewm_assets.scorers.program_features import ProgramFeatures

MODEL_PARTS = 2  # of the models, each held out in turn
Folds = Mapping[int, Sequence[Example]]  # fold → the programs of its problems


@dataclass(frozen=True, slots=True)
class FamilyScore:
    """Score of one program by a critic that never saw its twins' operator family.

    Attributes:
        family: of the bug that the program or its twin has.
        fold: of its problem.
        index: place among the programs of the fold.
        score: probability of passing.
    """

    family: str
    fold: int
    index: int
    score: float


def fit_fold(
    features: ProgramFeatures,
    folds: Folds,
    library: Sequence[Example],
    fold: int,
    *,
    seed: int,
    without: str | None = None,
    without_models: Collection[str] = (),
) -> Critic:
    """The critic whose test fold this is: validation is the next fold, train the other three and the library.

    Args:
        without: operator family that is excluded from every part, with all twins of its bugs.
        without_models: models whose programs are excluded from every part.

    Raises: ScorerError: too few programs.
    """
    validation = (fold + 1) % len(FOLDS)
    train = [example for other in FOLDS if other not in (fold, validation) for example in folds.get(other, ())]
    return Critic.fit(
        features,
        _without([*train, *library], without, without_models),
        _without(folds.get(validation, ()), without, without_models),
        seed=seed,
    )


def unseen_operators(
    features: ProgramFeatures, folds: Folds, library: Sequence[Example], *, seed: int
) -> Iterator[FamilyScore]:
    """Scores of all twins by critics without their operator family: a fit for each fold and each family that it has.

    Args:
        folds: twins carry the family of their bug on the wrong side; the right side is scored with it.
    """
    for fold, examples in sorted(folds.items()):
        family_of = _families(examples)
        for family in sorted(set(family_of.values())):
            chosen = [
                index
                for index, example in enumerate(examples)
                if example.twin is not None and family_of.get((example.group, example.twin)) == family
            ]
            critic = fit_fold(features, folds, library, fold, seed=seed, without=family)
            scores = scores_of(critic, [examples[index] for index in chosen])
            yield from (FamilyScore(family, fold, index, score) for index, score in zip(chosen, scores, strict=True))


def unseen_models(
    features: ProgramFeatures, folds: Folds, library: Sequence[Example], *, seed: int
) -> Iterator[tuple[int, int, float]]:
    """(fold, index, score) of all programs that models wrote, by critics that saw neither their problem nor their model.

    Families of models are divided in `MODEL_PARTS` by a hash of their names: a fit for each fold and each part.
    """
    authors = sorted({example.author for examples in folds.values() for example in examples if example.author})
    parts = {author: int(MODEL_PARTS * unit_interval("model part", model_family(author))) for author in authors}
    for fold, examples in sorted(folds.items()):
        for part in sorted(set(parts.values())):
            chosen = [index for index, example in enumerate(examples) if parts.get(example.author) == part]
            held_out = frozenset(name for name, own in parts.items() if own == part)
            if chosen:
                critic = fit_fold(features, folds, library, fold, seed=seed, without_models=held_out)
                scores = scores_of(critic, [examples[index] for index in chosen])
                yield from ((fold, index, score) for index, score in zip(chosen, scores, strict=True))


def _families(examples: Sequence[Example]) -> dict[tuple[str, str | None], str]:
    """(group, twin) → family of the bug."""
    return {(e.group, e.twin): e.family for e in examples if e.twin is not None and e.family}


def _without(examples: Sequence[Example], family: str | None, models: Collection[str]) -> list[Example]:
    families = {} if family is None else _families(examples)
    return [
        e
        for e in examples
        if e.author not in models
        and (family is None or (e.family != family and families.get((e.group, e.twin)) != family))
    ]


def scores_of(critic: Critic, examples: Sequence[Example]) -> list[float]:
    """The probability of passing of each program, in their order."""
    scores = np.zeros(len(examples))
    for by_models in (False, True):
        kind = [index for index, example in enumerate(examples) if bool(example.author) is by_models]
        codes, prompts = [examples[index].code for index in kind], [examples[index].prompt for index in kind]
        scores[kind] = critic.score(codes, prompts, by_models=by_models)
    return [float(score) for score in scores]
