"""What each fold's critic is fitted on, and what it is asked."""

from dataclasses import replace
from typing import Any

import pytest

from codelewm_assets.scorers import cross_fitting
from codelewm_assets.scorers.cross_fitting import (
    fit_fold,
    unseen_models,
    unseen_operators,
)
from codelewm_assets.scorers.examples import Example
from codelewm_assets.scorers.program_features import ProgramFeatures
from codelewm_assets_tests.scorers.test_critic import LIBRARY, examples

FOLDS = {fold: examples(range(9 * fold, 9 * fold + 9)) for fold in range(5)}


@pytest.fixture(scope="module")
def features() -> ProgramFeatures:
    return ProgramFeatures.fit(LIBRARY)


class Fitted:
    """Notes what a critic is fitted on."""

    def __init__(self) -> None:
        self.parts = list[tuple[list[Example], list[Example]]]()

    def fit(self, features: object, train: list[Example], validation: list[Example], *, seed: int) -> None:
        self.parts.append((list(train), list(validation)))


def test_a_fold_is_in_no_part_of_its_critic_and_validation_is_the_next(
    features: ProgramFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = Fitted()
    monkeypatch.setattr(cross_fitting, "Critic", fitted)
    fit_fold(features, FOLDS, [Example("x", "", True, "library", is_library=True)], 4, seed=42)
    ((train, validation),) = fitted.parts
    assert [e.group for e in train] == [e.group for fold in (1, 2, 3) for e in FOLDS[fold]] + ["library"]
    assert validation == FOLDS[0]


def test_a_family_left_out_is_in_no_part_nor_are_its_twins(
    features: ProgramFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = Fitted()
    monkeypatch.setattr(cross_fitting, "Critic", fitted)
    fit_fold(features, FOLDS, examples(range(90, 93), library=True), 0, seed=42, without="relational")
    ((train, validation),) = fitted.parts
    every = [*train, *validation]
    assert {e.family for e in every} == {"", "arithmetic"}
    twins = {(e.group, e.twin): e.family for e in every if e.family}
    assert all((e.group, e.twin) in twins for e in every)
    assert any(e.is_library for e in train)


LETTERS = str.maketrans("0123456789", "qwertzuiop")  # digits are no part of a family's name


def of_models(folds: dict[int, list[Example]]) -> dict[int, list[Example]]:
    """The same programs as samples of four models: both sides of the pair at one place are one model's."""
    return {
        fold: [replace(e, twin=None, family="", author=f"{(e.twin or '').translate(LETTERS)}-7b") for e in rows]
        for fold, rows in folds.items()
    }


def test_unseen_models_scores_every_program_once_by_a_critic_without_its_problem_and_its_model(
    features: ProgramFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four models in two parts by a hash of their names: a fit of each fold and part, which excludes the part."""
    folds = of_models(FOLDS)
    fits = list[tuple[int, frozenset[str]]]()
    fitted = cross_fitting.fit_fold

    def noted(features: Any, folds: Any, library: Any, fold: int, *, seed: int, without_models: frozenset[str]) -> Any:
        fits.append((fold, without_models))
        return fitted(features, folds, library, fold, seed=seed, without_models=without_models)

    monkeypatch.setattr(cross_fitting, "fit_fold", noted)
    rows = list(unseen_models(features, folds, [], seed=42))
    assert sorted((fold, index) for fold, index, _ in rows) == [(k, i) for k in FOLDS for i in range(len(FOLDS[k]))]
    parts = {models for _, models in fits}
    assert sorted(name for part in parts for name in part) == sorted(
        f"{f'b0p{place}'.translate(LETTERS)}-7b" for place in range(4)
    )
    assert len(fits) == len(FOLDS) * len(parts) == len(set(fits)) == 10


def test_runs_and_sizes_of_one_family_are_held_out_together(
    features: ProgramFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight families with three names each: whatever part a family is in, all of its names are in it, and both parts have some."""
    families = [f"{letter * 3}lm" for letter in "abcdefgh"]
    names = [name for family in families for name in (f"{family}-7b", f"org_{family}-30b-gptq_MEDIUM", f"{family}/CoT")]
    rows = [e for fold in range(5) for e in FOLDS[fold]]
    folds = {
        fold: [replace(e, twin=None, family="", author=names[i % len(names)]) for i, e in enumerate(rows)]
        for fold in (0, 1)
    }
    held_out = set[frozenset[str]]()

    def noted(*_: Any, without_models: frozenset[str], **__: Any) -> None:
        held_out.add(without_models)

    monkeypatch.setattr(cross_fitting, "fit_fold", noted)
    monkeypatch.setattr(cross_fitting, "scores_of", lambda _, examples: [0.5] * len(examples))
    list(unseen_models(features, folds, [], seed=42))
    assert len(held_out) == 2 and frozenset().union(*held_out) == set(names)
    for part in held_out:
        assert all(sum(family in name for name in part) in (0, 3) for family in families)


def test_a_model_left_out_is_in_no_part(features: ProgramFeatures, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = Fitted()
    monkeypatch.setattr(cross_fitting, "Critic", noted)
    fit_fold(features, of_models(FOLDS), [], 0, seed=42, without_models=frozenset({"bqpw-7b"}))
    ((train, validation),) = noted.parts
    assert {e.author for e in [*train, *validation]} == {"bqpq-7b", "bqpe-7b", "bqpr-7b"}


def test_unseen_operators_scores_both_sides_of_every_twin_once(features: ProgramFeatures) -> None:
    rows = list(unseen_operators(features, FOLDS, [], seed=42))
    assert sorted((row.fold, row.index) for row in rows) == [(k, i) for k in FOLDS for i in range(len(FOLDS[k]))]
    assert {row.family for row in rows} == {"arithmetic", "relational"}
    for row in rows:
        assert FOLDS[row.fold][row.index].family in ("", row.family)
