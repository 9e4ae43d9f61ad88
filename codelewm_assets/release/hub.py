"""Publication to the Hugging Face Hub: a plan first, and the upload only of a plan that is verified and scanned."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from codelewm_assets.core.digests import sha256_file
from codelewm_assets.core.errors import ReportError
from codelewm_assets.core.store import Artifact

NAMESPACE = "codelewm"


class PlannedFile(BaseModel):
    """One file: where it goes, and what it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    repository: str
    repository_type: Literal["dataset", "model"]
    path: str
    artifact_id: str
    digest: str
    sha256: str
    bytes: int


class ReleasePlan(BaseModel):
    """`release_plan.json`: what would go to the Hub, and what stands against it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal["codelewm.release_plan.v1"] = "codelewm.release_plan.v1"
    executed: bool
    files: tuple[PlannedFile, ...]
    mismatches: tuple[str, ...]
    secrets: tuple[str, ...]
    overclaims: tuple[str, ...] = ()

    @property
    def refusals(self) -> list[str]:
        """Why this plan may not be executed; empty when it may."""
        return [
            *(f"not verified: {row}" for row in self.mismatches),
            *(f"secret: {row}" for row in self.secrets),
            *(f"claim beyond the gates: {row}" for row in self.overclaims),
        ]


def planned_files(artifacts: Mapping[str, Sequence[Artifact]]) -> tuple[PlannedFile, ...]:
    """Files of a release. Args: artifacts: `dataset` or `model-seed<N>` → the artifacts published under it."""
    rows = []
    for name, group in artifacts.items():
        kind: Literal["dataset", "model"] = "dataset" if name == "dataset" else "model"
        for artifact in group:
            for file in artifact.manifest.files:
                at_root = artifact.manifest.artifact_kind in ("dataset_card", "model_card")
                path = file.path if at_root else f"{artifact.manifest.artifact_kind}/{file.path}"
                rows.append(
                    PlannedFile(
                        repository=f"{NAMESPACE}/codelewm-{name}",
                        repository_type=kind,
                        path=path,
                        artifact_id=artifact.manifest.artifact_id,
                        digest=artifact.digest,
                        sha256=file.sha256,
                        bytes=file.bytes,
                    )
                )
    return tuple(sorted(rows, key=lambda row: (row.repository, row.path)))


def publish(plan: ReleasePlan, locate: Mapping[str, Path], *, token: str | None) -> list[str]:
    """Upload every file of the plan, one commit a repository.

    Args: locate: digest → the artifact's folder.
    Returns: the commits' addresses.
    Raises: ReportError: the plan is refused, empty, or `huggingface_hub` is not installed; OSError: the Hub cannot be reached.
    """
    if plan.refusals:
        raise ReportError("Publication is refused: " + "; ".join(plan.refusals) + ". Nothing was uploaded.")
    if not plan.files:
        raise ReportError("The release plan names no file. Materialize hub_release first.")
    altered = [f"{f.repository} {f.path}" for f in plan.files if sha256_file(_source(f, locate)) != f.sha256]
    if altered:
        raise ReportError(f"Altered since the plan was made: {', '.join(altered)}. Run verify; nothing was uploaded.")
    try:
        import httpx2
        from huggingface_hub import CommitOperationAdd, HfApi
    except ModuleNotFoundError as error:
        raise ReportError("Publication needs `huggingface_hub`: install codelewm_assets[hub].") from error
    try:
        return _upload(plan, locate, HfApi(token=token), CommitOperationAdd)
    except httpx2.HTTPError as error:
        raise ReportError(f"The Hub cannot be reached or refused: {error}. Nothing after this was uploaded.") from error


def _source(file: PlannedFile, locate: Mapping[str, Path]) -> Path:
    return locate[file.digest] / file.path.removeprefix(f"{file.artifact_id.split('[')[0]}/")


def _upload(plan: ReleasePlan, locate: Mapping[str, Path], api: Any, operation: Any) -> list[str]:
    commits = []
    for repository in sorted({file.repository for file in plan.files}):
        files = [file for file in plan.files if file.repository == repository]
        kind = files[0].repository_type
        api.create_repo(repository, repo_type=kind, exist_ok=True, private=True)
        operations = [operation(path_in_repo=f.path, path_or_fileobj=str(_source(f, locate))) for f in files]
        done = api.create_commit(repository, operations, commit_message="Publish verified artifacts", repo_type=kind)
        commits.append(str(done.commit_url))
    return commits
