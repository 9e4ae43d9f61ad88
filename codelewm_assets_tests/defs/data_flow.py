"""The graph as text: assets with partitions, pool, parents and checks, then jobs, schedules and sensors.

`make flow` writes `data_flow.txt` from it.
"""

import dagster as dg

from codelewm_assets.defs.artifact_asset import GATED_BY, STAGES
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.defs.jobs import BUILD_ORDER


def data_flow() -> str:
    """One block per asset, in the order of the stages."""
    defs = build_defs()
    graph = defs.resolve_asset_graph()
    order = list(STAGES)
    lines = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda k: (order.index(str(graph.get(k).group_name)), k)):
        node = graph.get(key)
        pools = "".join(f" pool {pool}" for pool in sorted(node.pools or ()))
        aged = " freshness" if node.freshness_policy is not None else ""
        lines.append(f"{node.group_name} / {key.to_user_string()} [{_partitions(node.partitions_def)}]{pools}{aged}")
        gating = GATED_BY.get(key.to_user_string(), set())  # an observed source has no parents
        for parent in (parent.to_user_string() for parent in sorted(node.parent_keys)):
            lines.append(f"  {'gated by' if parent in gating else 'from'} {parent}")
        for check in sorted(node.check_keys):
            kind = "blocking check" if graph.get(check).blocking else "check"
            lines.append(f"  {kind} {check.name}")
    for step in BUILD_ORDER:
        names = sorted(key.to_user_string() for key in step.assets.resolve(graph))
        lines.append(f"job {step.job}: {', '.join(names)} × {len(step.partitions)}")
    lines += [f"schedule {own.name}: {own.job_name}, {own.default_status.value}" for own in defs.schedules or ()]  # type: ignore[union-attr]
    lines += [f"sensor {own.name}: {own.default_status.value}" for own in defs.sensors or ()]
    return "\n".join(lines) + "\n"


def _partitions(partitions: dg.PartitionsDefinition | None) -> str:
    if partitions is None:
        return "-"
    return ", ".join(partitions.get_partition_keys())


if __name__ == "__main__":
    print(data_flow(), end="")
