"""Score rows of completions and of pool members from the scores of their records, with every control beside p_pass."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.core.ids import CONTROLS, MODEL_CONTROLS, split_of
from codelewm_assets.evaluation.rows import HeldoutRecord, ScoreRow

OF_RECORDS: dict[str, Callable[[HeldoutRecord], float]] = {
    "p_pass": lambda record: record.p_pass,
    "p_pass_raw": lambda record: record.p_pass_raw,
    "no_action": lambda record: record.p_pass_no_action,
    "shuffled_action": lambda record: record.p_pass_shuffled_action,
}


def completion_scores(
    records: Sequence[HeldoutRecord], controls: Iterable[ControlRow], *, model_fold: int
) -> tuple[tuple[ScoreRow, ...], tuple[ScoreRow, ...]]:
    """(one row per completion, one per pool member); the model's scores of a completion are means over its records.

    Args:
        records: one fold's.
        controls: rows of `control_scores`; those of completions without a record are left out.
    """
    by_completion: dict[str, list[HeldoutRecord]] = defaultdict(list)
    for record in records:
        by_completion[record.completion_id].append(record)
    means = {
        name: {score: float(np.mean([read(r) for r in own])) for score, read in OF_RECORDS.items()}
        for name, own in by_completion.items()
    }
    rows = [
        score_row(row, means[row.completion_id], model_fold=model_fold)
        for row in controls
        if row.completion_id in means
    ]
    return tuple(row for row in rows if row.pool_id is None), tuple(row for row in rows if row.pool_id is not None)


OF_POOLS = ("lm_pair", "pool_model")  # controls that compare the members of a pool
OF_ROW = ("completion_id", "problem_id", "benchmark_id", "passed", "passed_share", "pool_id", "completion_kind",
          "operator_family")  # fmt: skip


def score_row(
    row: ControlRow, scores: Mapping[str, float | None], *, model_fold: int, subject: str = "p_pass"
) -> ScoreRow:
    """The score row of a completion or pool member: a scorer's scores, then every control's.

    Args:
        model_fold: of the model that gave the scores.
        subject: the scorer's own score.
    """
    order = {} if row.llm_order is None else {"llm_order": row.llm_order}
    absent = () if row.pool_id is not None else OF_POOLS
    names = MODEL_CONTROLS if row.completion_kind == "model" else CONTROLS
    controls = {name: getattr(row, name) for name in names if name not in absent}
    fields = {name: getattr(row, name) for name in OF_ROW} | {
        "split": split_of(row.fold, model_fold=model_fold),
        "fold": model_fold,
        "scores": {**scores, **controls, **order},
    }
    return ScoreRow.model_validate(fields, context={"subject": subject})


def record_rows(records: Sequence[HeldoutRecord]) -> Iterator[ScoreRow]:
    """A score row per record, labelled by whether its own run passed; a completion's records form its pool."""
    for record in records:
        yield ScoreRow(
            completion_id=record.record_id,
            problem_id=record.problem_id,
            benchmark_id=record.benchmark_id,
            fold=record.fold,
            passed=record.passed,
            pool_id=record.completion_id,
            scores={**{score: read(record) for score, read in OF_RECORDS.items()}, "input_prior": record.input_prior},
        )
