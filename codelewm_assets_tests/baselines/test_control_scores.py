"""A row for each completion and pool member, with every control, fitted on the train folds of the model compared with."""

import pytest

from codelewm_assets.baselines.control_scores import ControlRow, control_rows
from codelewm_assets.core.ids import CONTROLS
from codelewm_assets_tests.factories import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(6)


def rows_of(world: World, llm_order: dict[str, int] | None = None) -> list[ControlRow]:
    return control_rows(world.rows, world.pools, world.splits, world.prompts, llm_order or {})


def test_every_scored_completion_and_every_pool_member_has_a_row_with_every_control(world: World) -> None:
    rows = rows_of(world)
    scored = {row.source_submission_id for row in world.rows if row.is_scored}
    assert [row.completion_id for row in rows if row.pool_id is None] == sorted(scored)
    members = [(row.pool_id, row.completion_id) for row in rows if row.pool_id is not None]
    assert members == sorted((m.pool_id, m.completion_id) for m in world.pools)
    assert not [(row.completion_id, name) for row in rows for name in CONTROLS if getattr(row, name) is None]


def test_turned_controls_are_the_others_turned_round(world: World) -> None:
    for row in rows_of(world):
        assert (row.anti_consensus, row.longest) == (-(row.consensus or 0), -row.length)


def test_passed_share_is_that_of_the_inputs(world: World) -> None:
    first = world.rows[0].source_submission_id
    own = [row for row in world.rows if row.source_submission_id == first]
    failing = {row.record_id for row in own[:2]}
    changed = world.changed(
        rows=tuple(
            row.model_copy(update={"passed": row.record_id not in failing, "is_scored": True})
            if row.source_submission_id == first
            else row
            for row in world.rows
        )
    )
    row = next(row for row in rows_of(changed) if row.completion_id == first)
    assert row.passed_share == (len(own) - 2) / len(own)


@pytest.mark.parametrize(("fold", "is_trained_on"), [(0, False), (1, False), (2, True)])
def test_surface_lr_is_fitted_on_the_train_folds_alone(world: World, fold: int, is_trained_on: bool) -> None:
    """The verdicts of one fold's completions are negated: the model of fold 0 tests on fold 0 and validates on fold 1."""
    fold_of = {split.problem_id: split.fold for split in world.splits}
    negated = world.changed(
        rows=tuple(
            row.model_copy(
                update={"completion_passed": row.completion_passed ^ (fold_of[row.source_problem_id] == fold)}
            )
            for row in world.rows
        )
    )
    surface = [
        {row.completion_id: row.surface_lr for row in rows_of(some) if row.fold == 0} for some in (world, negated)
    ]
    assert (surface[0] != surface[1]) == is_trained_on


def test_rows_do_not_depend_on_the_order_of_pack_and_members(world: World) -> None:
    assert rows_of(world.changed(pools=world.pools[::-1], rows=world.rows[::-1])) == rows_of(world)


def test_the_order_of_a_language_model_is_a_score(world: World) -> None:
    first, second, *_ = [row.completion_id for row in rows_of(world) if row.pool_id is None]
    order = {row.completion_id: row.llm_order for row in rows_of(world, {first: 0, second: 3})}
    assert (order[first], order[second]) == (0, -3)
    assert {value for name, value in order.items() if name not in (first, second)} == {None}
