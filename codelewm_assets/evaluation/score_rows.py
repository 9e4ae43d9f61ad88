"""Score rows of completions and of pool members from the scores of their records, with every control beside p_pass."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from codelewm_assets.baselines.controls import (
    consensus_scores,
    length_score,
    lexical_score,
    random_score,
    surface_lr_scores,
)
from codelewm_assets.core.ids import split_of
from codelewm_assets.core.records import PackRow, PoolMember
from codelewm_assets.evaluation.reports import HeldoutRecord, ScoreRow
from codelewm_assets.training.data import FoldData

OF_RECORDS: dict[str, Callable[[HeldoutRecord], float]] = {
    "p_pass": lambda record: record.p_pass,
    "p_pass_raw": lambda record: record.p_pass_raw,
    "no_action": lambda record: record.p_pass_no_action,
    "shuffled_action": lambda record: record.p_pass_shuffled_action,
}


def completion_scores(
    records: Sequence[HeldoutRecord],
    data: FoldData,
    rows: Mapping[str, PackRow],
    members: Sequence[PoolMember],
    prompts: Mapping[str, str],
    llm_order: Mapping[str, int],
) -> tuple[tuple[ScoreRow, ...], tuple[ScoreRow, ...]]:
    """(one row per completion, one per pool member); the model's scores of a completion are means over its records.

    Args: as `evaluation.heldout.score_fold`; `records` are one fold's.
    """
    by_completion: dict[str, list[HeldoutRecord]] = defaultdict(list)
    for record in records:
        by_completion[record.completion_id].append(record)
    first_row: dict[str, PackRow] = {}
    for row in rows.values():
        first_row.setdefault(row.source_submission_id, row)
    code = {name: row.code_tokens for name, row in first_row.items()}
    names = sorted(by_completion)
    surface = _surface(data, code, names)
    pool_members = [
        m for m in sorted(members, key=lambda m: (m.pool_id, m.completion_id)) if m.completion_id in by_completion
    ]
    in_problem = _consensus(((by_completion[name][0].problem_id, name) for name in names), code)
    in_pool = _consensus(((member.pool_id, member.completion_id) for member in pool_members), code)

    def row_of(name: str, pool_id: str | None, consensus: float | None) -> ScoreRow:
        first = by_completion[name][0]
        return ScoreRow(
            completion_id=name,
            problem_id=first.problem_id,
            benchmark_id=first.benchmark_id,
            split=split_of(first.fold, model_fold=data.model_fold),
            fold=data.model_fold,
            passed=first.completion_passed,
            passed_share=float(np.mean([record.passed for record in by_completion[name]])),
            pool_id=pool_id,
            completion_kind=first_row[name].completion_kind,
            operator_family=first_row[name].operator_family,
            scores={
                **{score: float(np.mean([read(r) for r in by_completion[name]])) for score, read in OF_RECORDS.items()},
                "lexical": lexical_score(prompts[first.problem_id], code[name]),
                "consensus": consensus,
                "surface_lr": surface[name],
                "length": length_score(code[name]),
                "random": random_score(name),
                **({"llm_order": -float(llm_order[name])} if name in llm_order else {}),
            },
        )

    return (
        tuple(row_of(name, None, in_problem[by_completion[name][0].problem_id, name]) for name in names),
        tuple(row_of(m.completion_id, m.pool_id, in_pool[m.pool_id, m.completion_id]) for m in pool_members),
    )


def _consensus(grouped: Iterable[tuple[str, str]], code: Mapping[str, str]) -> dict[tuple[str, str], float | None]:
    """(group, completion) → agreement with the others of the group. Args: grouped: the same pairs. code: by completion."""
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for group, name in grouped:
        groups[group][name] = code[name]
    return {(group, name): s for group, programs in groups.items() for name, s in consensus_scores(programs).items()}


def _surface(data: FoldData, code: Mapping[str, str], names: Sequence[str]) -> dict[str, float | None]:
    """surface_lr of each completion, fitted on the train part of the fold."""
    train = {r.completion_id: r.completion_passed for r in data.part("train") if r.is_train_usable}
    fit = sorted(train)
    scores = surface_lr_scores([code[n] for n in fit], [train[n] for n in fit], [code[n] for n in names])
    return dict(zip(names, scores, strict=True))


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
            scores={score: read(record) for score, read in OF_RECORDS.items()},
        )
