"""Cache key of an artifact: everything that determines its bytes, known before it is built."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codelewm_assets.core.digests import digest_of
from codelewm_assets.core.ids import artifact_id


@dataclass(frozen=True, slots=True)
class CacheKey:
    """Name, parents' digests, configuration and code version of an artifact."""

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
        """Digest of all fields."""
        return cache_key_digest(self.artifact_id, self.parents, self.config_sha256)


def cache_key_digest(artifact_id: str, parents: Mapping[str, str], config_sha256: str) -> str:
    """Digest of a cache key, from fields that the artifact's manifest holds too."""
    return digest_of({"id": artifact_id, "parents": dict(parents), "config_sha256": config_sha256})
