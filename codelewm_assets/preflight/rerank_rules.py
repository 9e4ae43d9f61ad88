"""Rules on the scored pools: none trained on, controls not saturated, enough statistical power."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.baselines.controls import pass_at_1, reciprocal_rank
from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import BENCHMARKS, CONTROLS, FOLDS
from codelewm_assets.core.records import Finding, PackRow, PoolMember
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.near_duplicates import NearDuplicate, pairs_with_reasons
from codelewm_assets.preflight.power import ControlCredits, minimum_detectable_lift_points


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


Credits = dict[str, dict[str, dict[str, float | None]]]
"""Benchmark → control → pool → share of passing members among those tied at the control's top, or the reciprocal rank of the
first passing one; None: not scored."""


def control_credits(rows: Iterable[ControlRow], *, by_rank: bool = False) -> dict[int, Credits]:
    """Fold → credits of each control on each twin pool of its problems.

    Pools of programs that models wrote are not made but found: how far controls go on them is reported, and no fault of the data.

    Args:
        rows: of `control_scores`.
        by_rank: reciprocal ranks, whose mean is MRR, in place of shares at the top, whose mean is pass@1.
    """
    pools: dict[str, list[ControlRow]] = defaultdict(list)
    for row in rows:
        if row.pool_id is not None and row.completion_kind != "model":
            pools[row.pool_id].append(row)
    credits = {fold: _no_credits() for fold in FOLDS}
    for pool_id, pool in pools.items():
        for name in CONTROLS:
            pairs = [(getattr(row, name), row.passed) for row in pool]
            credit = _reciprocal_rank(pairs) if by_rank else pass_at_1({pool_id: pairs})
            credits[pool[0].fold][pool[0].benchmark_id][name][pool_id] = credit
    return credits


def _reciprocal_rank(pool: Sequence[tuple[float | None, bool]]) -> float | None:
    scored = [(score, passed) for score, passed in pool if score is not None]
    return reciprocal_rank(scored) if len(scored) == len(pool) else None


def _no_credits() -> Credits:
    return {benchmark: {name: {} for name in CONTROLS} for benchmark in BENCHMARKS}


def merge_credits(parts: Iterable[Credits]) -> Credits:
    """Credits of several folds as one."""
    merged = _no_credits()
    for part in parts:
        for benchmark, controls in part.items():
            for name, pools in controls.items():
                merged[benchmark][name] |= pools
    return merged


def _mean(pools: Mapping[str, float | None]) -> float | None:
    values = [value for value in pools.values() if value is not None]
    return math.fsum(values) / len(values) if values else None


def chance_of(members: Sequence[PoolMember]) -> dict[str, float]:
    """Pool → share of its members that pass: pass@1 of a random order."""
    passed: dict[str, list[bool]] = defaultdict(list)
    for member in members:
        passed[member.pool_id].append(member.passed)
    return {pool: sum(values) / len(values) for pool, values in passed.items()}


def controls_leave_headroom(
    credits_by_fold: Mapping[int, Credits],
    members: Sequence[PoolMember],
    *,
    ceiling: float,
) -> Finding:
    """On the scored pools every control has a score, and none is above the ceiling.

    Args:
        credits_by_fold: of each scored fold; a benchmark's pools are merged.
        ceiling: maximum pass@1 of any control.
    """
    bad, figures = [], dict[str, float | int | str | bool]()
    chances = chance_of(members)
    for benchmark, controls in merge_credits(credits_by_fold.values()).items():
        pools = controls["random"]
        chance = _mean({pool: chances[pool] for pool in pools})
        if chance is not None:
            figures[f"{benchmark}.chance"] = round(chance, 4)
        for name, credits in controls.items():
            value, unscored = _mean(credits), sum(credit is None for credit in credits.values())
            if value is None or chance is None:
                bad.append(f"{benchmark} {name}: no pool could be scored")
                continue
            if unscored:
                bad.append(f"{benchmark} {name}: {unscored} of {len(credits)} pools lack its score")
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
    credits_by_fold: Mapping[int, Credits],
    members: Sequence[PoolMember],
    *,
    scored_folds: Sequence[int],
    target_lift_points: float,
    gate_lift_points: float,
    ranks_by_fold: Mapping[int, Credits],
) -> Finding:
    """On each benchmark the lift that all folds could show is at most the one that the profile sets out to show.

    Args:
        credits_by_fold: of every fold.
        scored_folds: the folds that CodeLeWM scores, for its figures. The critic scores all of them, and these decide.
        gate_lift_points: threshold of the rerank gate, for the figures.
        ranks_by_fold: reciprocal ranks of every fold, for the figures: the gate asks for a lift in MRR above 0. A simulated model's
            reciprocal rank is 0 or 1; a real one varies less at the same mean, so it can show smaller lifts.
    """
    bad = list[str]()
    figures = dict[str, float | int | str | bool](
        {"target_lift_points": target_lift_points, "gate_lift_points": gate_lift_points}
    )
    problem_of = {member.pool_id: member.problem_id for member in members}
    scopes = {"codelewm": tuple(scored_folds), "cross-fitting": tuple(credits_by_fold)}
    for scope, folds in scopes.items():
        for benchmark, controls in merge_credits(credits_by_fold[k] for k in folds).items():
            best = best_control(controls, problem_of)
            smallest = minimum_detectable_lift_points(best, seed=0)
            of_ranks = best_control(merge_credits(ranks_by_fold[k] for k in folds)[benchmark], problem_of)
            in_mrr = minimum_detectable_lift_points(of_ranks, seed=0)
            if in_mrr is not None:
                figures[f"{benchmark}.{scope}.minimum_detectable_mrr_lift_hundredths"] = in_mrr
            figures[f"{benchmark}.{scope}.problems"] = len(best.credits)
            figures[f"{benchmark}.{scope}.pools"] = best.pool_count
            if smallest is not None:
                figures[f"{benchmark}.{scope}.minimum_detectable_lift_points"] = smallest
            if scope == "cross-fitting" and (smallest is None or smallest > target_lift_points):
                outcome = "show no lift" if smallest is None else f"show {smallest:.2f} points at best"
                bad.append(f"{benchmark}: {len(best.credits)} problems {outcome}, wanted {target_lift_points:.1f}")
    return finding(
        "rerank_can_decide",
        bad,
        blocker="rerank_underpowered",
        figures=figures,
        message="The run is large enough for the lift it sets out to show.",
    )


def best_control(controls: Mapping[str, Mapping[str, float | None]], problem_of: Mapping[str, str]) -> ControlCredits:
    """The control with the highest pass@1 among those that scored every pool; no credits without pools."""
    means = {name: _mean(credits) or 0.0 for name, credits in controls.items() if None not in credits.values()}
    best = max(means, key=lambda name: (means[name], name))
    credits: dict[str, list[float]] = defaultdict(list)
    for pool, value in controls[best].items():
        credits[problem_of[pool]].append(value or 0.0)
    return ControlCredits(credits)
