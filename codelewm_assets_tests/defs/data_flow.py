"""The graph as text: per asset its group, partitions, parents and checks. `make flow` writes `data_flow.txt` from it."""

import dagster as dg

from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.defs.stages import STAGES


def data_flow() -> str:
    """One block per asset, in the order of the stages."""
    graph = build_defs().resolve_asset_graph()
    order = list(STAGES)
    lines = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda k: (order.index(str(graph.get(k).group_name)), k)):
        node = graph.get(key)
        lines.append(f"{node.group_name} / {key.to_user_string()} [{_partitions(node.partitions_def)}]")
        lines += [f"  from {parent.to_user_string()}" for parent in sorted(node.parent_keys)]
        for check in sorted(node.check_keys):
            kind = "blocking check" if graph.get(check).blocking else "check"
            lines.append(f"  {kind} {check.name}")
    return "\n".join(lines) + "\n"


def _partitions(partitions: dg.PartitionsDefinition | None) -> str:
    if partitions is None:
        return "-"
    if isinstance(partitions, dg.MultiPartitionsDefinition):
        return " x ".join(dimension.name for dimension in partitions.partitions_defs)
    return ", ".join(partitions.get_partition_keys())


if __name__ == "__main__":
    print(data_flow(), end="")
