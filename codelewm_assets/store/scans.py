"""Secrets in stored artifacts: pattern findings are cached; values of environment variables are scanned for each time."""

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from codelewm_assets.core.digests import sha256_unchanged
from codelewm_assets.core.secret_scanner import SCANNED, pattern_findings, scanner_version, variable_findings
from codelewm_assets.core.secrets import secret_variables
from codelewm_assets.store.manifest import ManifestFile
from codelewm_assets.store.store import Artifact, ArtifactStore


def secrets_in_files(
    store: ArtifactStore, artifact: Artifact, is_scanned: Callable[[ManifestFile], bool] = lambda file: True
) -> list[str]:
    """`file:line kind` of every finding in the text files of an artifact, as they are now."""
    paths = {
        file.path: artifact.path(file.path)
        for file in artifact.manifest.files
        if PurePosixPath(file.path).suffix in SCANNED and is_scanned(file)
    }
    digests = {name: sha256_unchanged(path) for name, path in paths.items()}
    return secrets_in(store, artifact, {"files": digests}, lambda: paths)


def secrets_in(
    store: ArtifactStore, artifact: Artifact, key: Mapping[str, object], read: Callable[[], Mapping[str, str | Path]]
) -> list[str]:
    """`name:line kind` of every finding in texts that come from an artifact; the secret itself is not repeated.

    Args:
        key: everything besides the artifact's digest that determines the texts.
        read: the texts by name, or their files; not called when nothing has to be scanned.
    """
    full_key = {"name": "secret_patterns", "scanner": scanner_version(), **key}
    findings: list[str] | None = store.findings.read(artifact.digest, full_key)
    if findings is None:
        findings = pattern_findings(read())
        store.findings.write(artifact.digest, full_key, findings)
    return [*findings, *(variable_findings(read()) if secret_variables() else ())]
