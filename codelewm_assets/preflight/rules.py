"""The rules that hold before training. Each takes plain records and returns one Finding with its offenders; none raises
for what can be expected and counted. The Dagster checks and the preflight report call the same functions."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from codelewm_assets.core.ids import BENCHMARKS, FOLDS
from codelewm_assets.core.records import Decoy, Finding, LabelledCompletion, PackRow, PoolMember, Problem
from codelewm_assets.packs.pack import KNOWN_LICENSES
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
from codelewm_assets.splits.folds import ProblemSplit
from codelewm_assets.splits.near_duplicates import near_duplicate_pairs

NUMBER_BUCKETS = ("negative", "zero", "small", "medium", "large")
SHOWN = 20  # offenders named in a finding; the count is always complete


def finding(
    rule: str, offenders: Sequence[str], *, blocker: str, message: str, figures: Mapping[str, float | int | str | bool]
) -> Finding:
    """Green when there are no offenders, else red with the typed blocker."""
    return Finding(
        rule=rule,
        passed=not offenders,
        blocker=blocker if offenders else None,
        message=message,
        figures={**figures, "offender_count": len(offenders)},
        offenders=tuple(offenders[:SHOWN]),
    )


def stand_in_is_named(problems: Sequence[Problem]) -> Finding:
    """Every problem that stands in for MBPP-Plus says so in its label, and no published problem does."""
    bad = [
        p.problem_id
        for p in problems
        if p.benchmark_label != p.benchmark_id + (" (stand-in)" if "stand-in" in p.source_revision else "")
    ]
    return finding(
        "stand_in_is_named",
        bad,
        blocker="stand_in_not_named",
        message="A stand-in is called one wherever it shows.",
        figures={"problems": len(problems)},
    )


def every_problem_is_usable(problems: Sequence[Problem]) -> Finding:
    """Every problem has inputs and ids are unique."""
    counts = Counter(p.problem_id for p in problems)
    bad = sorted({p.problem_id for p in problems if not p.inputs or counts[p.problem_id] > 1})
    if not problems:
        bad = ["(no problems)"]
    return finding(
        "every_problem_is_usable",
        bad,
        blocker="problem_unusable",
        message="Each problem has at least one input and an id of its own.",
        figures={"problems": len(problems)},
    )


def licences_are_known(rows: Sequence[PackRow]) -> Finding:
    """Every row carries a licence that is known and where it is stated."""
    bad = sorted(
        {r.source_problem_id for r in rows if r.license not in KNOWN_LICENSES or not r.license_attribution_url}
    )
    return finding(
        "licences_are_known",
        bad,
        blocker="licence_unknown",
        message="Known licence and attribution per row.",
        figures={"rows": len(rows), "licences": ", ".join(sorted({r.license for r in rows}))},
    )


def labels_are_deterministic(labelled: Sequence[LabelledCompletion]) -> Finding:
    """Every label came out the same in a second run under another hash seed, or is labelled nondeterministic."""
    bad = [i.completion.completion_id for i in labelled if not i.is_deterministic and i.outcome != "nondeterministic"]
    bad += [i.completion.completion_id for i in labelled if i.outcome == "nondeterministic" and i.passed]
    return finding(
        "labels_are_deterministic",
        sorted(bad),
        blocker="label_not_deterministic",
        message="Two runs under different hash seeds agree, or the completion is called nondeterministic.",
        figures={
            "completions": len(labelled),
            "nondeterministic": sum(i.outcome == "nondeterministic" for i in labelled),
        },
    )


def labels_were_isolated(layers: Sequence[str], required: Sequence[str]) -> Finding:
    """Every layer of isolation that labelling needs was in force."""
    missing = sorted(set(required) - set(layers))
    return finding(
        "labels_were_isolated",
        missing,
        blocker="isolation_missing",
        message="Labels come from runs with every required layer of isolation.",
        figures={"layers": ", ".join(sorted(layers))},
    )


def pack_has_both_classes(rows: Sequence[PackRow]) -> Finding:
    """Each benchmark has passing and failing completions."""
    seen = {(r.source_dataset, r.completion_passed) for r in rows}
    bad = [
        f"{b}: no {'passing' if p else 'failing'} completion"
        for b in BENCHMARKS
        for p in (True, False)
        if (b, p) not in seen
    ]
    return finding(
        "pack_has_both_classes",
        bad,
        blocker="single_class",
        message="Both classes in both benchmarks.",
        figures={"rows": len(rows), "passing_rows": sum(r.completion_passed for r in rows)},
    )


def no_problem_crosses_folds(splits: Sequence[ProblemSplit], rows: Sequence[PackRow]) -> Finding:
    """Each problem of the pack has exactly one fold."""
    folds: dict[str, set[int]] = defaultdict(set)
    for split in splits:
        folds[split.problem_id].add(split.fold)
    in_pack = {row.source_problem_id for row in rows}
    bad = sorted({p for p, f in folds.items() if len(f) != 1 or not f <= set(FOLDS)} | (in_pack - set(folds)))
    return finding(
        "no_problem_crosses_folds",
        bad,
        blocker="problem_crosses_folds",
        message="One fold for each problem.",
        figures={"problems": len(in_pack)},
    )


def no_near_duplicate_crosses_folds(
    splits: Sequence[ProblemSplit], references: Mapping[str, str], *, threshold: float
) -> Finding:
    """No two near-duplicates lie in different folds; found again from the references, not from stored clusters."""
    fold = {split.problem_id: split.fold for split in splits}
    pairs = near_duplicate_pairs({i: references[i] for i in fold if i in references}, threshold)
    bad = [f"{a} ~ {b}" for a, b in pairs if fold[a] != fold[b]]
    return finding(
        "no_near_duplicate_crosses_folds",
        bad,
        blocker="near_duplicate_crosses_folds",
        message="Near-duplicates share a fold.",
        figures={"near_duplicate_pairs": len(pairs)},
    )


def folds_cover_every_cell(
    rows: Sequence[PackRow], splits: Sequence[ProblemSplit], *, floor: int, magnitude_floor: int
) -> Finding:
    """Every fold × benchmark × label cell, and every fold × magnitude bucket, has at least its floor of rows."""
    fold = {split.problem_id: split.fold for split in splits}
    cells = Counter((fold.get(r.source_problem_id, -1), r.source_dataset, r.completion_passed) for r in rows)
    buckets = Counter((fold.get(r.source_problem_id, -1), r.output_magnitude_bucket) for r in rows)
    wanted = {(f, b, p): floor for f in FOLDS for b in BENCHMARKS for p in (True, False)}
    bad = [
        f"fold {f} {b} {'passed' if p else 'failed'}: {cells[f, b, p]} rows, wanted {n}"
        for (f, b, p), n in wanted.items()
        if cells[f, b, p] < n
    ]
    bad += [
        f"fold {f} magnitude {m}: {buckets[f, m]} rows, wanted {magnitude_floor}"
        for f in FOLDS
        for m in NUMBER_BUCKETS
        if buckets[f, m] < magnitude_floor
    ]
    return finding(
        "folds_cover_every_cell",
        bad,
        blocker="coverage_below_floor",
        message="Each cell reaches its floor.",
        figures={
            "smallest_cell": min(cells[c] for c in wanted),
            "smallest_magnitude_cell": min(buckets[f, m] for f in FOLDS for m in NUMBER_BUCKETS),
        },
    )


def decoys_join_the_pack(decoys: Sequence[Decoy], rows: Sequence[PackRow]) -> Finding:
    """Both records of every pair are in this pack, of the pair's problem, and their outputs differ."""
    by_id = {row.record_id: row for row in rows}
    bad = []
    for pair in decoys:
        query, decoy = by_id.get(pair.query_record_id), by_id.get(pair.decoy_record_id)
        if (
            query is None
            or decoy is None
            or query.output_repr_checksum == decoy.output_repr_checksum
            or ({query.source_problem_id, decoy.source_problem_id} != {pair.source_problem_id})
        ):
            bad.append(pair.decoy_id)
    return finding(
        "decoys_join_the_pack",
        bad,
        blocker="decoy_does_not_join",
        message="Every pair can be scored on this pack.",
        figures={"pairs": len(decoys)},
    )


def decoy_coverage(
    decoys: Sequence[Decoy],
    splits: Sequence[ProblemSplit],
    *,
    scored_folds: Sequence[int],
    floor: int,
    problem_floor: int = 30,
) -> Finding:
    """In the folds that are scored, every category has its floor of pairs, over at least `problem_floor` problems."""
    held = {s.problem_id for s in splits if s.fold in scored_folds}
    pairs = Counter(d.category for d in decoys if d.source_problem_id in held)
    problems = {
        c: len({d.source_problem_id for d in decoys if d.source_problem_id in held and d.category == c}) for c in pairs
    }
    categories = ("same_problem_different_submission", "same_code_different_input", "mutation")
    bad = [
        f"{c}: {pairs[c]} pairs over {problems.get(c, 0)} problems, wanted {floor} over {problem_floor}"
        for c in categories
        if pairs[c] < floor or problems.get(c, 0) < problem_floor
    ]
    return finding(
        "decoy_coverage",
        bad,
        blocker="coverage_below_floor",
        message="Enough pairs where they are scored.",
        figures={c: pairs[c] for c in categories},
    )


def no_scored_problem_was_trained_on(
    splits: Sequence[ProblemSplit],
    members: Sequence[PoolMember],
    references: Mapping[str, str],
    *,
    scored_folds: Sequence[int],
    threshold: float,
) -> Finding:
    """For each model fold, no pool problem scored by it is, or is a near-duplicate of, a problem in its train part."""
    fold = {split.problem_id: split.fold for split in splits}
    near: dict[str, set[str]] = defaultdict(set)
    for a, b in near_duplicate_pairs({i: references[i] for i in fold if i in references}, threshold):
        near[a].add(b)
        near[b].add(a)
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
) -> dict[str, dict[str, float | None]]:
    """Pass@1 of each text control on the pools in test for `model_fold`: benchmark → control → pass@1 or None."""
    fold = {split.problem_id: split.fold for split in splits}
    held_out = {model_fold, (model_fold + 1) % len(FOLDS)}
    train = sorted(
        {m.completion_id: m for m in members if fold[m.problem_id] not in held_out}.values(),
        key=lambda m: m.completion_id,
    )
    test = [m for m in members if fold[m.problem_id] == model_fold]
    surface = dict(
        zip(
            [m.completion_id for m in test],
            surface_lr_scores(
                [codes[m.completion_id] for m in train],
                [m.passed for m in train],
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
