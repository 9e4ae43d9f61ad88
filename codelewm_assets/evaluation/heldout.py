"""Scores of held-out records by the model that had their problem in test. Needs torch through `Scorer`. Shapes: N records, D."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.errors import ReportError
from codelewm_assets.core.ids import AnyBenchmarkId
from codelewm_assets.core.records import PackRow
from codelewm_assets.evaluation.input_prior import input_prior_scores
from codelewm_assets.evaluation.platt import PlattScaling, fit_platt, logit_of, sigmoid
from codelewm_assets.evaluation.rows import HeldoutRecord, LabelledRecord, ScoreRow
from codelewm_assets.evaluation.score_rows import completion_scores
from codelewm_assets.evaluation.transfer import TwinScore
from codelewm_assets.store.store import Artifact
from codelewm_assets.training.data import FoldData, load_fold
from codelewm_assets.training.latents import Scorer
from codelewm_assets.training.sidecar import Sidecar
from codelewm_assets.training.tokenize import EMPTY_ACTION_ROW, MAX_CHARACTERS, TokenRecord, encode

MAX_PROBE_FIT_RECORDS = 1200  # train records a fold whose latents are kept for probes, drawn by hash
NAMED = 3
SCALED = ("p_pass", "no_action", "shuffled_action")
Arrays = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class HeldoutScores:
    """Rows of held-out completions, rows of pool members, records, and their latents (N, D) float32 by name.

    `latents`: `z_pred`, `z_pred_no_action`, `z_pred_shuffled_action`, `z_out`, `z_code`, `z_input`; all but the last two
    are of unit length. `fit_records` and `fit_latents` are of the train part: probes are fitted on them, nothing is scored.
    `twins`: scores of pairs that both pass, for the order of edits that change nothing.
    """

    completions: tuple[ScoreRow, ...]
    members: tuple[ScoreRow, ...]
    records: tuple[HeldoutRecord, ...]
    latents: Arrays
    fit_records: tuple[LabelledRecord, ...]
    fit_latents: Arrays
    scalings: tuple[PlattScaling, ...]
    twins: tuple[TwinScore, ...] = ()


def require_held_out(data: FoldData, records: Sequence[TokenRecord]) -> None:
    """Refuse to score records that this fold's model was trained or validated on.

    Raises: ReportError: a record's problem is not in the model's test part.
    """
    test = {record.problem_id for record in data.part("test")}
    seen = sorted({record.problem_id for record in records} - test)
    if seen:
        named = ", ".join(seen[:NAMED]) + (" …" if len(seen) > NAMED else "")
        raise ReportError(
            f"Scoring is refused: {len(seen)} problems ({named}) are not in the test part of fold {data.model_fold}'s model. "
            "A problem is scored by the model that had it in test, and by no other."
        )


def score_fold(
    scorer: Scorer,
    data: FoldData,
    rows: Mapping[str, PackRow],
    controls: Sequence[ControlRow],
    *,
    records: Sequence[TokenRecord] | None = None,
    paired: Collection[str] = (),
) -> HeldoutScores:
    """Score everything that may be scored and whose problem is in test for this fold's model.

    Args: rows: pack rows by record id. controls: rows of `control_scores`. records: what to score in place of the whole test part.
        paired: completions that are scored besides, for `twins`.
    Raises: ReportError: `records` holds a problem that is not in test (require_held_out).
    """
    asked = data.part("test") if records is None else records
    test = [r for r in asked if rows[r.record_id].is_scored or rows[r.record_id].completion_kind == "model"]
    twin_records = [r for r in asked if r.completion_id in paired]
    require_held_out(data, [*test, *twin_records])
    by_models = {row.source_submission_id for row in rows.values() if row.completion_kind == "model"}
    scaling, of_twins, of_models = scalings = _scalings(scorer, data, by_models)
    scored, latents = _scored_records(scorer, data, rows, test, scaling)
    completions, pooled = completion_scores(scored, controls, model_fold=data.model_fold)
    fit_records, fit_latents = _probe_fit(scorer, data, rows)
    twins = [i for i, record in enumerate(test) if rows[record.record_id].is_scored]  # reports of records are of these
    completions, pooled = (
        tuple(_calibrated(row, of_models if row.completion_kind == "model" else of_twins) for row in table)
        for table in (completions, pooled)
    )
    return HeldoutScores(
        completions,
        pooled,
        tuple(scored[i] for i in twins),
        {name: values[twins] for name, values in latents.items()},
        fit_records,
        fit_latents,
        scalings if by_models else scalings[:2],
        _twin_scores(scorer, scaling, twin_records),
    )


def score_outputs(
    scorer: Scorer, data: FoldData, rows: Mapping[str, PackRow], benchmark: AnyBenchmarkId, scaling: PlattScaling
) -> tuple[tuple[HeldoutRecord, ...], Arrays]:
    """Records of a benchmark that asks for outputs, of the problems in test for this fold's model, and their latents (N, D).

    Args: rows: pack rows by record id. scaling: of this fold's records.
    """
    records = data.output_records(benchmark)
    return _scored_records(scorer, data, rows, records, scaling) if records else ((), {})


def join_outputs(
    parts: Sequence[tuple[tuple[HeldoutRecord, ...], Arrays]],
) -> tuple[tuple[HeldoutRecord, ...], Arrays]:
    """The records of several folds as one, and their latents; folds without a record add none."""
    parts = [part for part in parts if part[0]]
    names = parts[0][1] if parts else ()
    latents = {name: np.concatenate([arrays[name] for _, arrays in parts]) for name in names}
    return tuple(chain.from_iterable(records for records, _ in parts)), latents


def _scored_records(
    scorer: Scorer,
    data: FoldData,
    rows: Mapping[str, PackRow],
    test: Sequence[TokenRecord],
    scaling: PlattScaling,
) -> tuple[tuple[HeldoutRecord, ...], Arrays]:
    """The records with the model's figures, and their latents (N, D). Args: scaling: of records."""
    empty = [EMPTY_ACTION_ROW] * len(test)
    actions = {"model": [r.input for r in test], "no_action": empty, "shuffled_action": _shuffled(test)}
    codes, prompt_rows = [r.code for r in test], [r.prompt for r in test]
    transitions = {name: scorer.transitions(codes, inputs, prompt_rows) for name, inputs in actions.items()}
    z_out = scorer.outputs([r.output for r in test])  # (N, D)
    latents = {
        ("z_pred" if name == "model" else f"z_pred_{name}"): output.z_pred for name, output in transitions.items()
    }
    latents |= {"z_out": z_out, "z_code": transitions["model"].z_code, "z_input": scorer.inputs(actions["model"])}
    figures = {
        ("p_pass" if name == "model" else f"p_pass_{name}"): scaling.probabilities(output.logit)
        for name, output in transitions.items()
    }
    figures["p_pass_raw"] = sigmoid(transitions["model"].logit)
    figures["energy"] = ((transitions["model"].z_pred - z_out) ** 2).sum(axis=1)  # (N,)
    figures["energy_no_action"] = ((transitions["no_action"].z_pred - z_out) ** 2).sum(axis=1)
    priors = _input_priors(data, rows, test)
    scored = tuple(
        _record(record, rows[record.record_id], {name: float(values[i]) for name, values in figures.items()}, priors[i])
        for i, record in enumerate(test)
    )
    return scored, latents


def _twin_scores(scorer: Scorer, scaling: PlattScaling, records: Sequence[TokenRecord]) -> tuple[TwinScore, ...]:
    if not records:
        return ()
    transitions = scorer.transitions([r.code for r in records], [r.input for r in records], [r.prompt for r in records])
    by_completion: dict[str, list[float]] = defaultdict(list)
    for record, probability in zip(records, scaling.probabilities(transitions.logit), strict=True):
        by_completion[record.completion_id].append(float(probability))
    return tuple(TwinScore(completion_id=name, p_pass=float(np.mean(values))) for name, values in by_completion.items())


def completion_probabilities(
    checkpoint: Artifact,
    sidecar: Sidecar,
    tokens: Artifact,
    fold: int,
    programs: Sequence[tuple[str, str, Sequence[str]]],
    by_models: Collection[str],
) -> list[float]:
    """Probability that all inputs pass, of programs that are in no pack, by one fold's model and its scalings.

    They count as programs that models wrote, as long as the pack has some to fit a scaling on; else as twins.

    Args:
        tokens: `tokenized_pack` that the checkpoint was trained on.
        programs: (prompt, program, inputs), each with an input at least.
        by_models: ids of the pack's completions that models wrote.
    """
    pack = load_fold(tokens, fold)
    of_records, of_twins, of_models = _scalings(Scorer(checkpoint, sidecar, pack), pack, by_models)
    of_completions = of_twins if of_models.loss_before is None else of_models
    tokenizer = Tokenizer.from_str(tokens.path(f"fold{fold}_tokenizer.json").read_text(encoding="utf-8"))
    rows = [(prompt, code, given) for prompt, code, inputs in programs for given in inputs]
    columns = dict(zip(("prompt", "code", "input"), map(list, zip(*rows, strict=True)), strict=True))
    arrays = {
        name: encode(tokenizer, [text[:MAX_CHARACTERS] for text in texts], sidecar.config.lengths[name])
        for name, texts in columns.items()
    }
    own = Scorer(checkpoint, sidecar, FoldData(pack.arrays | arrays, (), fold))
    places = range(len(rows))
    of_inputs = of_records.probabilities(own.transitions(places, places, places).logit)
    ends = np.cumsum([len(inputs) for _, _, inputs in programs])
    means = np.array([part.mean() for part in np.split(of_inputs, ends[:-1])])
    scores: list[float] = of_completions.probabilities(logit_of(means)).tolist()
    return scores


def _scalings(
    scorer: Scorer, data: FoldData, by_models: Collection[str]
) -> tuple[PlattScaling, PlattScaling, PlattScaling]:
    """Of records, of twins and of completions that models wrote, fitted on the val part, which scoring does not read.

    Training selects its weights on some of these records, by an order within problems, which fits no probability.
    """
    val = [r for r in data.part("val") if r.is_train_usable]
    transitions = scorer.transitions([r.code for r in val], [r.input for r in val], [r.prompt for r in val])
    of_records = fit_platt(transitions.logit, [r.passed for r in val], fold=data.model_fold)
    by_completion: dict[str, list[float]] = defaultdict(list)
    for record, probability in zip(val, of_records.probabilities(transitions.logit), strict=True):
        by_completion[record.completion_id].append(float(probability))
    passed = {record.completion_id: record.completion_passed for record in val}

    def of_kind(*, is_model: bool) -> PlattScaling:
        names = [name for name in by_completion if (name in by_models) is is_model]
        means = np.array([np.mean(by_completion[name]) for name in names])
        labels = [passed[name] for name in names]
        return fit_platt(logit_of(means), labels, fold=data.model_fold, level="completion", by_models=is_model)

    return of_records, of_kind(is_model=False), of_kind(is_model=True)


def _calibrated(row: ScoreRow, scaling: PlattScaling) -> ScoreRow:
    """The row with the model's means over inputs turned into probabilities that all inputs pass; orders stay."""
    means = np.array([row.scores[name] for name in SCALED], dtype=np.float64)
    scaled = scaling.probabilities(logit_of(means))
    return row.model_copy(update={"scores": row.scores | dict(zip(SCALED, map(float, scaled), strict=True))})


def _probe_fit(
    scorer: Scorer, data: FoldData, rows: Mapping[str, PackRow]
) -> tuple[tuple[LabelledRecord, ...], Arrays]:
    train = [r for r in data.part("train") if r.is_train_usable and rows[r.record_id].completion_kind != "model"]
    chosen = sorted(train, key=lambda r: unit_interval("probe_fit", r.record_id))[:MAX_PROBE_FIT_RECORDS]
    if not chosen:
        return (), {}
    codes, inputs, prompts = [r.code for r in chosen], [r.input for r in chosen], [r.prompt for r in chosen]
    transitions = scorer.transitions(codes, inputs, prompts)
    latents = {
        "z_pred": transitions.z_pred,
        "z_pred_no_action": scorer.transitions(codes, [EMPTY_ACTION_ROW] * len(chosen), prompts).z_pred,
        "z_code": transitions.z_code,
        "z_input": scorer.inputs(inputs),
    }
    labelled = tuple(
        LabelledRecord.model_validate(_labels(record, rows[record.record_id]) | {"fold": data.model_fold})
        for record in chosen
    )
    return labelled, latents


def _shuffled(records: Sequence[TokenRecord]) -> list[int]:
    """For each record the input of another problem's record, fixed by hash; its own where there is only one problem."""
    ordered = sorted(records, key=lambda r: unit_interval("shuffled_action", r.record_id))
    chosen = {}
    for position, record in enumerate(ordered):
        others = (ordered[(position + step) % len(ordered)] for step in range(1, len(ordered)))
        chosen[record.record_id] = next((o.input for o in others if o.problem_id != record.problem_id), record.input)
    return [chosen[record.record_id] for record in records]


def exception_class(row: PackRow) -> str:
    """Class name of what the run raised; "none" where it raised nothing."""
    return row.output_tokens[len("<exception ") : -1] if row.execution_status == "exception" else "none"


def _labels(record: TokenRecord, row: PackRow) -> dict[str, Any]:
    of_row = ("output_type", "output_magnitude_bucket", "output_length_bucket")
    of_record = ("record_id", "problem_id", "passed")
    labels = {name: getattr(row, name) for name in of_row} | {name: getattr(record, name) for name in of_record}
    return labels | {"exception_class": exception_class(row)}


def _input_priors(
    data: FoldData, rows: Mapping[str, PackRow], records: Sequence[TokenRecord]
) -> Sequence[float | None]:
    train = [r for r in data.part("train") if r.is_train_usable]
    inputs = [rows[r.record_id].input_tokens for r in train]
    return input_prior_scores(inputs, [r.passed for r in train], [rows[r.record_id].input_tokens for r in records])


def _record(
    record: TokenRecord, row: PackRow, figures: Mapping[str, float], input_prior: float | None
) -> HeldoutRecord:
    of_record = {name: getattr(record, name) for name in ("fold", "completion_id", "benchmark_id", "completion_passed")}
    run = {"output": row.output_repr_checksum, "execution_status": row.execution_status}
    return HeldoutRecord.model_validate(
        _labels(record, row) | of_record | run | dict(figures) | {"input_prior": input_prior}
    )


def join_folds(parts: Sequence[HeldoutScores]) -> HeldoutScores:
    """The scores of several folds as one; each problem was scored by one fold only. Args: parts: at least one."""

    def joined(values: list[Any]) -> Any:
        if isinstance(values[0], dict):
            return {name: np.concatenate([arrays[name] for arrays in values]) for name in values[0]}
        return tuple(chain.from_iterable(values))

    return HeldoutScores(*(joined([getattr(part, field.name) for part in parts]) for field in fields(HeldoutScores)))
