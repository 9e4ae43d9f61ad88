"""Folds of problems: stratified on benchmark × passed × output magnitude, grouped by near-duplicate cluster."""

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.errors import PackError
from codelewm_assets.core.ids import BENCHMARKS, FOLDS
from codelewm_assets.core.records import PackRow, Record
from codelewm_assets.dataset.coverage import VALUES, CellFloors, values_of
from codelewm_assets.dataset.near_duplicates import clusters

# P problems, N rows, C cells of a fold = benchmarks × values
Counts = NDArray[np.int64]


class ProblemSplit(Record):
    """The fold of one problem and of everything derived from it."""

    problem_id: str
    benchmark_id: str
    cluster: int
    fold: int


@dataclass(frozen=True, slots=True)
class DrawnFolds:
    """The folds of the best seed."""

    splits: tuple[ProblemSplit, ...]  # one for each problem of the pack, sorted by problem id
    seed: int  # what they were drawn with
    seeds_tried: int  # how many seeds were looked at, this one among them
    shortfall: int  # rows that cells lack to reach their floors, over all cells; 0 when every floor is met


def folds_summary(drawn: DrawnFolds) -> dict[str, object]:
    """Counts that the manifest carries."""
    sizes = Counter(split.cluster for split in drawn.splits)
    return {
        "problems_by_fold": dict(sorted(Counter(f"fold {split.fold}" for split in drawn.splits).items())),
        "cluster_count": len(sizes),
        "largest_cluster": max(sizes.values()),
        "seed": drawn.seed,
        "seeds_tried": drawn.seeds_tried,
        "rows_below_floors": drawn.shortfall,
    }


def assign_folds(
    rows: Iterable[PackRow],
    near_duplicates: Iterable[tuple[str, str]],
    *,
    floors: CellFloors,
    seed: int,
    seed_search: int,
) -> DrawnFolds:
    """One fold 0…4 for each problem, a cluster of near-duplicates in one.

    The seeds `seed`, `seed` + 1 … are tried, at most `seed_search` of them: the first that meets all floors is used, else
    the one with the smallest shortfall, the lowest of equals.

    Args:
        near_duplicates: pairs of problem ids; problems outside the pack do not matter.
        floors: least number of rows, as `coverage.cell_counts` takes them.
        seed_search: at least 1.
    Raises: PackError: fewer clusters than folds, or no stratum of five rows.
    Source: scikit-learn StratifiedGroupKFold.
    """
    ordered = sorted(rows, key=lambda row: row.record_id)
    dataset = {row.source_problem_id: row.source_dataset for row in ordered}
    names = sorted(dataset)
    cluster = clusters(names, [(a, b) for a, b in near_duplicates if a in dataset and b in dataset])
    strata = [f"{r.source_dataset}|{r.passed}|{r.output_magnitude_bucket}" for r in ordered]
    _require_enough(cluster, strata)
    number = {name: index for index, name in enumerate(names)}
    problem = np.array([number[row.source_problem_id] for row in ordered])  # (N,)
    groups = np.array([cluster[row.source_problem_id] for row in ordered])  # (N,)
    counts = _cell_counts_of_problems(ordered, problem, len(names))  # (P, C)
    required = np.array([floors[benchmark][value] for benchmark in BENCHMARKS for value in VALUES])  # (C,)
    best: tuple[int, int, NDArray[np.int64]] | None = None
    tried = 0
    for candidate in range(seed, seed + seed_search):
        tried += 1
        fold = _draw(np.array(strata), groups, problem, len(names), candidate)  # (P,)
        short = sum(int(np.maximum(0, required - counts[fold == k].sum(axis=0)).sum()) for k in FOLDS)
        if best is None or short < best[0]:
            best = short, candidate, fold
        if short == 0:
            break
    if best is None:
        raise PackError(f"seed_search is {seed_search}; expected at least one seed to try. Correct the profile.")
    splits = tuple(
        ProblemSplit(
            problem_id=name, benchmark_id=dataset[name], cluster=cluster[name], fold=int(best[2][number[name]])
        )
        for name in names
    )
    return DrawnFolds(splits, seed=best[1], seeds_tried=tried, shortfall=best[0])


def _require_enough(cluster: Mapping[str, int], strata: Sequence[str]) -> None:
    count = len(set(cluster.values()))
    if count < len(FOLDS):
        raise PackError(
            f"{count} clusters of problems; expected at least {len(FOLDS)}, one for each fold. "
            "Take more problems, or a higher near_duplicate_threshold."
        )
    largest = max(Counter(strata).values())
    if largest < len(FOLDS):
        raise PackError(
            f"The largest benchmark × passed × magnitude stratum has {largest} rows; expected at least {len(FOLDS)}, "
            "one for each fold. Take more inputs or completions."
        )


def _cell_counts_of_problems(rows: Sequence[PackRow], problem: NDArray[np.int64], problem_count: int) -> Counts:
    """(P, C) rows of each problem in each benchmark × value; a benchmark that asks for outputs has no floors."""
    column = {(b, v): i for i, (b, v) in enumerate((b, v) for b in BENCHMARKS for v in VALUES)}
    counts = np.zeros((problem_count, len(column)), dtype=np.int64)
    for index, row in zip(problem.tolist(), rows, strict=True):
        for value in values_of(row) if row.source_dataset in BENCHMARKS else ():
            counts[index, column[row.source_dataset, value]] += 1
    return counts


def _draw(
    strata: NDArray[np.str_], groups: NDArray[np.int64], problem: NDArray[np.int64], problem_count: int, seed: int
) -> NDArray[np.int64]:
    """(P,) the fold of each problem under one seed."""
    from sklearn.model_selection import StratifiedGroupKFold

    fold = np.full(problem_count, -1, dtype=np.int64)
    splitter = StratifiedGroupKFold(n_splits=len(FOLDS), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a rare stratum has fewer rows than folds; floors judge that
        for k, (_, held) in enumerate(splitter.split(np.zeros(len(strata)), strata, groups)):
            fold[problem[held]] = k
    return fold
