"""Cells of the folds: pack rows by fold × benchmark × value of `passed` and of the output's magnitude, and their floors."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import get_args

from codelewm_assets.core.ids import BENCHMARKS, FOLDS
from codelewm_assets.core.records import CellCount, MagnitudeBucket, PackRow

VALUES: tuple[str, ...] = ("passed", "failed", *(f"magnitude {bucket}" for bucket in get_args(MagnitudeBucket)))
CellFloors = Mapping[str, Mapping[str, int]]  # benchmark → value → least number of rows in each fold


def values_of(row: PackRow) -> tuple[str, str]:
    """The two values under which a row is counted."""
    return "passed" if row.passed else "failed", f"magnitude {row.output_magnitude_bucket}"


def cell_counts(rows: Iterable[PackRow], fold_of: Mapping[str, int], floors: CellFloors) -> tuple[CellCount, ...]:
    """Every cell with its number of rows and its floor, 5 folds × 2 benchmarks × 8 values in this order.

    Args:
        fold_of: problem id → fold; rows of other problems are in no cell.
        floors: for each benchmark and each of `VALUES`; 0: no requirement.
    """
    counts: Counter[tuple[int | None, str, str]] = Counter()
    for row in rows:
        fold = fold_of.get(row.source_problem_id)
        counts.update((fold, row.source_dataset, value) for value in values_of(row))
    return tuple(
        CellCount(
            cell=f"fold {fold} {benchmark} {value}",
            count=counts[fold, benchmark, value],
            floor=floors[benchmark][value],
        )
        for fold in FOLDS
        for benchmark in BENCHMARKS
        for value in VALUES
    )
