"""The finished reports of both seeds as one body of evidence, for gates and reports. What is absent stays absent."""

from contextlib import suppress
from functools import partial
from pathlib import PurePosixPath
from typing import Any, TypeVar

from pydantic import BaseModel

from codelewm_assets.core.errors import StoreError
from codelewm_assets.core.ids import SEEDS, kind_and_partition
from codelewm_assets.defs.guards import GATES, statuses_of
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.plumbing import latest_materializations, version_of
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
    lineages = dict[str, dict[str, Artifact]]()
    reports = dict[str, Artifact]()
    for (kind, partition), made in latest_materializations(inputs.instance, wanted).items():
        report = inputs.store.load(kind, str(version_of(made)), partition=partition)
        with suppress(StoreError):  # something it was made from is gone or damaged: it is evidence of nothing
            lineages[report.digest] = inputs.store.lineage(report)
            reports[report.manifest.artifact_id] = report
    current = _current(inputs, [artifact for lineage in lineages.values() for artifact in lineage.values()])
    return {name: report for name, report in reports.items() if lineages[report.digest].keys() <= current}


def _current(inputs: Inputs, artifacts: list[Artifact]) -> set[str]:
    """Digests of those that are the latest of their kind and have every check green."""
    named = {artifact.digest: kind_and_partition(artifact.manifest.artifact_id) for artifact in artifacts}
    checks = [
        (asset, check, partition)
        for kind, partition in set(named.values())
        for asset, check in (*GATES, *EVIDENCE_CHECKS)
        if asset == kind
    ]
    latest = latest_materializations(inputs.instance, named.values())
    red = {(one.asset, one.partition) for one in statuses_of(inputs.instance, checks) if one.state != "GREEN"}
    return {
        digest
        for digest, name in named.items()
        if name in latest and version_of(latest[name]) == digest and name not in red
    }


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
        for problem in inputs.worked_out_once(
            "trained_on", artifact, partial(_scored_though_trained_on, inputs, artifact)
        )
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
