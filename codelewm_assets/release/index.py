"""The artifact index: every artifact that the report and the cards rest on, with digests, files and parents."""

from collections.abc import Callable, Mapping
from typing import Any

from codelewm_assets.release.markdown import Cell, table
from codelewm_assets.store.manifest import NOT_IN_DIGEST, Manifest


def index_rows(manifests: Mapping[str, Manifest]) -> dict[str, Any]:
    """`artifact_index.json`: digest → the manifest without when, where and how it was made."""
    return {digest: found.model_dump(mode="json", exclude=NOT_IN_DIGEST) for digest, found in manifests.items()}


def artifact_index(manifests: Mapping[str, Manifest], *, link: Callable[[Manifest, str], str] | None = None) -> str:
    """A row per artifact, then a row per file.

    Args: manifests: digest → manifest. link: manifest and digest → address of its own page; without it names are plain.
    """

    def name(manifest: Manifest, digest: str) -> str:
        shown = manifest.artifact_id.replace("[", "\\[").replace("]", "\\]")
        return f"[{shown}]({link(manifest, digest)})" if link else manifest.artifact_id

    ordered = sorted(manifests.items(), key=lambda item: (item[1].artifact_id, item[0]))
    artifacts: list[list[Cell]] = [
        [name(m, digest), digest, len(m.files), sum(file.bytes for file in m.files), len(m.parent_artifacts)]
        for digest, m in ordered
    ]
    files: list[list[Cell]] = [
        [m.artifact_id, file.path, file.sha256, file.bytes] for _, m in ordered for file in m.files
    ]
    return "\n".join(
        [
            "# Artifacts\n",
            "The digest is the artifact's data version: it is over its files, parents and configuration.\n",
            table(["artifact", "digest", "files", "bytes", "parents"], artifacts),
            "## Files\n",
            table(["artifact", "file", "sha256", "bytes"], files),
        ]
    )
