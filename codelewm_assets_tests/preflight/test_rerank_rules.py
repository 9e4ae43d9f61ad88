"""The rules on what will be scored: green on the green world, red on data with exactly the fault."""

import pytest

from codelewm_assets.baselines.controls import agreement_scores
from codelewm_assets.core.ids import BENCHMARKS, CONTROLS, FOLDS
from codelewm_assets.core.records import Finding, PoolMember
from codelewm_assets.preflight.rerank_rules import (
    Credits,
    best_control,
    control_credits,
    controls_leave_headroom,
    no_scored_problem_was_trained_on,
    pools_join_the_pack,
    rerank_can_decide,
)
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import World


def leakage(world: World, scored_folds: tuple[int, ...] = (0,)) -> Finding:
    return no_scored_problem_was_trained_on(world.splits, world.pools, world.near_duplicates, scored_folds=scored_folds)


def credits(world: World) -> dict[int, Credits]:
    return control_credits(world.controls)


def headroom(world: World, ceiling: float = 0.95) -> Finding:
    return controls_leave_headroom({0: credits(world)[0]}, world.pools, ceiling=ceiling)


def power(world: World, target: float = 95.0, scored_folds: tuple[int, ...] = (0,)) -> Finding:
    return rerank_can_decide(
        credits(world),
        world.pools,
        scored_folds=scored_folds,
        target_lift_points=target,
        gate_lift_points=3.0,
        ranks_by_fold=control_credits(world.controls, by_rank=True),
    )


def test_credits_by_rank_are_reciprocal_ranks(world: World) -> None:
    """The mean over pools of the control `random` is its MRR, and at least its pass@1."""
    pool_id = next(row.pool_id for row in world.controls if row.pool_id is not None)
    pool = sorted((row for row in world.controls if row.pool_id == pool_id), key=lambda row: -row.random)
    place = next(place for place, row in enumerate(pool, 1) if row.passed)
    credits = control_credits(world.controls, by_rank=True)
    assert credits[pool[0].fold][pool[0].benchmark_id]["random"][pool_id] == 1 / place


def test_the_smallest_lift_in_mrr_stands_beside_that_in_pass_at_1(world: World) -> None:
    figures = power(world).figures
    for benchmark in BENCHMARKS:
        in_mrr = figures[f"{benchmark}.cross-fitting.minimum_detectable_mrr_lift_hundredths"]
        assert 0 < float(in_mrr) < 100


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


def test_every_scored_problem_is_checked(world: World) -> None:
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


def test_every_control_has_a_credit_between_0_and_1_for_each_scored_pool(world: World) -> None:
    found = credits(world)[0]
    assert set(found) == {"humaneval", "mbpp_plus"}
    for controls in found.values():
        assert set(controls) == set(CONTROLS)
        for pools in controls.values():
            assert len(pools) == 8
            assert all(value is not None and 0 <= value <= 1 for value in pools.values())


def test_a_control_that_finds_every_passing_completion_is_red(world: World) -> None:
    """Passing programs repeat the prompt's words here, and failing ones none of them: lexical is right in each pool."""
    passing = {m.completion_id for m in world.pools if m.passed}
    prompts = world.prompts
    fault = world.changed(
        rows=tuple(
            row.model_copy(
                update={
                    "code_tokens": f'"""{prompts[row.source_problem_id]}"""'
                    if row.source_submission_id in passing
                    else "0 + 0 - 0"
                }
            )
            for row in world.rows
        )
    )
    found = headroom(fault)
    assert (found.passed, found.blocker) == (False, "benchmark_saturated")
    assert "humaneval lexical: pass@1 1.000 above 0.95" in found.offenders
    assert found.figures["mbpp_plus.lexical"] == 1.0


def test_a_control_without_a_score_on_some_pool_is_red() -> None:
    found = controls_leave_headroom(some_credits(lexical=[0.5, None]), MEMBERS, ceiling=0.85)
    assert (found.passed, found.blocker) == (False, "benchmark_saturated")
    assert "humaneval lexical: 1 of 2 pools lack its score" in found.offenders


def test_a_benchmark_without_scored_pools_is_red_and_has_no_figure(world: World) -> None:
    fault = world.changed(pools=tuple(m for m in world.pools if m.benchmark_id == "humaneval"))
    found = headroom(fault)
    assert set(found.offenders) == {f"mbpp_plus {name}: no pool could be scored" for name in CONTROLS}
    assert not any(name.startswith("mbpp_plus") for name in found.figures)


def pool(number: int, passed: int, of: int) -> list[PoolMember]:
    """A pool of its own problem in which the first `passed` members pass."""
    return [
        PoolMember(
            pool_id=f"p{number}::pool0", problem_id=f"p{number}", benchmark_id="humaneval",
            completion_id=f"p{number}/c{k}", passed=k < passed, pool_kind="twin",
        )
        for k in range(of)
    ]  # fmt: skip


def some_credits(**by_control: list[float | None]) -> dict[int, Credits]:
    """Credits of pools p0, p1 … by control; controls that are not named have 0.5 on each."""
    count = len(next(iter(by_control.values())))
    values = {name: by_control.get(name, [0.5] * count) for name in CONTROLS}
    own: dict[str, dict[str, float | None]] = {
        name: {f"p{k}::pool0": value for k, value in enumerate(row)} for name, row in values.items()
    }
    return {0: {"humaneval": own, "mbpp_plus": own}}


MEMBERS = [*pool(0, 2, 4), *pool(1, 1, 2)]  # chance is 0.5


@each_case(
    ("control", "values", "offender"),
    [
        ("lexical", [0.8, 0.88], None),
        ("lexical", [0.8, 0.92], "pass@1 0.860 above 0.85"),
        ("surface_lr", [1.0, 1.0], "pass@1 1.000 above 0.85"),
        ("lexical", [0.0, 0.0], None),  # far below chance, and no rule for it
        ("consensus", [0.3, 0.3], None),
        ("length", [1.0, 0.9], "pass@1 0.950 above 0.85"),
    ],
)
def test_controls_stay_below_the_ceiling(control: str, values: list[float], offender: str | None) -> None:
    found = controls_leave_headroom(some_credits(**{control: values}), MEMBERS, ceiling=0.85)
    wanted = () if offender is None else tuple(f"{name} {control}: {offender}" for name in BENCHMARKS)
    assert found.offenders == wanted
    assert found.passed == (offender is None)
    assert found.blocker == (None if offender is None else "benchmark_saturated")
    assert found.figures["humaneval.chance"] == 0.5


def test_a_control_exactly_at_the_ceiling_is_let_through() -> None:
    """0.875 is exact in binary."""
    exact = some_credits(lexical=[0.875, 0.875])
    assert controls_leave_headroom(exact, MEMBERS, ceiling=0.875).offenders == ()


def test_a_pool_with_the_reference_in_the_middle_is_won_by_consensus_and_red() -> None:
    """The passing members are the reference under two layouts and a near copy, each bug stands alone."""
    right = "def f(a, b):\n    total = a + b\n    return total * 2"
    codes = {"p0/c0": right, "p0/c1": right + " ", "p0/c2": "def f(a):\n    return {}", "p0/c3": "x = 1\nf = len"}
    scores = agreement_scores(codes)
    top = max(value.consensus for value in scores.values() if value.consensus is not None)
    assert {name for name, value in scores.items() if value.consensus == top} == {"p0/c0", "p0/c1"}
    found = controls_leave_headroom(some_credits(consensus=[1.0]), pool(0, 2, 4), ceiling=0.85)
    assert (found.passed, found.blocker) == (False, "benchmark_saturated")


def test_a_run_too_small_for_its_lift_is_red(world: World) -> None:
    smallest = power(world).figures["humaneval.cross-fitting.minimum_detectable_lift_points"]
    assert isinstance(smallest, float) and 10 < smallest < 60  # forty problems
    found = power(world, target=smallest - 0.25)
    assert (found.passed, found.blocker) == (False, "rerank_underpowered")
    assert (
        found.offenders[0] == f"humaneval: 40 problems show {smallest:.2f} points at best, wanted {smallest - 0.25:.1f}"
    )
    assert found.figures["gate_lift_points"] == 3.0
    largest = max(power(world).figures[f"{name}.cross-fitting.minimum_detectable_lift_points"] for name in BENCHMARKS)
    assert power(world, target=float(largest)).passed


def test_cross_fitting_shows_a_smaller_lift_than_fold_0(world: World) -> None:
    figures = power(world).figures
    for benchmark in BENCHMARKS:
        assert figures[f"{benchmark}.codelewm.problems"] == 8
        assert figures[f"{benchmark}.cross-fitting.problems"] == 40
        alone = figures.get(f"{benchmark}.codelewm.minimum_detectable_lift_points", 100.0)  # absent: eight show none
        all_folds = figures[f"{benchmark}.cross-fitting.minimum_detectable_lift_points"]
        assert isinstance(alone, float) and isinstance(all_folds, float) and all_folds < alone
    assert power(world, scored_folds=FOLDS).figures["humaneval.codelewm.problems"] == 40


def test_a_benchmark_without_pools_cannot_decide(world: World) -> None:
    fault = world.changed(pools=tuple(m for m in world.pools if m.benchmark_id == "humaneval"))
    found = power(fault)
    assert found.offenders == ("mbpp_plus: 0 problems show no lift, wanted 95.0",)
    assert "mbpp_plus.cross-fitting.minimum_detectable_lift_points" not in found.figures


def test_the_best_control_is_the_one_with_the_highest_mean_of_those_that_scored_every_pool() -> None:
    controls = some_credits(lexical=[0.9, 0.1], surface_lr=[0.6, 0.7], length=[1.0, 0.0])[0]["humaneval"]
    controls["consensus"] = {"p0::pool0": 1.0, "p1::pool0": None}
    best = best_control(controls, {"p0::pool0": "p0", "p1::pool0": "p1"})
    assert best.credits == {"p0": [0.6], "p1": [0.7]}
    assert best.pass_at_1 == pytest.approx(0.65)


def test_pools_of_another_pack_are_red(world: World) -> None:
    assert pools_join_the_pack(world.pools, world.rows).passed
    first = world.pools[0]
    for change in ({"completion_id": "elsewhere"}, {"problem_id": "elsewhere"}, {"passed": not first.passed}):
        found = pools_join_the_pack((first.model_copy(update=change), *world.pools[1:]), world.rows)
        assert (found.passed, found.figures["offender_count"]) == (False, 1)
