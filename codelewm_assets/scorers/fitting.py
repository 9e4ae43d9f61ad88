"""The critics of all folds from tables of a store: what is fitted, what is scored, and what is asked besides."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from codelewm_assets.core.ids import FOLDS
from codelewm_assets.core.records import LibraryFunction, LibraryVariant, PackRow, Record
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.scorers.critic import Critic
from codelewm_assets.scorers.cross_fitting import (
    Folds,
    fit_fold,
    scores_of,
    unseen_models,
    unseen_operators,
)
from codelewm_assets.scorers.examples import Example
from codelewm_assets.scorers.program_features import ProgramFeatures


class CriticAbout(Record):
    """`critic.json`: what the critics of one seed were fitted on."""

    schema_version: Literal["codelewm_assets.critic.v1"] = "codelewm_assets.critic.v1"
    seed: int
    folds: tuple[int, ...]  # a critic each
    benchmarks: tuple[str, ...]  # whose problems are scored
    trained_on: dict[str, str]  # artifact id → digest


class CriticScore(Record):
    """The critic's score of one completion, by the critic whose test fold has its problem."""

    completion_id: str  # the program
    problem_id: str  # its problem
    fold: int  # of the problem
    critic: float  # probability of passing


class FamilyCriticScore(CriticScore):
    """The same, by a critic that never saw the operator family of the program's twins."""

    family: str  # of the bug that the program or its twin has


@dataclass(frozen=True, slots=True)
class FittedCritics:
    """The critics of all folds of one seed.

    Attributes:
        critics: fold → critic; folds without a problem are absent.
        scores: of every completion of the benchmarks.
        unseen: of the scored twins; empty unless asked for.
        unseen_models: of programs that models wrote, by critics that saw no program of their model; empty unless asked for.
    """

    critics: Mapping[int, Critic]
    scores: Sequence[CriticScore]
    unseen: Sequence[FamilyCriticScore]
    unseen_models: Sequence[CriticScore]


@lru_cache(maxsize=1)
def library_features(codes: tuple[str, ...]) -> ProgramFeatures:
    """Features under language models of library code; kept for the other seed, which reads the same programs."""
    return ProgramFeatures.fit(codes)


def pack_examples(
    pack: Iterable[PackRow], splits: Sequence[ProblemSplit], prompts: Mapping[str, str], benchmarks: Sequence[str]
) -> tuple[Folds, dict[int, list[str]]]:
    """(fold → its programs, fold → their completion ids), in the order of the ids."""
    fold = {split.problem_id: split.fold for split in splits}
    first: dict[str, PackRow] = {}
    for row in pack:
        if row.source_dataset in benchmarks and row.source_problem_id in fold:
            first.setdefault(row.source_submission_id, row)
    examples: dict[int, list[Example]] = defaultdict(list)
    names: dict[int, list[str]] = defaultdict(list)
    for name, row in sorted(first.items()):
        own = fold[row.source_problem_id]
        names[own].append(name)
        examples[own].append(
            Example(
                row.code_tokens,
                prompts[row.source_problem_id],
                row.completion_passed,
                row.source_problem_id,
                row.twin,
                row.operator_family if row.completion_kind == "mutant_1" else "",
                is_scored=row.is_scored or row.completion_kind == "model",
                author=row.llm or "",
            )
        )
    return examples, names


def library_examples(functions: Sequence[LibraryFunction], variants: Iterable[LibraryVariant]) -> list[Example]:
    """Variants of library functions, for training alone."""
    prompts = {function.function_id: function.prompt for function in functions}
    return [
        Example(
            variant.code,
            prompts[variant.function_id],
            variant.passed,
            variant.function_id,
            variant.twin,
            variant.family if variant.kind == "mutant" else "",
            is_library=True,
        )
        for variant in variants
        if variant.twin is not None
    ]


def fit_critics(
    features: ProgramFeatures,
    folds: Folds,
    names: Mapping[int, Sequence[str]],
    library: Sequence[Example],
    *,
    seed: int,
    with_unseen: bool,
    with_unseen_models: bool = False,
) -> FittedCritics:
    """Fit the critic of every fold, and score each program by the one that never saw its problem.

    Args:
        names: fold → completion ids, in the order of `folds`.
        with_unseen: refit without each operator family too.
        with_unseen_models: refit without each part of the models too.

    Raises: ScorerError: too few programs.
    """
    critics = {fold: fit_fold(features, folds, library, fold, seed=seed) for fold in FOLDS if folds.get(fold)}
    scores = {fold: scores_of(critic, folds[fold]) for fold, critic in critics.items()}
    rows = [
        CriticScore(completion_id=name, problem_id=example.group, fold=fold, critic=score)
        for fold in sorted(critics)
        for name, example, score in zip(names[fold], folds[fold], scores[fold], strict=True)
    ]
    unseen = [
        FamilyCriticScore(
            completion_id=names[row.fold][row.index], problem_id=folds[row.fold][row.index].group, fold=row.fold,
            critic=row.score, family=row.family,
        )
        for row in (unseen_operators(features, folds, library, seed=seed) if with_unseen else ())
    ]  # fmt: skip
    held_out = unseen_models(features, folds, library, seed=seed) if with_unseen_models else ()
    of_models = [
        CriticScore(completion_id=names[fold][index], problem_id=folds[fold][index].group, fold=fold, critic=score)
        for fold, index, score in held_out
    ]
    return FittedCritics(critics, rows, unseen, of_models)
