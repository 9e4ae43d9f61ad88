"""Rows of scorers that a profile names: probabilities by fold, missing scores, and what was trained on."""

import numpy as np
import pytest

from codelewm_assets.evaluation.platt import logit_of
from codelewm_assets.evaluation.scored import Scored
from codelewm_assets.evaluation.scorer_rows import ScorerScores, contamination_report, named_scorer, with_scores
from codelewm_assets.evaluation.transfer import EquivalentPair
from codelewm_assets.scorers.named import NamedScore, StatedTraining
from codelewm_assets_tests.factories import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    """Both benchmarks, 40 problems each."""
    return make_world()


def stated(**changes: object) -> StatedTraining:
    """A ranker that is judged on all folds."""
    fields = {"name": "ranker", "kind": "external", "role": "candidate", "reads": "the program", "folds": (0, 1, 2, 3, 4),
              "none_of_the_benchmarks": None, "problems": None, "source": {}}  # fmt: skip
    return StatedTraining.model_validate(fields | changes)


def scores_of(world: World, *, scale: float = 1.0, seed: int | None = None) -> list[NamedScore]:
    """A score of each completion: higher where it passed, with noise."""
    noise = np.random.default_rng(0)
    passed = {row.completion_id: row.passed for row in world.controls}
    return [
        NamedScore(scorer="ranker", completion_id=name, seed=seed, score=scale * (label + noise.normal()))
        for name, label in sorted(passed.items())
    ]


def test_scores_become_probabilities_by_the_next_fold_and_keep_their_order(world: World) -> None:
    """Every program that a model wrote fails here: nothing can be fitted on them, and their scores stay."""
    raw = scores_of(world, scale=30.0)
    scorer = named_scorer(stated(), raw, world.controls, seed=42)
    assert [(scaling.fold, scaling.by_models) for scaling in scorer.scalings] == [(fold, False) for fold in range(5)]
    fold_of = {row.completion_id: row.fold for row in world.controls if row.completion_kind != "model"}
    by_models = {row.completion_id for row in world.controls} - fold_of.keys()
    assert all(scorer.scores[row.completion_id] == row.score for row in raw if row.completion_id in by_models)
    values = {row.completion_id: row.score for row in raw if row.completion_id in fold_of}
    for scaling in scorer.scalings:
        names = sorted((name for name in values if fold_of[name] == scaling.fold), key=values.__getitem__)
        of_fold = [scorer.scores[name] for name in names]
        assert of_fold == sorted(of_fold) and 0 < of_fold[0] < of_fold[-1] < 1
        logits = logit_of(np.array(of_fold))
        expected = scaling.slope * np.array([values[name] for name in names]) + scaling.intercept
        assert logits == pytest.approx(expected, abs=1e-6)
    validation = [
        row for row in world.controls if row.pool_id is None and row.fold == 1 and row.completion_kind != "model"
    ]
    assert scorer.scalings[0].record_count == len(validation)


def test_programs_that_models_wrote_are_scaled_by_their_own_kind(world: World) -> None:
    """A score of 0.8 is right in three of four twins, logit ln 3, and in one of four models' programs, logit -ln 3."""
    alone = [row for row in world.controls if row.pool_id is None]
    by_fold = [[row for row in alone if row.fold == fold][:16] for fold in range(5)]
    controls = [
        row.model_copy(update={"completion_kind": kind, "passed": (place % 4 == 0) is (kind == "model")})
        for rows in by_fold
        for place, row in enumerate(rows)
        for kind in (("model",) if place >= 8 else ("rewrite",))
    ]
    raw = [NamedScore(scorer="ranker", completion_id=row.completion_id, seed=None, score=0.8) for row in controls]
    scorer = named_scorer(stated(), raw, controls, seed=42)
    assert [(s.fold, s.by_models) for s in scorer.scalings] == [(f, m) for m in (False, True) for f in range(5)]
    for row in controls:
        expected = 0.25 if row.completion_kind == "model" else 0.75
        assert scorer.scores[row.completion_id] == pytest.approx(expected, abs=1e-4)


def test_scores_of_a_seed_are_that_seeds_alone(world: World) -> None:
    rows = scores_of(world, seed=42)
    assert len(named_scorer(stated(), rows, world.controls, seed=42).scores) == len(rows)
    assert named_scorer(stated(), rows, world.controls, seed=1729).scores == {}


def test_without_labels_of_both_classes_in_validation_scores_stay_as_they_are(world: World) -> None:
    """Fold 1 calibrates fold 0; no completion of it has a score."""
    fold_of = {row.completion_id: row.fold for row in world.controls}
    rows = [row for row in scores_of(world) if fold_of[row.completion_id] != 1]
    scorer = named_scorer(stated(folds=(0,)), rows, world.controls, seed=42)
    assert scorer.scalings == () and scorer.scores == {row.completion_id: row.score for row in rows}


def test_a_completion_without_a_score_keeps_its_row_and_one_of_another_fold_has_none(world: World) -> None:
    first = next(row for row in world.controls if row.pool_id is not None and row.fold == 0)
    scores = {row.completion_id: 0.5 for row in world.controls if row.completion_id != first.completion_id}
    other = ScorerScores("smollm2", {first.completion_id: 0.25})
    pooled, alone = ScorerScores("ranker", scores, folds=(0,)).rows(world.controls, [other])
    assert {row.fold for row in (*pooled, *alone)} == {0}
    assert len(pooled) == sum(row.pool_id is not None and row.fold == 0 for row in world.controls)
    (row,) = {row.completion_id: row for row in pooled if row.completion_id == first.completion_id}.values()
    assert (row.scores["ranker"], row.scores["smollm2"]) == (None, 0.25)
    assert "smollm2" not in next(row for row in pooled if row.completion_id != first.completion_id).scores
    assert with_scores(row, []) is row


@pytest.mark.parametrize(
    ("changes", "statement", "seen"),
    [
        ({}, "unknown", []),
        ({"none_of_the_benchmarks": "older than both"}, "none_of_the_benchmarks", []),
        ({"problems": ("HumanEval/9",)}, "problems", []),
        ({"problems": ("HumanEval/1", "HumanEval/3")}, "problems", ["HumanEval/1", "HumanEval/2"]),
        ({"problems": ("https://example.org/1",)}, "unknown", []),  # an id that is no problem's clears nothing
        ({"problems": ("https://example.org/1", "HumanEval/1")}, "problems", ["HumanEval/1"]),
    ],
)
def test_near_duplicates_of_a_trained_problem_count_as_trained_on(
    changes: dict[str, object], statement: str, seen: list[str]
) -> None:
    """HumanEval/2, scored, is in a cluster with HumanEval/3, which is not."""
    clusters = {"HumanEval/0": 0, "HumanEval/1": 1, "HumanEval/2": 2, "HumanEval/3": 2}
    scored = ["HumanEval/2", "HumanEval/0", "HumanEval/1", "HumanEval/0"]
    report = contamination_report(stated(**changes), scored, clusters, seed=42)
    assert (report.statement, report.scored_problems_trained_on) == (statement, seen)
    assert report.scored_problem_count == 3


def test_a_scorer_is_asked_about_pairs_of_the_folds_that_it_is_judged_on(world: World) -> None:
    """One pair in each problem; a problem without a fold is asked of nobody."""
    scored = Scored.__new__(Scored)
    pairs = [EquivalentPair(split.problem_id, "a", "b") for split in world.splits]
    vars(scored).update(
        stated=[stated(name="two", folds=(0, 3)), stated(name="all")],
        _pairs=[*pairs, EquivalentPair("elsewhere", "a", "b")],
    )
    by_scorer = scored._pairs_by_scorer(world.splits)
    of_two = [split.problem_id for split in world.splits if split.fold in (0, 3)]
    assert [pair.problem_id for pair in by_scorer["two"]] == of_two and 0 < len(of_two) < len(pairs)
    assert by_scorer["all"] == pairs
