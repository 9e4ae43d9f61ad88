"""The rules on what will be scored: nothing trained on, controls not saturated, pools enough to decide."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from codelewm_assets.core.ids import BENCHMARKS, FOLDS
from codelewm_assets.core.records import Finding, PackRow, PoolMember
from codelewm_assets.preflight.controls import (
    consensus_scores,
    group_by_pool,
    length_score,
    lexical_score,
    pass_at_1,
    random_score,
    surface_lr_scores,
)
from codelewm_assets.preflight.power import chance_pass_at_1, minimum_detectable_lift_points
from codelewm_assets.preflight.rules import finding
from codelewm_assets.splits.folds import ProblemSplit
from codelewm_assets.splits.near_duplicates import NearDuplicate, pairs_with_reasons


def pools_join_the_pack(members: Sequence[PoolMember], rows: Sequence[PackRow]) -> Finding:
    """Every pool member is a completion of this pack, of the member's problem, with the same verdict."""
    known = {row.source_submission_id: (row.source_problem_id, row.completion_passed) for row in rows}
    bad = sorted({m.completion_id for m in members if known.get(m.completion_id) != (m.problem_id, m.passed)})
    return finding(
        "pools_join_the_pack",
        bad,
        blocker="pool_does_not_join",
        message="Every pool can be scored on this pack.",
        figures={"members": len(members)},
    )


def no_scored_problem_was_trained_on(
    splits: Sequence[ProblemSplit],
    members: Sequence[PoolMember],
    near_duplicates: Sequence[NearDuplicate],
    *,
    scored_folds: Sequence[int],
) -> Finding:
    """For each model fold, no pool problem scored by it is, or is a near-duplicate of, a problem in its train part."""
    fold = {split.problem_id: split.fold for split in splits}
    near: dict[str, set[str]] = defaultdict(set)
    for pair in pairs_with_reasons(near_duplicates):
        if fold.keys() >= set(pair):
            near[pair[0]].add(pair[1])
            near[pair[1]].add(pair[0])
    bad, scored_count = [], 0
    for k in scored_folds:
        held_out = {k, (k + 1) % len(FOLDS)}
        scored = {m.problem_id for m in members if fold.get(m.problem_id, k) == k}
        scored_count += len(scored)
        for problem in sorted(scored):
            if problem not in fold:
                bad.append(f"{problem}: has no fold")
            bad += [
                f"{problem} ~ {other} (train of fold {k})"
                for other in sorted(near[problem])
                if fold[other] not in held_out
            ]
    return finding(
        "no_scored_problem_was_trained_on",
        bad,
        blocker="scored_problem_trained_on",
        message="Scored problems and their near-duplicates are outside the train part of their model.",
        figures={"scored_problems": scored_count},
    )


def control_pass_at_1(
    members: Sequence[PoolMember],
    codes: Mapping[str, str],
    prompts: Mapping[str, str],
    splits: Sequence[ProblemSplit],
    *,
    model_fold: int,
    outcomes: Mapping[str, tuple[str, bool]],
) -> dict[str, dict[str, float | None]]:
    """Pass@1 of each text control on the pools in test for `model_fold`: benchmark → control → pass@1 or None.

    Args: outcomes: completion id → (problem, passed) of every completion that a model may train on; surface_lr is
        fitted on those in train, as evaluation fits it.
    """
    fold = {split.problem_id: split.fold for split in splits}
    held_out = {model_fold, (model_fold + 1) % len(FOLDS)}
    train = sorted(name for name, (problem, _) in outcomes.items() if fold.get(problem, model_fold) not in held_out)
    test = [m for m in members if fold.get(m.problem_id) == model_fold]
    surface = dict(
        zip(
            [m.completion_id for m in test],
            surface_lr_scores(
                [codes[name] for name in train],
                [outcomes[name][1] for name in train],
                [codes[m.completion_id] for m in test],
            ),
            strict=True,
        )
    )
    by_pool: dict[str, dict[str, str]] = defaultdict(dict)
    for member in test:
        by_pool[member.pool_id][member.completion_id] = codes[member.completion_id]
    consensus = {name: score for pool in by_pool.values() for name, score in consensus_scores(pool).items()}
    result: dict[str, dict[str, float | None]] = {}
    for benchmark in BENCHMARKS:
        own = [m for m in test if m.benchmark_id == benchmark]
        scores: dict[str, list[float | None]] = {
            "lexical": [lexical_score(prompts[m.problem_id], codes[m.completion_id]) for m in own],
            "consensus": [consensus[m.completion_id] for m in own],
            "surface_lr": [surface[m.completion_id] for m in own],
            "length": [length_score(codes[m.completion_id]) for m in own],
            "random": [random_score(m.completion_id) for m in own],
        }
        result[benchmark] = {
            name: pass_at_1(group_by_pool([m.pool_id for m in own], values, [m.passed for m in own]))
            for name, values in scores.items()
        }
    return result


def controls_leave_headroom(
    figures_by_benchmark: Mapping[str, Mapping[str, float | None]], *, ceiling: float
) -> Finding:
    """On the scored pools of each benchmark, no control that learns nothing about execution is above the ceiling."""
    bad, figures = [], dict[str, float | int | str | bool]()
    for benchmark, controls in figures_by_benchmark.items():
        for name, value in controls.items():
            if value is None:
                bad.append(f"{benchmark} {name}: no pool could be scored")
                continue
            figures[f"{benchmark}.{name}"] = round(value, 4)
            if value > ceiling:
                bad.append(f"{benchmark} {name}: pass@1 {value:.3f} above {ceiling:.2f}")
    return finding(
        "controls_leave_headroom",
        bad,
        blocker="benchmark_saturated",
        figures=figures,
        message="There is room above the best control.",
    )


def rerank_can_decide(
    members: Sequence[PoolMember],
    splits: Sequence[ProblemSplit],
    *,
    scored_folds: Sequence[int],
    target_lift_points: float,
) -> Finding:
    """On each benchmark the minimum detectable lift is at most the lift that the profile sets out to show."""
    fold = {split.problem_id: split.fold for split in splits}
    bad, figures = [], dict[str, float | int | str | bool]({"target_lift_points": target_lift_points})
    for benchmark in BENCHMARKS:
        pools: dict[str, list[bool]] = defaultdict(list)
        for member in members:
            if member.benchmark_id == benchmark and fold.get(member.problem_id) in scored_folds:
                pools[member.pool_id].append(member.passed)
        smallest = minimum_detectable_lift_points(len(pools), chance_pass_at_1(pools)) if pools else None
        figures[f"{benchmark}.pools"] = len(pools)
        if smallest is not None:
            figures[f"{benchmark}.minimum_detectable_lift_points"] = round(smallest, 2)
        if smallest is None or smallest > target_lift_points:
            shown = "no pools" if smallest is None else f"{len(pools)} pools show {smallest:.1f} points at best"
            bad.append(f"{benchmark}: {shown}, wanted {target_lift_points:.1f}")
    return finding(
        "rerank_can_decide",
        bad,
        blocker="rerank_underpowered",
        figures=figures,
        message="The run is large enough for the lift it sets out to show.",
    )
