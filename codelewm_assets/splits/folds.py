"""Folds of problems: stratified on benchmark × passed × output magnitude, grouped by near-duplicate cluster."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from codelewm_assets.core.errors import PackError
from codelewm_assets.core.ids import FOLDS
from codelewm_assets.core.records import PackRow, Record
from codelewm_assets.splits.near_duplicates import clusters, near_duplicate_pairs


class ProblemSplit(Record):
    """The fold of one problem; all that is made from the problem goes with it."""

    problem_id: str
    benchmark_id: str
    cluster: int
    fold: int


def assign_folds(
    rows: Sequence[PackRow], references: Mapping[str, str], *, threshold: float, seed: int
) -> list[ProblemSplit]:
    """One fold 0…4 for each problem of the pack, sorted by problem id.

    Raises: PackError: fewer clusters than folds.
    Source: scikit-learn StratifiedGroupKFold.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    ordered = sorted(rows, key=lambda row: row.record_id)
    dataset = {row.source_problem_id: row.source_dataset for row in ordered}
    of = clusters(sorted(dataset), near_duplicate_pairs({i: references[i] for i in dataset}, threshold))
    if len(set(of.values())) < len(FOLDS):
        raise PackError(
            f"{len(set(of.values()))} clusters of problems; wanted at least {len(FOLDS)}, one for each fold."
        )
    strata = np.array([f"{r.source_dataset}|{r.passed}|{r.output_magnitude_bucket}" for r in ordered])
    groups = np.array([of[row.source_problem_id] for row in ordered])
    fold: dict[str, int] = {}
    splitter = StratifiedGroupKFold(n_splits=len(FOLDS), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a rare stratum has fewer rows than folds; floors judge that
        for number, (_, held) in enumerate(splitter.split(np.zeros(len(ordered)), strata, groups)):
            for index in held:
                fold[ordered[index].source_problem_id] = number
    return [
        ProblemSplit(problem_id=name, benchmark_id=dataset[name], cluster=of[name], fold=fold[name])
        for name in sorted(dataset)
    ]
