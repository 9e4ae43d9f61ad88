"""The graph as the Mermaid diagram of README.md: its stages, and of its edges those that no longer path implies.

`make flow` writes it there.
"""

from collections.abc import Mapping
from pathlib import Path

from codelewm_assets.defs.artifact_asset import GATED_BY, SEEDED, STAGES
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets_tests.marked_section import write_section

PAGE = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- the graph, by make flow -->", "<!-- end of the graph -->"


def picture() -> str:
    """A `flowchart` with a box for each stage."""
    graph = build_defs().resolve_asset_graph()
    names = {key: key.to_user_string() for key in graph.get_all_asset_keys()}
    parents = {
        names[key]: {names[parent] for parent in graph.get(key).parent_keys} - GATED_BY.get(names[key], set())
        for key in names
    }
    lines = ["```mermaid", "flowchart TB"]
    for stage in STAGES:
        own = sorted(name for key, name in names.items() if graph.get(key).group_name == stage)
        lines.append(f"  subgraph {stage}")
        lines += [f'    {name}["{name}{", each seed" if name in SEEDED else ""}"]' for name in own if name in GATED_BY]
        lines.append("  end")
    lines += [f"  {parent} --> {name}" for name in sorted(parents) for parent in sorted(reduced(parents)[name])]
    return "\n".join([*lines, "```"]) + "\n"


def reduced(parents: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The parents of each node without those that are ancestors of another of its parents."""

    def ancestors(name: str) -> set[str]:
        return parents[name].union(*(ancestors(parent) for parent in parents[name]))

    return {name: own - set[str]().union(*map(ancestors, own)) for name, own in parents.items()}


if __name__ == "__main__":
    write_section(PAGE, BEGIN, END, picture())
