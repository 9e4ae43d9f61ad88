"""Critics of all folds, and scores of programs whose problem, or whose operator family besides, no part of the critic has seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from codelewm_assets.core.ids import FOLDS
from codelewm_assets.scorers.critic import Critic
from codelewm_assets.scorers.examples import Example
from codelewm_assets.scorers.program_features import ProgramFeatures

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


@dataclass(frozen=True, slots=True)
class EquivalentEdit:
    """A twin pair of which both sides pass, and what they were scored.

    Attributes:
        fold: of its problem.
        unedited, edited: places among the programs of the fold.
        unedited_score, edited_score: of any scorer.
    """

    fold: int
    unedited: int
    edited: int
    unedited_score: float
    edited_score: float


def fit_fold(
    features: ProgramFeatures,
    folds: Folds,
    library: Sequence[Example],
    fold: int,
    *,
    seed: int,
    without: str | None = None,
) -> Critic:
    """The critic whose test fold this is: validation is the next fold, train the other three and the library.

    Args:
        without: operator family that is left out of every part, with all twins of its bugs.

    Raises: ScorerError: too few programs.
    """
    validation = (fold + 1) % len(FOLDS)
    train = [example for other in FOLDS if other not in (fold, validation) for example in folds.get(other, ())]
    return Critic.fit(
        features,
        _without([*train, *library], without),
        _without(folds.get(validation, ()), without),
        seed=seed,
    )


def cross_fitted_scores(
    features: ProgramFeatures, folds: Folds, library: Sequence[Example], *, seed: int
) -> dict[int, list[float]]:
    """Fold → probability of passing of each of its programs, by the critic that never saw their problems."""
    return {
        fold: _scored(fit_fold(features, folds, library, fold, seed=seed), examples)
        for fold, examples in sorted(folds.items())
        if examples
    }


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
            scores = _scored(critic, [examples[index] for index in chosen])
            yield from (FamilyScore(family, fold, index, score) for index, score in zip(chosen, scores, strict=True))


def equivalent_edits(folds: Folds, scores: Mapping[int, Sequence[float]]) -> list[EquivalentEdit]:
    """Twin pairs of which both sides pass.

    Args:
        scores: fold → score of each of its programs, of any scorer.
    """
    rows = list[EquivalentEdit]()
    for fold, examples in sorted(folds.items()):
        right: dict[tuple[str, str | None], int] = {
            (e.group, e.twin): index for index, e in enumerate(examples) if e.twin is not None and not e.family
        }
        for index, example in enumerate(examples):
            unedited = right.get((example.group, example.twin))
            if example.family and example.passed and unedited is not None and examples[unedited].passed:
                rows.append(EquivalentEdit(fold, unedited, index, scores[fold][unedited], scores[fold][index]))
    return rows


def _families(examples: Sequence[Example]) -> dict[tuple[str, str | None], str]:
    """(group, twin) → family of the bug."""
    return {(e.group, e.twin): e.family for e in examples if e.twin is not None and e.family}


def _without(examples: Sequence[Example], family: str | None) -> list[Example]:
    if family is None:
        return list(examples)
    families = _families(examples)
    return [e for e in examples if e.family != family and families.get((e.group, e.twin)) != family]


def _scored(critic: Critic, examples: Sequence[Example]) -> list[float]:
    scores = critic.score([example.code for example in examples], [example.prompt for example in examples])
    return [float(score) for score in scores]
