"""A recipe: what fixes an artifact's bytes, known before it is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codelewm_assets.core.digests import digest_of
from codelewm_assets.core.ids import artifact_id


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What fixes an artifact's bytes: its name, its parents' digests, its configuration and its code version."""

    kind: str
    partition: str | None
    parents: Mapping[str, str]
    config: Mapping[str, Any]
    code_version: str

    @property
    def artifact_id(self) -> str:
        """`kind`, or `kind[partition]`."""
        return artifact_id(self.kind, self.partition)

    @property
    def config_sha256(self) -> str:
        """Digest of the configuration and code version."""
        return digest_of({"config": dict(self.config), "code_version": self.code_version})

    @property
    def digest(self) -> str:
        """Digest of the whole recipe."""
        return cache_key_digest(self.artifact_id, self.parents, self.config_sha256)


def cache_key_digest(artifact_id: str, parents: Mapping[str, str], config_sha256: str) -> str:
    """Key of a recipe, from what the manifest of its artifact says too."""
    return digest_of({"id": artifact_id, "parents": dict(parents), "config_sha256": config_sha256})
