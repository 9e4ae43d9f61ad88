"""Rules on stored artifacts: that they are stored, byte for byte as they were written."""

from collections.abc import Sequence

from codelewm_assets.core.errors import StoreError
from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import kind_and_partition
from codelewm_assets.core.records import Finding
from codelewm_assets.store.store import ArtifactStore


def verified(rule: str, store: ArtifactStore, named: Sequence[tuple[str, str]]) -> Finding:
    """Whether stored artifacts are as their manifests say. Args: named: artifact id and digest of each."""
    bad = []
    for name, digest in named:
        kind, partition = kind_and_partition(name)
        try:
            artifact = store.load(kind, digest, partition=partition)
        except StoreError as error:
            bad.append(str(error))
            continue
        bad += [f"{fault.artifact} {fault.file}: {fault.found[:12]}" for fault in store.verify(artifact)]
    return finding(
        rule,
        bad,
        blocker="manifest_mismatch",
        message="All bytes are as written.",
        figures={"artifacts": len(named)},
    )
