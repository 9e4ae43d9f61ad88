"""The state of every check of the graph, for the `status` command."""

import dagster as dg

from codelewm_assets.defs.assemble import STAGE_MODULES
from codelewm_assets.defs.guards import CheckStatus, check_status


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
