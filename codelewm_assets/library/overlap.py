"""Library functions that a benchmark has too, by the project's own search for near-duplicates and by name."""

from collections.abc import Sequence
from dataclasses import dataclass

from codelewm_assets.core.records import LibraryFunction, Problem
from codelewm_assets.dataset.near_duplicates import Compared, Thresholds, find_near_duplicates


@dataclass(frozen=True, slots=True)
class Overlap:
    """A library function, the benchmark problem that it repeats, and why.

    Attributes:
        reason: a reason of `dataset.near_duplicates`, or `namesake`: the same entry point but for case and underscores.
    """

    function_id: str
    problem_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Compared:
    problem_id: str
    prompt: str
    entry_point: str
    reference: str


def find_overlaps(
    functions: Sequence[LibraryFunction], problems: Sequence[Problem], thresholds: Thresholds
) -> list[Overlap]:
    """Every function that is a near-duplicate or a namesake of a problem, once for each problem and reason, sorted."""
    ids = {function.function_id for function in functions}
    as_problems = [_Compared(f.function_id, f.prompt, f.entry_point, f.code) for f in functions]
    compared: list[Compared] = [*as_problems, *problems]
    overlaps = set[tuple[str, str, str]]()
    for row in find_near_duplicates(compared, {}, thresholds):
        first, second = row.first_problem_id, row.second_problem_id
        if (first in ids) != (second in ids):
            overlaps.add((first, second, row.reason) if first in ids else (second, first, row.reason))
    by_name = dict[str, list[str]]()
    for problem in problems:
        by_name.setdefault(_bare(problem.entry_point), []).append(problem.problem_id)
    overlaps |= {(f.function_id, name, "namesake") for f in functions for name in by_name.get(_bare(f.entry_point), ())}
    return [Overlap(*row) for row in sorted(overlaps)]


def _bare(name: str) -> str:
    return name.replace("_", "").lower()
