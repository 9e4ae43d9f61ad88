"""Scores of programs that are no completions of a build: by a stored critic, a stored checkpoint, or a model by name."""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from codelewm_assets.completions.program_rows import Key, LabelVerdict, ProgramRow
from codelewm_assets.core.digests import canonical_json
from codelewm_assets.core.errors import ScorerError
from codelewm_assets.core.ids import BENCHMARKS, published_id
from codelewm_assets.core.records import PackRow, Problem
from codelewm_assets.core.tables import read_table
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.near_duplicates import Thresholds
from codelewm_assets.evaluation.held_out_models import models_of
from codelewm_assets.scorers.declared import ClassifierScorer, ExternalScorer, LikelihoodScorer, ScorerSettings
from codelewm_assets.scorers.named import ScoredProgram, named_scores, text_scores
from codelewm_assets.store.store import Artifact, ArtifactStore

MAX_INPUTS = 16  # of a program that CodeLeWM reads: its score is their mean
Scores = list[tuple[float | None, bool | None]]  # (score, trained on) of each program
OfFold = Callable[[int, Sequence[ProgramRow]], Sequence[float | None]]


class ScoredRow(BaseModel):
    """One row that `score` writes; `calibrate` and `rerank` read it. `passed` and its share stand only where they are known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    completion_id: str
    problem_id: str
    benchmark_id: str
    llm: str | None = None
    passed: bool | None = None
    passed_share: float | None = None
    scores: dict[str, float | None]
    trained_on: bool | None  # the problem, or a near-duplicate of it; None: not known


def scored_rows(
    rows: Sequence[ProgramRow], scores: Scores, labels: Mapping[Key, LabelVerdict], *, name: str
) -> list[ScoredRow]:
    """The output rows, in the order of the programs. Args: name: of the score."""
    return [
        ScoredRow(
            completion_id=row.completion_id,
            problem_id=row.problem_id,
            benchmark_id=row.benchmark_id,
            llm=row.llm,
            passed=labels[row.key].passed if row.key in labels else None,
            passed_share=labels[row.key].share if row.key in labels else None,
            scores={name: score},
            trained_on=trained_on,
        )
        for row, (score, trained_on) in zip(rows, scores, strict=True)
    ]


def row_lines(rows: Sequence[ScoredRow]) -> bytes:
    """JSON lines; what is not known of a program is absent, but `trained_on` is null."""
    optional = ("llm", "passed", "passed_share")
    plain = [row.model_dump(mode="json") for row in rows]
    kept = ({key: value for key, value in row.items() if value is not None or key not in optional} for row in plain)
    return b"".join(canonical_json(row) + b"\n" for row in kept)


def stored_problems(store: ArtifactStore, scorer: Artifact) -> list[Problem]:
    """The problems that a stored critic or checkpoint was fitted on or held out, by its lineage."""
    problems = _ancestor(store, scorer, "benchmark_problems")
    return [row for name in BENCHMARKS for row in read_table(problems.path(f"{name}/problems.parquet"), Problem)]


def critic_scores(
    store: ArtifactStore, critic: Artifact, rows: Sequence[ProgramRow], *, thresholds: Thresholds
) -> Scores:
    """Probabilities of passing by a stored critic, of each program by the fold's critic that has not seen its problem.

    They count as programs that models wrote, for which the critic has a calibration of its own if it was fitted on some.

    Args:
        rows: with prompts.
    """
    from codelewm_assets.scorers.critic import Critic
    from codelewm_assets.scorers.program_features import ProgramFeatures

    about = critic.read_json("critic.json")
    features = ProgramFeatures.loads(critic.path("features.safetensors").read_bytes())
    critics = {
        fold: Critic.loads(critic.path(f"fold{fold}.safetensors").read_bytes(), features) for fold in about["folds"]
    }

    def of_fold(fold: int, own: Sequence[ProgramRow]) -> Sequence[float]:
        codes, prompts = [row.code for row in own], [row.prompt or "" for row in own]
        scores: list[float] = critics[fold].score(codes, prompts, by_models=True).tolist()
        return scores

    return _cross_fitted(store, critic, rows, of_fold, list(critics), about["benchmarks"], thresholds)


def checkpoint_scores(
    store: ArtifactStore, checkpoint: Artifact, rows: Sequence[ProgramRow], *, thresholds: Thresholds
) -> Scores:
    """Probabilities that all inputs pass by a stored checkpoint, of each program by the model that has not seen its problem.

    Args:
        rows: with prompts and inputs; the first `MAX_INPUTS` of a program are read.

    Raises: ScorerError: a program has no inputs. TrainingError: the weights do not fit.
    """
    from codelewm_assets.evaluation.heldout import completion_probabilities
    from codelewm_assets.training.sidecar import require_matching

    bare = [row.completion_id for row in rows if not row.inputs]
    if bare:
        raise ScorerError(
            f"{len(bare)} programs have no inputs, first {bare[0]!r}; CodeLeWM reads prompt, program and input. Add `inputs`, as "
            "`label` reads them."
        )
    tokens = _ancestor(store, checkpoint, "tokenized_pack")
    sidecar = require_matching(checkpoint, tokens)
    pack = read_table(_ancestor(store, checkpoint, "execution_pack").path("pack.parquet"), PackRow)
    by_models = {row.source_submission_id for row in pack if row.completion_kind == "model"}

    def of_fold(fold: int, own: Sequence[ProgramRow]) -> Sequence[float]:
        texts = [(row.prompt or "", row.code, row.inputs[:MAX_INPUTS]) for row in own]
        return completion_probabilities(checkpoint, sidecar, tokens, fold, texts, by_models)

    return _cross_fitted(store, checkpoint, rows, of_fold, list(sidecar.folds), list(BENCHMARKS), thresholds)


def model_scores(name: str, settings: ScorerSettings, rows: Sequence[ProgramRow]) -> Scores:
    """Scores by a scorer of a profile, or by a model that is named alone, in [0, 1] but for those of a file.

    The mean log-probability a token becomes a probability by its exponential: the geometric mean over the program's tokens.
    """
    match settings:
        case LikelihoodScorer() | ClassifierScorer():
            values = text_scores(settings, [(row.prompt or "", row.code) for row in rows])
            if isinstance(settings, LikelihoodScorer):
                values = [None if value is None else math.exp(value) for value in values]
        case ExternalScorer():
            asked = [ScoredProgram(row.completion_id, row.prompt or "", row.code) for row in rows]
            known = {score.completion_id: score.score for score in named_scores(name, settings, asked)}
            values = [known.get(row.completion_id) for row in rows]
    stated = settings.trained_on
    if stated is None:
        return [(value, None) for value in values]
    trained = stated.problem_ids() if stated.none_of_the_benchmarks is None else frozenset[str]()
    return [
        (value, (published_id(row.problem_id) or row.problem_id) in trained)
        for value, row in zip(values, rows, strict=True)
    ]


def _cross_fitted(
    store: ArtifactStore,
    scorer: Artifact,
    rows: Sequence[ProgramRow],
    of_fold: OfFold,
    folds: Sequence[int],
    benchmarks: Collection[str],
    thresholds: Thresholds,
) -> Scores:
    """The mean over the models of each program's problem. Args: benchmarks: whose problems the scorer was trained on."""
    splits = read_table(_ancestor(store, scorer, "problem_splits").path("splits.parquet"), ProblemSplit)
    models = models_of(
        rows,
        splits=[split for split in splits if split.benchmark_id in benchmarks],
        problems=stored_problems(store, scorer),
        folds=folds,
        thresholds=thresholds,
    )
    values: dict[int, list[float | None]] = defaultdict(list)
    for fold in folds:
        places = [place for place, row in enumerate(rows) if fold in models[row.problem_id].folds]
        for place, value in zip(
            places, of_fold(fold, [rows[place] for place in places]) if places else (), strict=True
        ):
            values[place].append(value)
    means = [np.mean(np.array(values[place], dtype=np.float64)) for place in range(len(rows))]
    return [(float(mean), models[row.problem_id].trained_on) for mean, row in zip(means, rows, strict=True)]


def _ancestor(store: ArtifactStore, artifact: Artifact, kind: str) -> Artifact:
    """The artifact of a kind that this one was made from. Raises: ScorerError: there is none, or there are several."""
    lineage: dict[str, Any] = {
        digest: own for digest, own in store.lineage(artifact).items() if own.manifest.artifact_kind == kind
    }
    if len(lineage) != 1:
        raise ScorerError(
            f"{artifact.manifest.artifact_id} was made from {len(lineage)} artifacts of {kind}; expected one. Build it again."
        )
    found: Artifact = next(iter(lineage.values()))
    return found
