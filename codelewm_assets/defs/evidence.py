"""The finished reports of both seeds as one body of evidence, for gates and reports. What is absent stays absent."""

from functools import partial
from pathlib import PurePosixPath
from typing import Any, TypeVar

from pydantic import BaseModel

from codelewm_assets.core.errors import StoreError
from codelewm_assets.core.ids import SEEDS, kind_and_partition
from codelewm_assets.defs.guards import GATES, check_status
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.plumbing import latest_version
from codelewm_assets.evaluation.reports import (
    CalibrationReport,
    CollapseReport,
    IntegrityEvidence,
    LatentProbeReport,
    RerankReport,
    RetrievalReport,
    SeedEvidence,
    SurpriseReport,
)
from codelewm_assets.evaluation.score_files import read_score_rows
from codelewm_assets.store.manifest import ManifestFile
from codelewm_assets.store.scans import secrets_in_files
from codelewm_assets.store.store import Artifact

SEED_REPORTS: dict[str, tuple[str, str, type[BaseModel]]] = {
    "collapse": ("checkpoint_inspection", "checkpoint_inspection.json", CollapseReport),
    "retrieval": ("retrieval_report", "retrieval_report.json", RetrievalReport),
    "surprise": ("surprise_report", "surprise_report.json", SurpriseReport),
    "probe": ("latent_probe_report", "latent_probe_report.json", LatentProbeReport),
    "calibration": ("p_pass_calibration", "p_pass_calibration_report.json", CalibrationReport),
    "rerank": ("rerank_report", "rerank_report.json", RerankReport),
}
EVIDENCE_CHECKS = (
    ("checkpoint", "sidecar_matches"),
    ("checkpoint_inspection", "weights_are_finite"),
    ("checkpoint_inspection", "sidecar_matches"),
    ("heldout_scores", "every_score_row_has_p_pass"),
    ("heldout_scores", "only_held_out_rows_were_scored"),
)
M = TypeVar("M", bound=BaseModel)


def present_reports(inputs: Inputs) -> dict[str, Artifact]:
    """Artifact id → latest report, for those that count as evidence.

    A report counts when it and all it was made from are the latest of their kind, and every check on them is green.
    """
    wanted = [(kind, str(seed)) for kind, _, _ in SEED_REPORTS.values() for seed in SEEDS]
    found, current = {}, dict[str, bool]()  # digest → whether it counts; reports share most of what they were made from
    for kind, partition in wanted:
        version = latest_version(inputs.instance, kind, partition)
        if version is None:
            continue
        artifact = inputs.store.load(kind, version, partition=partition)
        if _counts(inputs, artifact, current):
            found[artifact.manifest.artifact_id] = artifact
    return found


def _counts(inputs: Inputs, report: Artifact, current: dict[str, bool]) -> bool:
    try:
        lineage = inputs.store.lineage(report)
    except StoreError:  # something it was made from is gone or damaged: it is evidence of nothing
        return False
    for digest, artifact in lineage.items():
        if digest not in current:
            current[digest] = _is_current(inputs, artifact)
        if not current[digest]:
            return False
    return True


def _is_current(inputs: Inputs, artifact: Artifact) -> bool:
    """Whether an artifact is the latest of its kind and every check on it is green."""
    kind, partition = kind_and_partition(artifact.manifest.artifact_id)
    if latest_version(inputs.instance, kind, partition) != artifact.digest:
        return False
    return all(
        check_status(inputs.instance, asset, check, partition).state == "GREEN"
        for asset, check in (*GATES, *EVIDENCE_CHECKS)
        if asset == kind
    )


def seed_evidence(reports: dict[str, Artifact]) -> dict[int, SeedEvidence]:
    """The evidence of each seed that has any."""

    def read(artifact_id: str, name: str, model: type[M]) -> M | None:
        artifact = reports.get(artifact_id)
        return None if artifact is None else model.model_validate(artifact.read_json(name))

    evidence = {}
    for seed in SEEDS:
        fields: dict[str, Any] = {
            field: read(f"{kind}[{seed}]", name, model) for field, (kind, name, model) in SEED_REPORTS.items()
        }
        if any(fields.values()):
            evidence[seed] = SeedEvidence(**fields)
    return evidence


def integrity_evidence(inputs: Inputs, reports: dict[str, Artifact]) -> IntegrityEvidence:
    """What is checked of every artifact in the reports' lineage: bytes, secrets, and that scores are of held-out problems."""
    artifacts: dict[str, Artifact] = {}
    for report in reports.values():
        artifacts |= inputs.store.lineage(report)
    mismatches = [
        f"{fault.artifact} {fault.file}" for artifact in artifacts.values() for fault in inputs.store.verify(artifact)
    ]
    by_place = sorted(artifacts.values(), key=lambda artifact: artifact.name)
    secrets = [row for artifact in by_place for row in secrets_in_files(inputs.store, artifact, _is_report)]
    scored = [artifact for artifact in artifacts.values() if artifact.manifest.artifact_kind == "heldout_scores"]
    trained_on = {
        problem
        for artifact in scored
        for problem in inputs.worked_out_once("trained_on", artifact, partial(_scored_though_trained_on, inputs, artifact))
    }
    return IntegrityEvidence(
        manifests_verified=len(artifacts),
        manifest_mismatches=mismatches,
        secret_findings=secrets,
        scored_problems_trained_on=sorted(trained_on) if scored else None,
    )


def _scored_though_trained_on(inputs: Inputs, scored: Artifact) -> list[str]:
    """Problems of these scores that were not in test for the model that scored them."""
    fold = {split.problem_id: split.fold for split in inputs.splits()}
    return sorted(
        {
            row.problem_id
            for name in ("score_rows.jsonl", "completion_scores.jsonl")
            for row in read_score_rows(scored.path(name))
            if fold.get(row.problem_id) != row.fold
        }
    )


def _is_report(file: ManifestFile) -> bool:
    path = PurePosixPath(file.path)
    return path.suffix == ".json" and "tokenizer" not in path.name
