"""Tiny records for the tests of release."""

from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.store.manifest import Manifest, ManifestFile
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.sidecar import Sidecar


def sidecar(seed: int = 42) -> Sidecar:
    """A sidecar of two folds."""
    return Sidecar(
        seed=seed, folds=(0, 1), config=TrainingConfig(), execution_pack="a" * 64, problem_splits="b" * 64,
        tokenized_pack="c" * 64, preflight_report="d" * 64, tokenizer_sha256={}, weights_sha256={},
        parameter_count=123456, encoder_may_have_seen_benchmarks="false", revision="test",
        versions={"torch": "9.8.7"}, device="cpu (test)",
    )  # fmt: skip


def manifest(artifact_id: str, files: dict[str, bytes], parents: dict[str, str] | None = None) -> Manifest:
    """A manifest of these files."""
    return Manifest(
        artifact_id=artifact_id, artifact_kind=artifact_id.split("[")[0], created_at="2026-01-01T00:00:00+00:00",
        source_git_sha="unknown", command="", config_sha256="0" * 64, parent_artifacts=parents or {},
        files=tuple(ManifestFile(path=n, sha256=sha256_bytes(data), bytes=len(data)) for n, data in files.items()),
        metadata={},
    )  # fmt: skip
