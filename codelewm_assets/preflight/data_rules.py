"""The rules on data, labels, folds and decoys that hold before training.

Each takes plain records and returns one Finding with its offenders; none raises for invalid data. The Dagster checks and the
preflight report call the same functions; the rules on reranking are in rerank_rules.py.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import get_args

from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import ALL_BENCHMARKS, BENCHMARKS, FOLDS, OUTPUT_BENCHMARKS
from codelewm_assets.core.records import CellCount, Completion, Decoy, Finding, LabelledCompletion, PackRow, Problem
from codelewm_assets.core.sample_records import SourceReading
from codelewm_assets.core.secret_scanner import secrets_in_texts
from codelewm_assets.dataset.coverage import CellFloors, cell_counts
from codelewm_assets.dataset.decoys import OF_RECORDS, Category
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.near_duplicates import NearDuplicate, pairs_with_reasons
from codelewm_assets.dataset.pack import KNOWN_LICENSES


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


def every_problem_has_completions(completions: Sequence[Completion], problems: Sequence[Problem]) -> Finding:
    """Every problem has its reference and, if it asks for a program, at least one more completion, under ids that are unique."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for completion in completions:
        kinds[completion.problem_id].add(completion.completion_kind)
    ids = Counter(completion.completion_id for completion in completions)
    bad = [f"{name} occurs {count} times" for name, count in sorted(ids.items()) if count > 1]
    bad += [f"{p.problem_id}: no reference" for p in problems if "reference" not in kinds[p.problem_id]]
    bad += [
        f"{p.problem_id}: no rewrite and no mutant"
        for p in problems
        if p.benchmark_id not in OUTPUT_BENCHMARKS and not kinds[p.problem_id] - {"reference"}
    ]
    return finding(
        "every_problem_has_completions",
        bad,
        blocker="completions_missing",
        message="Each problem has its reference and something beside it.",
        figures={"completions": len(completions), "problems": len(problems)},
    )


def imports_were_read(readings: Sequence[SourceReading]) -> Finding:
    """Each imported source gave programs, for at least half of its rows."""
    cells, bad = list[CellCount](), list[str]()
    for reading in readings:
        floor = max(1, -(-reading.row_count // 2))
        cells.append(CellCount(cell=f"{reading.source}: programs", count=reading.program_count, floor=floor))
        cells += [
            CellCount(cell=f"{reading.source}: {rows.reason}, such as {rows.example}", count=rows.count, floor=0)
            for rows in reading.unread
        ]
        if reading.program_count < floor:
            most = max(reading.unread, key=lambda rows: rows.count, default=None)
            why = f"; {most.count} {most.reason}, such as {most.example}" if most else ""
            given = "nothing" if not reading.program_count else f"{reading.program_count} programs"
            bad.append(f"{reading.source} ({reading.form}) gives {given} from {reading.row_count} rows{why}")
    return finding(
        "imports_were_read",
        bad,
        blocker="import_not_read",
        message="Each imported source gives programs for at least half of its rows.",
        figures={
            "sources": len(readings),
            "rows": sum(reading.row_count for reading in readings),
            "programs": sum(reading.program_count for reading in readings),
        },
        table=cells,
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


def labels_were_isolated(layers: Sequence[str], required: Sequence[str], known: Sequence[str]) -> Finding:
    """Every layer of isolation that labelling needs was in force.

    Args:
        layers: the active ones.
        required: those that labels require.
        known: all layers; the figures name the inactive ones.
    """
    missing = sorted(set(required) - set(layers))
    return finding(
        "labels_were_isolated",
        missing,
        blocker="isolation_missing",
        message="Labels come from runs with every required layer of isolation.",
        figures={
            "layers": ", ".join(sorted(layers)),
            "missing": ", ".join(sorted(set(known) - set(layers))) or "none",
        },
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
    splits: Sequence[ProblemSplit], near_duplicates: Sequence[NearDuplicate]
) -> Finding:
    """No two near-duplicates lie in different folds; found again from the problems and the pack, not from what is stored."""
    fold = {split.problem_id: split.fold for split in splits}
    pairs = {pair: reasons for pair, reasons in pairs_with_reasons(near_duplicates).items() if fold.keys() >= set(pair)}
    bad = [f"{a} ~ {b} ({reasons})" for (a, b), reasons in pairs.items() if fold[a] != fold[b]]
    return finding(
        "no_near_duplicate_crosses_folds",
        bad,
        blocker="near_duplicate_crosses_folds",
        message="Near-duplicates share a fold.",
        figures={"near_duplicate_pairs": len(pairs)},
    )


def folds_cover_every_cell(rows: Sequence[PackRow], splits: Sequence[ProblemSplit], *, floors: CellFloors) -> Finding:
    """Every fold × benchmark has at least the floor of rows for each value of `passed` and each output magnitude."""
    cells = cell_counts(rows, {split.problem_id: split.fold for split in splits}, floors)
    bad = [f"{cell.cell}: {cell.count} rows, floor {cell.floor}" for cell in cells if not cell.is_met]
    return finding(
        "folds_cover_every_cell",
        bad,
        blocker="coverage_below_floor",
        message="Each cell reaches its floor.",
        figures={"cells": len(cells), "smallest_margin_rows": min(cell.count - cell.floor for cell in cells)},
        table=cells,
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
    decoys: Sequence[Decoy], splits: Sequence[ProblemSplit], *, pair_floor: int, problem_floor: int
) -> Finding:
    """Every fold × benchmark × decoy category has its floor of pairs, over its floor of problems.

    A benchmark that asks for outputs is judged where it is there, on the one category that its records can have.
    """
    home = {split.problem_id: (split.fold, split.benchmark_id) for split in splits}
    present = {split.benchmark_id for split in splits}
    pairs: Counter[tuple[int, str, str]] = Counter()
    problems: dict[tuple[int, str, str], set[str]] = defaultdict(set)
    for pair in decoys:
        if pair.source_problem_id in home:
            key = (*home[pair.source_problem_id], pair.category)
            pairs[key] += 1
            problems[key].add(pair.source_problem_id)
    cells = [
        CellCount(cell=f"fold {fold} {benchmark} {category} {what}", count=count, floor=floor)
        for fold in FOLDS
        for benchmark in ALL_BENCHMARKS
        if benchmark in BENCHMARKS or benchmark in present
        for category in (get_args(Category) if benchmark in BENCHMARKS else OF_RECORDS)
        for what, count, floor in (
            ("pairs", pairs[fold, benchmark, category], pair_floor),
            ("problems", len(problems[fold, benchmark, category]), problem_floor),
        )
    ]
    return finding(
        "decoy_coverage",
        [f"{cell.cell}: {cell.count}, floor {cell.floor}" for cell in cells if not cell.is_met],
        blocker="coverage_below_floor",
        message="Enough pairs in every fold.",
        figures={
            "pairs": len(decoys),
            "pairs_of_problems_without_a_fold": len(decoys) - sum(pairs.values()),
            "smallest_cell_pairs": min(cell.count for cell in cells if cell.cell.endswith("pairs")),
            "smallest_cell_problems": min(cell.count for cell in cells if cell.cell.endswith("problems")),
        },
        table=cells,
    )


def no_secrets(completions: Sequence[Completion]) -> Finding:
    """No program holds a token, a key or a password."""
    bad = secrets_in_texts({completion.completion_id: completion.code for completion in completions})
    return finding(
        "no_secrets",
        bad,
        blocker="secret_found",
        message="Programs hold no secrets.",
        figures={"completions": len(completions)},
    )
