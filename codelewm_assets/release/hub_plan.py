"""`release_plan.json`: which file goes where on the Hub, the tag of it all, and what stands against it.

Reasons are found in `hub_blockers`, and the upload is in `hub_upload`.
"""

from collections.abc import Mapping
from typing import Any, Literal

from codelewm_assets.core.digests import canonical_json, digest_of, sha256_bytes
from codelewm_assets.core.records import Record
from codelewm_assets.release.hub_layout import CARD, RUN, UNPUBLISHED, Place, RepositoryType
from codelewm_assets.release.markdown import render
from codelewm_assets.store.manifest import NOT_IN_DIGEST
from codelewm_assets.store.store import Artifact

MANIFEST, GENERATED = "manifest.json", "hub_release"
Reason = Literal[
    "artifact_missing",
    "card_missing",
    "manifest_mismatch",
    "mixed_versions",
    "secret_found",
    "overclaim",
    "audit_out_of_date",
    "checkpoint_not_inspected",
    "checkpoint_not_finite",
    "unexpected_file",
    "altered_since_plan",
    "plan_out_of_date",
]


class Blocker(Record):
    """A typed reason against a release, and what was found."""

    reason: Reason
    detail: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class PlannedFile(Record):
    """One file: where it goes, what it is, and where it lies."""

    repository: str  # its name without the namespace
    repository_type: RepositoryType
    path: str
    sha256: str
    bytes: int
    artifact_id: str  # whose file it is
    digest: str | None  # of that artifact; None: the plan's own
    source: str  # path in that artifact's folder, or among the plan's own files
    is_generated: bool = False  # it lies among the plan's own files


class Total(Record):
    """What one repository gets."""

    repository: str
    repository_type: RepositoryType
    file_count: int
    bytes: int


class ReleasePlan(Record):
    """What would go to the Hub, and every reason against it."""

    schema_version: Literal["codelewm.release_plan.v2"] = "codelewm.release_plan.v2"
    files: tuple[PlannedFile, ...]
    refusals: tuple[Blocker, ...]

    @property
    def tag(self) -> str:
        """`v` and twelve hex digits of the digest over every file's repository, path and sha256: the content alone."""
        return "v" + digest_of(sorted([file.repository, file.path, file.sha256] for file in self.files))[:12]

    @property
    def totals(self) -> list[Total]:
        """Files and bytes of each repository, by name."""
        kinds = {file.repository: file.repository_type for file in self.files}
        sizes = {name: [file.bytes for file in self.files if file.repository == name] for name in sorted(kinds)}
        return [
            Total(repository=name, repository_type=kinds[name], file_count=len(file_sizes), bytes=sum(file_sizes))
            for name, file_sizes in sizes.items()
        ]


def published_manifest(artifact: Artifact) -> bytes:
    """The manifest as it is published: what its digest is over, so that the sha256 of this file is the artifact's digest.

    When, from which commit and by which command it was made are left out, as they are from the digest.
    """
    return canonical_json(artifact.manifest.model_dump(mode="json", exclude=NOT_IN_DIGEST))


def planned_files(released: Mapping[Place, Artifact]) -> tuple[tuple[PlannedFile, ...], dict[str, bytes]]:
    """Every file of a release, sorted by repository and path, and the plan's own files among them by name."""
    generated, rows = dict[str, bytes](), list[PlannedFile]()
    for place, artifact in released.items():
        of_artifact: dict[str, Any] = {
            "repository": place.repository, "repository_type": place.repository_type,
            "artifact_id": place.artifact_id, "digest": artifact.digest,
        }  # fmt: skip
        for file in artifact.manifest.files:
            if (path := place.path_of(file.path)) is not None:
                rows.append(
                    PlannedFile(**of_artifact, path=path, source=file.path, sha256=file.sha256, bytes=file.bytes)
                )
        if not place.part:  # the whole artifact lies elsewhere, with its manifest
            name = f"manifests/{artifact.digest}.json"
            generated[name] = published_manifest(artifact)
            rows.append(_generated(name, generated[name], path=place.path_of(MANIFEST), **of_artifact))
    if released:
        cards = sorted(
            (p.artifact_id, p.repository, f"{p.folder}/" if p.folder else "the root", a.digest, len(a.manifest.files))
            for p, a in released.items()
            if not p.part
        )
        generated["run_card.md"] = render("run_card.md.j2", rows=cards, left_out=UNPUBLISHED).encode("utf-8")
        rows.append(_generated("run_card.md", generated["run_card.md"], repository=RUN, repository_type="dataset", path=CARD,
                               artifact_id=GENERATED, digest=None))  # fmt: skip
    return tuple(sorted(rows, key=lambda row: (row.repository, row.path))), generated


def _generated(name: str, data: bytes, **fields: Any) -> PlannedFile:
    written = {"source": name, "is_generated": True, "sha256": sha256_bytes(data), "bytes": len(data)}
    return PlannedFile.model_validate(fields | written)
