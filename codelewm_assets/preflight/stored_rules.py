"""Rules on stored artifacts: each is stored, byte for byte as it was written."""

from collections.abc import Sequence

from codelewm_assets.core.errors import StoreError
from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import kind_and_partition
from codelewm_assets.core.records import Finding
from codelewm_assets.store.store import ArtifactStore


def verified(rule: str, store: ArtifactStore, named: Sequence[tuple[str, str]]) -> Finding:
    """The finding of a rule that artifacts are stored with the bytes of their manifests.

    Args:
        rule: its name.
        named: artifact id and digest of each artifact.
    """
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
