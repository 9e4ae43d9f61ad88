"""`codelewm_assets.artifact_manifest.v2`: files, parents, configuration and digest of an artifact.

Until 0.2.0 manifests had the schema id `codelewm.artifact_manifest.v1`, which is CodeLeWM's own and has another shape
(`published/forms.py`). The fields are the same under both ids. The id is in the digest, and not in cache keys: stored artifacts
keep their data versions and are reused.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from codelewm_assets.core.digests import digest_of
from codelewm_assets.core.errors import ManifestError

SCHEMA: Literal["codelewm_assets.artifact_manifest.v2"] = "codelewm_assets.artifact_manifest.v2"
NOT_IN_DIGEST = {"created_at", "source_git_sha", "command"}
COMMIT = re.compile(r"[0-9a-f]{40}|unknown")


def inside_the_root(path: str) -> str:
    """The path itself. Raises: ValueError: it is absolute, empty or leaves its root."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or path in ("", "."):
        raise ValueError(f"path {path!r} leaves the artifact's folder; expected a relative path inside it")
    return path


class ManifestFile(BaseModel):
    """One file of an artifact; `path` is relative to the artifact's folder and stays inside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    path: Annotated[str, AfterValidator(inside_the_root)]
    sha256: str
    bytes: int


class Manifest(BaseModel):
    """The manifest beside an artifact's files."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal["codelewm_assets.artifact_manifest.v2", "codelewm.artifact_manifest.v1"] = SCHEMA
    artifact_id: str  # asset key, or asset key[partition]
    artifact_kind: str  # asset key
    created_at: str  # ISO 8601, UTC
    source_git_sha: str
    command: str
    config_sha256: str
    parent_artifacts: dict[str, str]  # artifact_id → digest
    files: tuple[ManifestFile, ...]
    metadata: dict[str, Any]

    @property
    def digest(self) -> str:
        """Hex sha256 over all fields but `NOT_IN_DIGEST`: the artifact's data version."""
        return digest_of(self.model_dump(mode="json", exclude=NOT_IN_DIGEST))

    @property
    def created(self) -> datetime | None:
        """`created_at` as a time; None: it is not an ISO 8601 time in UTC."""
        with suppress(ValueError):
            instant = datetime.fromisoformat(self.created_at)
            if instant.utcoffset() == timedelta(0):
                return instant
        return None

    def malformed(self) -> Iterator[tuple[str, str, str]]:
        """(field, value found, form expected) of each field that is not in the digest and has the wrong form.

        The digest does not cover these fields, so an altered value of the right form is not detected.
        """
        if self.created is None:
            yield "created_at", self.created_at, "an ISO 8601 time in UTC"
        if not COMMIT.fullmatch(self.source_git_sha):
            yield "source_git_sha", self.source_git_sha, "a commit of 40 hexadecimal digits, or unknown"
        if not all(character.isprintable() for character in self.command):
            yield "command", self.command, "one line of printable text"


def parse_manifest(text: str, *, where: str) -> Manifest:
    """Read a manifest. Raises: ManifestError: unknown keys, wrong schema, or a path outside the root."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        if any(e["loc"] == ("parent_artifacts",) and isinstance(e["input"], list) for e in error.errors()):
            raise ManifestError(
                f"{where}: a manifest of CodeLeWM, whose parents are a list; this store holds manifests of {SCHEMA}. "
                "`codelewm-assets recheck` judges it."
            ) from error
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ManifestError(f"{where}: not a {SCHEMA} manifest ({faults}). Rebuild the artifact.") from error
