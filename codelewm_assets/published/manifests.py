"""Manifests in CodeLeWM's form: artifact ids, configuration digests, files and parents, recomputed."""

from pathlib import Path

from codelewm_assets.core.digests import digest_of, sha256_file
from codelewm_assets.published.evidence import CONFIG, Evidence, EvidenceFile
from codelewm_assets.published.forms import CALIBRATION, MANIFEST, RERANK, PublishedFile, PublishedManifest
from codelewm_assets.published.records import FileState, ManifestCheck, State


def artifact_id_of(document: dict[str, object], kind: str) -> str:
    """Kind, "-" and 16 hex digits of the digest over the manifest without its `artifact_id`."""
    return f"{kind}-{digest_of({k: v for k, v in document.items() if k != 'artifact_id'})[:16]}"


def check_manifests(evidence: Evidence) -> list[ManifestCheck]:
    """A check of each manifest, in the order of the files."""
    manifests = list(evidence.of(MANIFEST, PublishedManifest))
    known = {manifest.artifact_id for _, manifest in manifests}
    return [_check(evidence, file, manifest, known) for file, manifest in manifests]


def _check(evidence: Evidence, file: EvidenceFile, manifest: PublishedManifest, known: set[str]) -> ManifestCheck:
    computed = artifact_id_of(file.document, manifest.artifact_kind)
    names_itself = not manifest.artifact_id.startswith(f"{manifest.artifact_kind}-")
    config = evidence.at(file.path.parent / CONFIG)
    files = [FileState(path=entry.path, state=_state(file.path.parent, entry)) for entry in manifest.files]
    id_recomputes = None if names_itself else computed == manifest.artifact_id
    config_recomputes = None if config is None else digest_of(config.document) == manifest.config_sha256
    agrees = _claim_agrees(evidence, file, manifest)
    return ManifestCheck(
        path=file.name,
        artifact_id=manifest.artifact_id,
        artifact_kind=manifest.artifact_kind,
        artifact_id_recomputes=id_recomputes,
        config_sha256_recomputes=config_recomputes,
        claim_allowed_agrees=agrees,
        files=files,
        absent_parents=[parent for parent in manifest.parent_artifacts if parent not in known],
        recomputes=id_recomputes is not False
        and config_recomputes is not False
        and agrees is not False
        and all(entry.state != "differs" for entry in files),
    )


def _claim_agrees(evidence: Evidence, file: EvidenceFile, manifest: PublishedManifest) -> bool | None:
    """`claim_allowed` of the metadata is that of the report that the manifest lists."""
    stated = manifest.metadata.get("claim_allowed")
    reports = [evidence.at(file.path.parent / entry.path) for entry in manifest.files]
    of_reports = [
        report.document["claim_allowed"]
        for report in reports
        if report is not None and report.schema_id in (RERANK, CALIBRATION) and isinstance(report.document, dict)
    ]
    return None if stated is None or not of_reports else all(value == stated for value in of_reports)


def _state(folder: Path, entry: PublishedFile) -> State:
    path = folder / entry.path
    if not path.is_file():
        return "absent"
    return "recomputes" if (path.stat().st_size, sha256_file(path)) == (entry.bytes, entry.sha256) else "differs"
