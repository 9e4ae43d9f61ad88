"""Evidence of the gates, read from report artifacts: the reports of each seed, and their integrity."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, TypeVar

from pydantic import BaseModel

from codelewm_assets.core.ids import SEEDS
from codelewm_assets.evaluation.reports import (
    CalibrationReport,
    CollapseReport,
    ContaminationReport,
    IntegrityEvidence,
    LatentProbeReport,
    RerankReport,
    RetrievalReport,
    ScorerEvidence,
    SeedEvidence,
    SurpriseReport,
    TransferReport,
)
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.evaluation.score_files import score_rows
from codelewm_assets.store.manifest import ManifestFile
from codelewm_assets.store.scans import secrets_in_files
from codelewm_assets.store.store import Artifact, ArtifactStore

SEED_REPORTS: dict[str, tuple[str, str, type[BaseModel]]] = {
    "collapse": ("checkpoint_inspection", "checkpoint_inspection.json", CollapseReport),
    "retrieval": ("retrieval_report", "retrieval_report.json", RetrievalReport),
    "surprise": ("surprise_report", "surprise_report.json", SurpriseReport),
    "probe": ("latent_probe_report", "latent_probe_report.json", LatentProbeReport),
    "calibration": ("p_pass_calibration", "p_pass_calibration_report.json", CalibrationReport),
    "record_calibration": ("p_pass_calibration", "record_calibration_report.json", CalibrationReport),
    "rerank": ("rerank_report", "rerank_report.json", RerankReport),
}
SCORER_REPORTS: dict[str, tuple[str, str, type[BaseModel]]] = {
    "calibration": ("p_pass_calibration", "p_pass_calibration_report.json", CalibrationReport),
    "rerank": ("rerank_report", "rerank_report.json", RerankReport),
    "transfer": ("rerank_report", "transfer_report.json", TransferReport),
    "contamination": ("rerank_report", "contamination_report.json", ContaminationReport),
    "model_calibration": ("p_pass_calibration", "model_calibration_report.json", CalibrationReport),
    "model_rerank": ("rerank_report", "model_rerank_report.json", RerankReport),
    "unseen_model_calibration": ("p_pass_calibration", "unseen_model_calibration_report.json", CalibrationReport),
    "unseen_model_rerank": ("rerank_report", "unseen_model_rerank_report.json", RerankReport),
}
SCORER_KINDS = tuple(dict.fromkeys(kind for kind, _, _ in SCORER_REPORTS.values()))
REPORTS = tuple(dict.fromkeys(kind for kind, _, _ in SEED_REPORTS.values()))
SCORE_FILES = ("score_rows.jsonl", "completion_scores.jsonl")
UNSEEN_MODELS = "unseen_model_"
"""Prefix of the files of the critic's scores of programs whose model it never saw."""
M = TypeVar("M", bound=BaseModel)


def scorers_in(artifact: Artifact) -> list[str]:
    """Names of the scorers that have a folder of their own in an artifact."""
    paths = [PurePosixPath(file.path).parts for file in artifact.manifest.files]
    return sorted({parts[1] for parts in paths if parts[0] == "scorers" and len(parts) == 3})


def score_files(scored: Artifact) -> dict[str, str]:
    """File of score rows of a `heldout_scores` → the scorer whose score every row has."""
    paths = [PurePosixPath(file.path) for file in scored.manifest.files if file.path.endswith(SCORE_FILES)]
    return {str(path): path.parts[1] if path.parts[0] == "scorers" else "p_pass" for path in paths}


def seed_evidence(reports: Mapping[str, Artifact]) -> dict[int, SeedEvidence]:
    """The evidence of each seed that has any. Args: reports: artifact id → artifact."""

    def read(artifact_id: str, name: str, model: type[M]) -> M | None:
        artifact = reports.get(artifact_id)
        if artifact is None or name not in {file.path for file in artifact.manifest.files}:
            return None
        return model.model_validate(artifact.read_json(name))

    evidence = {}
    for seed in SEEDS:
        fields: dict[str, Any] = {
            field: read(f"{kind}[{seed}]", name, model) for field, (kind, name, model) in SEED_REPORTS.items()
        }
        scorers = dict[str, ScorerEvidence]()
        own_reports = [reports[f"{kind}[{seed}]"] for kind in SCORER_KINDS if f"{kind}[{seed}]" in reports]
        for scorer in sorted({name for report in own_reports for name in scorers_in(report)}):
            own: dict[str, Any] = {
                field: read(f"{kind}[{seed}]", f"scorers/{scorer}/{name}", model)
                for field, (kind, name, model) in SCORER_REPORTS.items()
            }
            if any(own.values()):
                scorers[scorer] = ScorerEvidence(**own)
        if any(fields.values()) or scorers:
            evidence[seed] = SeedEvidence(**fields, scorers=scorers)
    return evidence


def integrity_evidence(
    store: ArtifactStore, reports: Mapping[str, Artifact], *, trained_on: Callable[[Artifact], list[str]]
) -> IntegrityEvidence:
    """Integrity of every artifact in the reports' lineage: bytes, secrets, and held-out problems.

    Args: trained_on: from a `heldout_scores` artifact to its problems that the model was trained on.
    """
    artifacts: dict[str, Artifact] = {}
    for report in reports.values():
        artifacts |= store.lineage(report)
    mismatches = [f"{fault.artifact} {fault.file}" for a in artifacts.values() for fault in store.verify(a)]
    by_name = sorted(artifacts.values(), key=lambda a: a.name)
    scored = [a for a in artifacts.values() if a.manifest.artifact_kind == "heldout_scores"]
    return IntegrityEvidence(
        manifests_verified=len(artifacts),
        manifest_mismatches=mismatches,
        secret_findings=[row for a in by_name for row in secrets_in_files(store, a, _is_report)],
        scored_problems_trained_on=sorted({name for a in scored for name in trained_on(a)}) if scored else None,
    )


def stored_score_rows(scored: Artifact) -> Iterator[ScoreRow]:
    """Rows of every file of scores of a `heldout_scores` artifact."""
    for name, subject in score_files(scored).items():
        yield from score_rows(scored.path(name), subject=subject)


def scored_training_problems(scored: Artifact, folds: Mapping[str, int]) -> list[str]:
    """Problems of these scores outside the test split of the model that scored them. Args: folds: problem id → fold."""
    return sorted({row.problem_id for row in stored_score_rows(scored) if folds.get(row.problem_id) != row.fold})


def _is_report(file: ManifestFile) -> bool:
    path = PurePosixPath(file.path)
    return path.suffix == ".json" and "tokenizer" not in path.name
