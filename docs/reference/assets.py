"""The page of assets: what each holds, its partitions, what it is made from, its pools and its checks."""

import dagster as dg

from codelewm_assets.defs.artifact_asset import GATED_BY, STAGES
from codelewm_assets.defs.assemble import build_defs
from docs.reference.checks import anchor
from docs.reference.markdown import code, codes, page, table

INTRO = """# Assets

Written from the definitions when this site is built. Groups are the stages, in the order of the graph. "Made from" names the
direct parents only, which are those in its manifest; "gated by" what must be there or green first and is not read. In the UI,
*View lineage* shows the rest."""


def assets_page() -> str:
    """One section a group, one a asset in it."""
    graph = build_defs().resolve_asset_graph()
    nodes = [graph.get(key) for key in sorted(graph.get_all_asset_keys())]
    blocks = [INTRO]
    for stage in dict.fromkeys([*STAGES, *sorted(str(node.group_name) for node in nodes)]):
        members = [node for node in nodes if node.group_name == stage]
        if members:
            blocks += [f"## Group {stage}", STAGES.get(stage, "")]
            for node in members:
                blocks += _asset(graph, node)
    return page(*blocks)


def partitions_in_words(partitions: dg.PartitionsDefinition | None) -> str:
    """The dimensions and their keys."""
    if partitions is None:
        return "none"
    if isinstance(partitions, dg.MultiPartitionsDefinition):
        return " × ".join(
            f"{d.name} ({codes(d.partitions_def.get_partition_keys())})" for d in partitions.partitions_defs
        )
    return codes(partitions.get_partition_keys())


def _asset(graph, node) -> list[str]:  # type: ignore[no-untyped-def]  # Dagster does not export the types of its graph
    parents, gating = _names(node.parent_keys), GATED_BY.get(node.key.to_user_string(), set())
    rows = [
        ("partitions", partitions_in_words(node.partitions_def)),
        ("made from", ", ".join(f"[`{name}`](#{name})" for name in parents if name not in gating) or "–"),
        *([("gated by", ", ".join(f"[`{name}`](#{name})" for name in sorted(gating)))] if gating else []),
        ("used by", ", ".join(f"[`{name}`](#{name})" for name in _names(node.child_keys)) or "–"),
        ("kinds", codes(sorted(node.kinds))),
        ("pools", codes(sorted(node.pools or ()))),
        ("code version", node.code_version or "–"),
        ("owners", codes(node.owners)),
        ("automation condition", "yes" if node.automation_condition else "no"),
    ]
    checks = [
        (f"[`{key.name}`](checks.md#{anchor(key)})", "blocking" if graph.get(key).blocking else "warning")
        for key in sorted(node.check_keys)
    ]
    name = node.key.to_user_string()
    return [f"### {code(name)}", node.description or "", table(("", ""), rows), table(("check", "kind"), checks)]


def _names(keys) -> list[str]:  # type: ignore[no-untyped-def]
    return sorted(key.to_user_string() for key in keys)
