"""Scores of held-out records and completions by the model that had their problem in test. Needs torch through `Scorer`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.ids import split_of
from codelewm_assets.core.records import PackRow, PoolMember, Record
from codelewm_assets.evaluation.records import ScoreRow
from codelewm_assets.preflight.controls import (
    consensus_scores,
    length_score,
    lexical_score,
    random_score,
    surface_lr_scores,
)
from codelewm_assets.training.data import FoldData
from codelewm_assets.training.latents import Scorer
from codelewm_assets.training.tokenize import TokenRecord


class HeldoutRecord(Record):
    """One held-out pack row; its latents stand at the same place in the latent arrays."""

    record_id: str
    problem_id: str
    completion_id: str
    benchmark_id: str
    fold: int
    passed: bool
    completion_passed: bool
    output: str
    output_type: str
    output_magnitude_bucket: str
    output_length_bucket: str
    execution_status: str
    p_pass: float
    p_pass_no_action: float
    p_pass_shuffled_action: float
    energy: float
    energy_no_action: float


@dataclass(frozen=True, slots=True)
class HeldoutScores:
    """Rows of held-out completions, rows of pool members, records, and their latents (N, D) float32 by name.

    `latents`: `z_pred`, `z_pred_no_action`, `z_pred_shuffled_action`, `z_out`, `z_code`, `z_input`; all but the last two
    are of unit length.
    """

    completions: tuple[ScoreRow, ...]
    members: tuple[ScoreRow, ...]
    records: tuple[HeldoutRecord, ...]
    latents: dict[str, NDArray[np.float32]]


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities of logits; (N,) float64 in (0, 1)."""
    return np.asarray(1 / (1 + np.exp(-logits.astype(np.float64))))


def score_fold(
    scorer: Scorer,
    data: FoldData,
    rows: Mapping[str, PackRow],
    members: Sequence[PoolMember],
    prompts: Mapping[str, str],
) -> HeldoutScores:
    """Score everything whose problem is in test for this fold's model.

    Args: rows: pack rows by record id. members: all pools' members. prompts: problem id → prompt.
    """
    test = [r for r in data.part("test") if r.is_train_usable]
    codes, prompt_rows = [r.code for r in test], [r.prompt for r in test]
    actions = {"model": [r.input for r in test], "no_action": [0] * len(test), "shuffled_action": _shuffled(test)}
    made = {name: scorer.transitions(codes, inputs, prompt_rows) for name, inputs in actions.items()}
    z_out = scorer.outputs([r.output for r in test])  # (N, D)
    latents = {("z_pred" if name == "model" else f"z_pred_{name}"): found.z_pred for name, found in made.items()}
    latents |= {"z_out": z_out, "z_code": scorer.codes(codes), "z_input": scorer.inputs(actions["model"])}
    p_pass = {name: sigmoid(found.logit) for name, found in made.items()}
    energy = {name: ((found.z_pred - z_out) ** 2).sum(axis=1) for name, found in made.items()}  # (N,)
    records = tuple(
        _record(record, rows[record.record_id], {name: values[i] for name, values in p_pass.items()}, energy, i)
        for i, record in enumerate(test)
    )
    return HeldoutScores(*_score_rows(records, data, rows, members, prompts), records, latents)


def _shuffled(records: Sequence[TokenRecord]) -> list[int]:
    """For each record the input of another problem's record, fixed by hash; its own where there is only one problem."""
    ordered = sorted(records, key=lambda r: unit_interval("shuffled_action", r.record_id))
    chosen = {}
    for place, record in enumerate(ordered):
        others = (ordered[(place + step) % len(ordered)] for step in range(1, len(ordered)))
        chosen[record.record_id] = next((o.input for o in others if o.problem_id != record.problem_id), record.input)
    return [chosen[record.record_id] for record in records]


def _record(
    record: TokenRecord, row: PackRow, p_pass: Mapping[str, float], energy: Mapping[str, NDArray[np.float32]], at: int
) -> HeldoutRecord:
    return HeldoutRecord(
        record_id=record.record_id,
        problem_id=record.problem_id,
        completion_id=record.completion_id,
        benchmark_id=record.benchmark_id,
        fold=record.fold,
        passed=record.passed,
        completion_passed=record.completion_passed,
        output=row.output_repr_checksum,
        output_type=row.output_type,
        output_magnitude_bucket=row.output_magnitude_bucket,
        output_length_bucket=row.output_length_bucket,
        execution_status=row.execution_status,
        p_pass=float(p_pass["model"]),
        p_pass_no_action=float(p_pass["no_action"]),
        p_pass_shuffled_action=float(p_pass["shuffled_action"]),
        energy=float(energy["model"][at]),
        energy_no_action=float(energy["no_action"][at]),
    )


def _score_rows(
    records: Sequence[HeldoutRecord],
    data: FoldData,
    rows: Mapping[str, PackRow],
    members: Sequence[PoolMember],
    prompts: Mapping[str, str],
) -> tuple[tuple[ScoreRow, ...], tuple[ScoreRow, ...]]:
    """(one row per held-out completion, one per pool member); a completion's score is its records' mean."""
    by_completion: dict[str, list[HeldoutRecord]] = defaultdict(list)
    for record in records:
        by_completion[record.completion_id].append(record)
    code = {row.source_submission_id: row.code_tokens for row in rows.values()}
    names = sorted(by_completion)
    train = {r.completion_id: r.completion_passed for r in data.part("train") if r.is_train_usable}
    fitted = surface_lr_scores(
        [code[name] for name in sorted(train)], [train[name] for name in sorted(train)], [code[name] for name in names]
    )
    surface = dict(zip(names, fitted, strict=True))
    own_problem: dict[str, dict[str, str]] = defaultdict(dict)
    for name in names:
        own_problem[by_completion[name][0].problem_id][name] = code[name]
    agreement = {name: score for group in own_problem.values() for name, score in consensus_scores(group).items()}
    in_pool: dict[str, dict[str, str]] = defaultdict(dict)
    for member in members:
        if member.completion_id in by_completion:
            in_pool[member.pool_id][member.completion_id] = code[member.completion_id]
    pooled = {(pool, name): s for pool, group in in_pool.items() for name, s in consensus_scores(group).items()}

    def row_of(name: str, consensus: float | None, pool_id: str | None) -> ScoreRow:
        own = by_completion[name]
        first = own[0]
        return ScoreRow(
            completion_id=name,
            problem_id=first.problem_id,
            benchmark_id=first.benchmark_id,
            split=split_of(first.fold, model_fold=data.model_fold),
            fold=data.model_fold,
            passed=first.completion_passed,
            pool_id=pool_id,
            scores={
                "p_pass": _mean([r.p_pass for r in own]),
                "no_action": _mean([r.p_pass_no_action for r in own]),
                "shuffled_action": _mean([r.p_pass_shuffled_action for r in own]),
                "lexical": lexical_score(prompts[first.problem_id], code[name]),
                "consensus": consensus,
                "surface_lr": surface[name],
                "length": length_score(code[name]),
                "random": random_score(name),
            },
        )

    completions = tuple(row_of(name, agreement[name], None) for name in names)
    pool_rows = tuple(
        row_of(member.completion_id, pooled[member.pool_id, member.completion_id], member.pool_id)
        for member in sorted(members, key=lambda m: (m.pool_id, m.completion_id))
        if member.completion_id in by_completion
    )
    return completions, pool_rows


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def join_folds(parts: Sequence[HeldoutScores]) -> HeldoutScores:
    """The scores of several folds as one; each problem was scored by one fold only. Args: parts: at least one."""
    return HeldoutScores(
        tuple(row for part in parts for row in part.completions),
        tuple(row for part in parts for row in part.members),
        tuple(record for part in parts for record in part.records),
        {name: np.concatenate([part.latents[name] for part in parts]) for name in parts[0].latents},
    )
