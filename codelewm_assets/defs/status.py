"""The state of every check of the graph, and of the gates apart from them, for the `status` command."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dagster as dg

from codelewm_assets.defs.assemble import STAGE_MODULES
from codelewm_assets.defs.gate_checks import ASSET, GATE_OF_CHECK
from codelewm_assets.defs.guards import CheckStatus, check_status, statuses_of
from codelewm_assets.defs.plumbing import latest_version
from codelewm_assets.store.store import ArtifactStore


def check_statuses(instance: dg.DagsterInstance) -> list[CheckStatus]:
    """One row per check and partition, in the order of the stages, without the checks that only show a gate."""
    partitions = {
        asset.key: asset.partitions_def.get_partition_keys() if asset.partitions_def else [None]
        for module in STAGE_MODULES
        for asset in module.ASSETS
    }
    wanted = [
        (key.asset_key.to_user_string(), key.name, partition)
        for module in STAGE_MODULES
        for check in module.CHECKS
        for key in check.check_keys
        if key.name not in GATE_OF_CHECK
        for partition in partitions[key.asset_key]
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


def latest_artifacts(instance: dg.DagsterInstance, store: ArtifactStore) -> list[dict[str, Any]]:
    """`{asset, partition, digest, metadata}` of the latest artifact of each asset and partition that was materialized.

    Raises: StoreError: one that the instance knows is not in the store.
    """
    found = []
    for module in STAGE_MODULES:
        for asset in module.ASSETS:
            for partition in asset.partitions_def.get_partition_keys() if asset.partitions_def else [None]:
                kind = asset.key.to_user_string()
                digest = latest_version(instance, kind, partition)
                if digest is not None:
                    metadata = store.load(kind, digest, partition=partition).manifest.metadata
                    found.append({"asset": kind, "partition": partition, "digest": digest, "metadata": metadata})
    return found
