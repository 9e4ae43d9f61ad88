"""The models of a cross-fitted scorer that have not seen a problem: by its fold, or by its near-duplicates' folds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from codelewm_assets.completions.program_rows import ProgramRow
from codelewm_assets.core.records import Problem
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.near_duplicates import Compared, Thresholds, find_near_duplicates


@dataclass(frozen=True, slots=True)
class Models:
    """The folds whose models score a problem, their mean where there are several, and whether these were trained on it."""

    folds: tuple[int, ...]
    trained_on: bool


@dataclass(frozen=True, slots=True)
class _Program:
    """A program of a problem that no benchmark of the scorer has, set beside its problems."""

    problem_id: str
    prompt: str
    entry_point: str
    reference: str


def models_of(
    rows: Sequence[ProgramRow],
    *,
    splits: Iterable[ProblemSplit],
    problems: Sequence[Problem],
    folds: Sequence[int],
    thresholds: Thresholds,
) -> dict[str, Models]:
    """Problem id → the models that score its programs.

    A problem of the scorer's benchmarks is scored by its fold's model. Another problem is scored by the mean of all models; where
    its prompt or one of its programs is a near-duplicate of a benchmark problem, by that one's fold's model. With near-duplicates
    in several folds, or in one without a model, every model may have been trained on it.

    Args:
        splits: of the scorer's own problems.
        problems: the same problems.
        folds: that have a model.
    """
    fold_of = {split.problem_id: split.fold for split in splits}
    known = {row.problem_id for row in rows if row.problem_id in fold_of}
    near = _near_folds([row for row in rows if row.problem_id not in fold_of], problems, fold_of, thresholds)
    every = tuple(sorted(folds))
    result = dict[str, Models]()
    for name in sorted({row.problem_id for row in rows}):
        seen_in = {fold_of[name]} if name in known else near[name]
        if not seen_in:
            result[name] = Models(every, False)
        elif len(seen_in) == 1 and seen_in <= set(every):
            result[name] = Models(tuple(seen_in), False)
        else:
            result[name] = Models(every, True)
    return result


def _near_folds(
    rows: Sequence[ProgramRow], problems: Sequence[Problem], fold_of: Mapping[str, int], thresholds: Thresholds
) -> Mapping[str, set[int]]:
    """Problem id → folds of the benchmark problems that are near-duplicates of it."""
    compared: list[Compared] = [problem for problem in problems if problem.problem_id in fold_of]
    problem_of = dict[str, str]()
    for number, row in enumerate(rows):
        name = f"{row.problem_id}\0{number}"  # no problem's id
        problem_of[name] = row.problem_id
        compared.append(_Program(name, row.prompt or "", row.entry_point, row.code))
    folds: dict[str, set[int]] = defaultdict(set)
    if not rows:
        return folds
    for pair in find_near_duplicates(compared, {}, thresholds):
        for own, other in (
            (pair.first_problem_id, pair.second_problem_id),
            (pair.second_problem_id, pair.first_problem_id),
        ):
            if own in problem_of and other in fold_of:
                folds[problem_of[own]].add(fold_of[other])
    return folds
