"""The state of every check of a graph, and of the gates apart from them. The graph is handed in as a `Listing`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import dagster as dg

from codelewm_assets.defs.gate_checks import ASSET, GATE_OF_CHECK
from codelewm_assets.defs.guards import CheckStatus, check_status, statuses_of
from codelewm_assets.defs.plumbing import latest_version
from codelewm_assets.store.store import ArtifactStore


class ListedAsset(NamedTuple):
    """An asset: its stage and its partitions, (None,) without any."""

    stage: str
    partitions: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """What a graph holds, in the order of its stages.

    Attributes:
        assets: by name.
        checks: (asset, check) → its sentence.
    """

    assets: Mapping[str, ListedAsset]
    checks: Mapping[tuple[str, str], str]

    @classmethod
    def of(cls, assets: Iterable[dg.AssetsDefinition], checks: Iterable[dg.AssetChecksDefinition]) -> "Listing":
        """The listing of these definitions, in their order."""
        specs = [spec for check in checks for spec in check.check_specs]
        return cls(
            {
                spec.key.to_user_string(): ListedAsset(
                    str(spec.group_name),
                    tuple(spec.partitions_def.get_partition_keys()) if spec.partitions_def else (None,),
                )
                for asset in assets
                for spec in asset.specs
            },
            {(spec.asset_key.to_user_string(), spec.name): (spec.description or "").strip() for spec in specs},
        )


def check_statuses(instance: dg.DagsterInstance, listing: Listing) -> list[CheckStatus]:
    """One row per check and partition, in the order of the listing, without the checks that only show a gate."""
    wanted = [
        (asset, check, partition)
        for asset, check in listing.checks
        if check not in GATE_OF_CHECK
        for partition in listing.assets[asset].partitions
    ]
    return statuses_of(instance, wanted)


@dataclass(frozen=True, slots=True)
class GateStatus:
    """What the check of a gate last said: HOLDS, FAILS or UNDECIDED, or why it says nothing of the latest `claim_gates`."""

    gate: str
    check: str
    state: str
    detail: str


def gate_statuses(instance: dg.DagsterInstance) -> list[GateStatus]:
    """One row per gate. A gate that does not hold is no red check: states other than the gate's own are the check's."""
    rows = []
    for check, gate in GATE_OF_CHECK.items():
        found = check_status(instance, ASSET, check)
        state = str(found.figures.get("state", found.state)) if found.state in ("GREEN", "RED") else found.state
        rows.append(GateStatus(gate, check, state, found.detail))
    return rows


def counted(what: str, states: Iterable[str]) -> str:
    """`36 checks: 34 GREEN, 2 RED`."""
    found = Counter(states)
    return f"{found.total()} {what}: " + ", ".join(f"{count} {state}" for state, count in sorted(found.items()))


def latest_artifacts(instance: dg.DagsterInstance, store: ArtifactStore, listing: Listing) -> list[dict[str, Any]]:
    """`{asset, partition, digest, metadata}` of the latest artifact of each asset and partition that was materialized.

    Raises: StoreError: one that the instance knows is not in the store.
    """
    found = []
    for kind, asset in listing.assets.items():
        for partition in asset.partitions:
            digest = latest_version(instance, kind, partition)
            if digest is not None:
                metadata = store.load(kind, digest, partition=partition).manifest.metadata
                found.append({"asset": kind, "partition": partition, "digest": digest, "metadata": metadata})
    return found
