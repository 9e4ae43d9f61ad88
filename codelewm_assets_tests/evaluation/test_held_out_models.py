"""Which models of a cross-fitted scorer are asked about a program, and whether they were trained on its problem."""

from typing import Any

import pytest

from codelewm_assets.completions.program_rows import ProgramRow
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.near_duplicates import Thresholds
from codelewm_assets.evaluation.held_out_models import Models, models_of
from codelewm_assets_tests.factories import make_problem, random_program

PROBLEMS = [make_problem(number) for number in range(4)]
SPLITS = [
    ProblemSplit(problem_id=problem.problem_id, benchmark_id="humaneval", cluster=number, fold=number)
    for number, problem in enumerate(PROBLEMS)
]
EVERY = (0, 1, 2, 3, 4)


def row(**changes: Any) -> ProgramRow:
    """A program of a problem that no benchmark has."""
    fields = {"completion_id": "c", "problem_id": "mine", "benchmark_id": "humaneval", "code": random_program("mine"),
              "prompt": "zeta eta theta iota kappa lambda"}  # fmt: skip
    return ProgramRow(**fields | changes)


def asked(*rows: ProgramRow, folds: tuple[int, ...] = EVERY) -> dict[str, Models]:
    """The models of these programs' problems."""
    return models_of(rows, splits=SPLITS, problems=PROBLEMS, folds=folds, thresholds=Thresholds())


def test_a_problem_of_the_benchmark_is_scored_by_its_folds_model() -> None:
    own = row(problem_id=PROBLEMS[2].problem_id)
    assert asked(own) == {own.problem_id: Models((2,), False)}


def test_a_problem_whose_fold_has_no_model_was_trained_on() -> None:
    own = row(problem_id=PROBLEMS[2].problem_id)
    assert asked(own, folds=(0,)) == {own.problem_id: Models((0,), True)}


def test_a_problem_of_no_benchmark_is_scored_by_all_models() -> None:
    assert asked(row()) == {"mine": Models(EVERY, False)}
    assert asked() == {}


@pytest.mark.parametrize(
    "changes", [{"code": PROBLEMS[3].reference}, {"prompt": PROBLEMS[3].prompt}], ids=["code", "prompt"]
)
def test_a_near_duplicate_is_scored_as_the_problem_that_it_is_like(changes: dict[str, str]) -> None:
    """Its fold's model saw neither; where that fold has none, every model was trained on it."""
    assert asked(row(**changes)) == {"mine": Models((3,), False)}
    assert asked(row(**changes), folds=(0, 1)) == {"mine": Models((0, 1), True)}


def test_near_duplicates_in_two_folds_leave_no_model_that_saw_neither() -> None:
    rows = [row(code=PROBLEMS[1].reference), row(completion_id="d", prompt=PROBLEMS[3].prompt)]
    assert asked(*rows) == {"mine": Models(EVERY, True)}


def test_a_program_that_does_not_parse_is_compared_by_its_prompt() -> None:
    assert asked(row(code="def f(:", prompt=PROBLEMS[0].prompt)) == {"mine": Models((0,), False)}
