"""A row for each completion and pool member, with every control, fitted on the train folds of the model compared with."""

import pytest

from codelewm_assets.baselines.control_scores import ControlRow, control_rows
from codelewm_assets.baselines.model_controls import ModelControls
from codelewm_assets.baselines.ngram_lm import NgramModel
from codelewm_assets.baselines.structure import twin_pool_scores
from codelewm_assets.core.ids import CONTROLS
from codelewm_assets_tests.factories import LIBRARY, World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(6)


def rows_of(world: World, llm_order: dict[str, int] | None = None) -> list[ControlRow]:
    orders = twin_pool_scores(world.pools, world.rows)
    return control_rows(world.rows, world.pools, world.splits, world.prompts, llm_order or {}, LIBRARY, orders)


def test_every_scored_completion_and_every_pool_member_has_a_row_with_every_control(world: World) -> None:
    rows = rows_of(world)
    scored = {row.source_submission_id for row in world.rows if row.is_scored or row.completion_kind == "model"}
    assert [row.completion_id for row in rows if row.pool_id is None] == sorted(scored)
    members = [(row.pool_id, row.completion_id) for row in rows if row.pool_id is not None]
    assert members == sorted((m.pool_id, m.completion_id) for m in world.pools)
    twins = [row for row in rows if row.completion_kind != "model"]
    absent = {(name, row.pool_id is None) for row in twins for name in CONTROLS if getattr(row, name) is None}
    assert absent == {("lm_pair", True), ("pool_model", True)}  # they compare the members of a pool


def test_turned_controls_are_the_others_turned_round(world: World) -> None:
    for row in rows_of(world):
        assert (row.anti_consensus, row.longest) == (None if row.consensus is None else -row.consensus, -row.length)


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


@pytest.mark.parametrize("control", ["surface_lr", "static"])
@pytest.mark.parametrize(("fold", "is_trained_on"), [(0, False), (1, False), (2, True)])
def test_what_reads_programs_is_fitted_on_the_train_folds_alone(
    world: World, control: str, fold: int, is_trained_on: bool
) -> None:
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
    scores = [
        {row.completion_id: getattr(row, control) for row in rows_of(some) if row.fold == 0}
        for some in (world, negated)
    ]
    assert (scores[0] != scores[1]) == is_trained_on


@pytest.mark.parametrize(("fold", "is_trained_on"), [(0, False), (1, True)])
def test_the_model_of_pools_is_fitted_on_pools_of_other_folds(world: World, fold: int, is_trained_on: bool) -> None:
    fold_of = {split.problem_id: split.fold for split in world.splits}
    negated = world.changed(
        pools=tuple(m.model_copy(update={"passed": m.passed ^ (fold_of[m.problem_id] == fold)}) for m in world.pools)
    )
    scores = [
        {row.completion_id: row.pool_model for row in rows_of(some) if row.fold == 0} for some in (world, negated)
    ]
    assert (scores[0] != scores[1]) == is_trained_on


def test_lm_is_minus_the_surprisal_under_library_code(world: World) -> None:
    model = NgramModel.fit(LIBRARY)
    for row in rows_of(world)[:20]:
        assert row.lm == -model.mean_surprisals([world.codes[row.completion_id]])[0]


def test_rows_do_not_depend_on_the_order_of_pack_and_members(world: World) -> None:
    """But for rounding in the sums of the model of pools."""
    turned, given = (
        [row.model_dump() for row in rows_of(some)]
        for some in (world.changed(pools=world.pools[::-1], rows=world.rows[::-1]), world)
    )
    assert [row.pop("pool_model") or 0 for row in turned] == pytest.approx(
        [row.pop("pool_model") or 0 for row in given], abs=1e-6
    )
    assert turned == given


def test_the_order_of_a_language_model_is_a_score(world: World) -> None:
    first, second, *_ = [row.completion_id for row in rows_of(world) if row.pool_id is None]
    order = {row.completion_id: row.llm_order for row in rows_of(world, {first: 0, second: 3})}
    assert (order[first], order[second]) == (0, -3)
    assert {value for name, value in order.items() if name not in (first, second)} == {None}


def test_a_models_program_has_its_own_controls_and_a_twin_has_none(world: World) -> None:
    name = next(row.source_submission_id for row in world.rows if row.completion_kind == "model")
    orders = twin_pool_scores(world.pools, world.rows)
    given = ModelControls({name: 0.25}, {name: 0.5})
    made = control_rows(world.rows, world.pools, world.splits, world.prompts, {}, LIBRARY, orders, given)
    row = next(row for row in made if row.completion_id == name)
    assert (row.model_prior, row.problem_consensus, row.parses) == (0.25, 0.5, 1.0)
    twin = next(row for row in made if row.completion_kind != "model")
    assert (twin.model_prior, twin.problem_consensus, twin.parses) == (None, None, None)


def test_what_is_fitted_is_fitted_on_programs_of_one_kind(world: World) -> None:
    """Turning the labels of models' programs round changes no score of a twin."""
    turned = world.changed(
        rows=tuple(
            row.model_copy(update={"completion_passed": row.completion_passed ^ (row.completion_kind == "model")})
            for row in world.rows
        )
    )
    scores = [
        {(row.pool_id, row.completion_id): (row.static, row.surface_lr, row.pool_model) for row in rows_of(some)
         if row.completion_kind != "model"}
        for some in (world, turned)
    ]  # fmt: skip
    assert scores[0] == scores[1]
