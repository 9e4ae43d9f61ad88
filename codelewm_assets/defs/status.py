"""The state of every check of the graph, for the `status` command."""

from typing import Any

import dagster as dg

from codelewm_assets.core.store import ArtifactStore
from codelewm_assets.defs.assemble import STAGE_MODULES
from codelewm_assets.defs.guards import CheckStatus, check_status
from codelewm_assets.defs.plumbing import latest_version


def check_statuses(instance: dg.DagsterInstance) -> list[CheckStatus]:
    """One row per check and partition, in the order of the stages."""
    partitions = {
        asset.key: asset.partitions_def.get_partition_keys() if asset.partitions_def else [None]
        for module in STAGE_MODULES
        for asset in module.ASSETS
    }
    return [
        check_status(instance, key.asset_key.to_user_string(), key.name, partition)
        for module in STAGE_MODULES
        for check in module.CHECKS
        for key in check.check_keys
        for partition in partitions[key.asset_key]
    ]


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
