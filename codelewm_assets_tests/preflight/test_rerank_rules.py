"""The rules on what will be scored: green on the green world, red on data with exactly the fault."""

import pytest

from codelewm_assets.core.records import Finding
from codelewm_assets.preflight.controls import TEXT_CONTROLS
from codelewm_assets.preflight.rerank_rules import (
    control_pass_at_1,
    controls_leave_headroom,
    no_scored_problem_was_trained_on,
    pools_join_the_pack,
    rerank_can_decide,
)
from codelewm_assets_tests.factories import World


def leakage(world: World, scored_folds: tuple[int, ...] = (0,)) -> Finding:
    return no_scored_problem_was_trained_on(world.splits, world.pools, world.near_duplicates, scored_folds=scored_folds)


def outcomes_of(world: World) -> dict[str, tuple[str, bool]]:
    """What a model may train on: every completion but the reference."""
    return {
        row.completion.completion_id: (row.completion.problem_id, row.passed)
        for row in world.labelled
        if row.completion.completion_kind != "reference"
    }


def headroom(world: World, ceiling: float = 0.95) -> Finding:
    figures = control_pass_at_1(
        world.pools, world.codes, world.prompts, world.splits, model_fold=0, outcomes=outcomes_of(world)
    )
    return controls_leave_headroom(figures, ceiling=ceiling)


def power(world: World, target: float = 95.0, scored_folds: tuple[int, ...] = (0,)) -> Finding:
    return rerank_can_decide(world.pools, world.splits, scored_folds=scored_folds, target_lift_points=target)


def of_fold(world: World, fold: int) -> str:
    """The first problem of a fold."""
    return next(s.problem_id for s in world.splits if s.fold == fold)


def with_reference(world: World, problem_id: str, reference: str) -> World:
    return world.changed(
        problems=tuple(
            p.model_copy(update={"reference": reference}) if p.problem_id == problem_id else p for p in world.problems
        )
    )


@pytest.mark.parametrize("judge", [leakage, headroom, power])
def test_the_rule_is_green_on_the_green_world(judge: object, world: World) -> None:
    assert callable(judge)
    found = judge(world)
    assert (found.passed, found.blocker, found.offenders, found.figures["offender_count"]) == (True, None, (), 0)


def test_every_scored_problem_is_looked_at(world: World) -> None:
    """Eighty problems with a pool each, sixteen a fold."""
    assert leakage(world).figures["scored_problems"] == 16
    assert leakage(world, (0, 1, 2, 3, 4)).figures["scored_problems"] == 80


@pytest.mark.parametrize("fold", [2, 3, 4])
def test_a_scored_problem_with_a_near_duplicate_in_train_is_red(world: World, fold: int) -> None:
    scored, trained = of_fold(world, 0), of_fold(world, fold)
    found = leakage(with_reference(world, trained, world.references[scored].replace("x", "value")))
    assert (found.passed, found.blocker) == (False, "scored_problem_trained_on")
    assert found.offenders == (f"{scored} ~ {trained} (train of fold 0)",)


def test_a_near_duplicate_in_the_validation_part_is_not_trained_on(world: World) -> None:
    assert leakage(with_reference(world, of_fold(world, 1), world.references[of_fold(world, 0)])).passed


def test_a_near_duplicate_counts_for_every_fold_that_trains_on_it(world: World) -> None:
    """Fold 1 is validation for model 0, but fold 0 is train for model 1."""
    fault = with_reference(world, of_fold(world, 1), world.references[of_fold(world, 0)])
    found = leakage(fault, (0, 1))
    assert found.offenders == (f"{of_fold(world, 1)} ~ {of_fold(world, 0)} (train of fold 1)",)


def test_a_scored_problem_without_a_fold_is_red(world: World) -> None:
    lost = world.splits[0].problem_id
    found = leakage(world.changed(splits=world.splits[1:]))
    assert (found.passed, found.blocker, found.offenders) == (
        False, "scored_problem_trained_on", (f"{lost}: has no fold",)
    )  # fmt: skip


def test_every_control_has_a_figure_between_0_and_1_for_each_benchmark(world: World) -> None:
    found = control_pass_at_1(
        world.pools, world.codes, world.prompts, world.splits, model_fold=0, outcomes=outcomes_of(world)
    )
    assert set(found) == {"humaneval", "mbpp_plus"}
    for controls in found.values():
        assert set(controls) == set(TEXT_CONTROLS)
        for value in controls.values():
            assert value is not None and 0 <= value <= 1


def test_control_figures_do_not_depend_on_the_order_of_members(world: World) -> None:
    args = (world.codes, world.prompts, world.splits)
    found = control_pass_at_1(world.pools[::-1], *args, model_fold=1, outcomes=outcomes_of(world))
    for benchmark, wanted in control_pass_at_1(world.pools, *args, model_fold=1, outcomes=outcomes_of(world)).items():
        assert found[benchmark] == pytest.approx(wanted)


def test_a_control_that_finds_every_passing_completion_is_red(world: World) -> None:
    """Passing programs repeat the prompt's words here, and failing ones none of them: lexical is right in each pool."""
    passing = {m.completion_id for m in world.pools if m.passed}
    prompts = world.prompts
    fault = world.changed(
        completions=tuple(
            c.model_copy(
                update={"code": f'"""{prompts[c.problem_id]}"""' if c.completion_id in passing else "0 + 0 - 0"}
            )
            for c in world.completions
        )
    )
    found = headroom(fault)
    assert (found.passed, found.blocker) == (False, "benchmark_saturated")
    assert "humaneval lexical: pass@1 1.000 above 0.95" in found.offenders
    assert found.figures["mbpp_plus.lexical"] == 1.0


def test_a_benchmark_without_scored_pools_is_red_and_has_no_figure(world: World) -> None:
    fault = world.changed(pools=tuple(m for m in world.pools if m.benchmark_id == "humaneval"))
    found = headroom(fault)
    assert set(found.offenders) == {f"mbpp_plus {name}: no pool could be scored" for name in TEXT_CONTROLS}
    assert not any(name.startswith("mbpp_plus") for name in found.figures)


def test_a_control_at_the_ceiling_leaves_headroom_and_above_it_does_not() -> None:
    assert controls_leave_headroom({"humaneval": {"length": 0.9}}, ceiling=0.9).passed
    found = controls_leave_headroom({"humaneval": {"length": 0.91, "random": 0.2}}, ceiling=0.9)
    assert found.offenders == ("humaneval length: pass@1 0.910 above 0.90",)
    assert found.figures == {"humaneval.length": 0.91, "humaneval.random": 0.2, "offender_count": 1}


def test_a_run_too_small_for_its_lift_is_red(world: World) -> None:
    """Eight pools of 2 passing in 5: 100·(1.95996+0.84162)·√(2·0.4·0.6)/√8 = 100·2.80159·0.69282/2.82843 = 68.62."""
    found = power(world, target=68.6)
    assert (found.passed, found.blocker) == (False, "rerank_underpowered")
    assert found.offenders == tuple(
        f"{name}: 8 pools show 68.6 points at best, wanted 68.6" for name in ("humaneval", "mbpp_plus")
    )
    assert found.figures["humaneval.minimum_detectable_lift_points"] == 68.62
    assert power(world, target=68.63).passed


def test_more_scored_folds_show_a_smaller_lift(world: World) -> None:
    """Forty pools in place of eight: 68.62 / √5 = 30.69."""
    found = power(world, target=31.0, scored_folds=(0, 1, 2, 3, 4))
    assert found.passed and found.figures["humaneval.pools"] == 40
    assert found.figures["humaneval.minimum_detectable_lift_points"] == 30.69


def test_a_benchmark_without_pools_cannot_decide(world: World) -> None:
    fault = world.changed(pools=tuple(m for m in world.pools if m.benchmark_id == "humaneval"))
    found = power(fault)
    assert found.offenders == ("mbpp_plus: no pools, wanted 95.0",)
    assert found.figures["mbpp_plus.pools"] == 0
    assert "mbpp_plus.minimum_detectable_lift_points" not in found.figures


def test_pools_of_another_pack_are_red(world: World) -> None:
    assert pools_join_the_pack(world.pools, world.rows).passed
    first = world.pools[0]
    for change in ({"completion_id": "elsewhere"}, {"problem_id": "elsewhere"}, {"passed": not first.passed}):
        found = pools_join_the_pack((first.model_copy(update=change), *world.pools[1:]), world.rows)
        assert (found.passed, found.figures["offender_count"]) == (False, 1)
