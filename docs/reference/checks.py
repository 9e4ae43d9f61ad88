"""The page of checks: what holds when each is green, what it is on, what its red holds back, and what its entry shows."""

from typing import Any

import dagster as dg

from codelewm_assets.claims.register import GATE_RULES
from codelewm_assets.defs.artifact_asset import STAGES
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.defs.guards import BLOCKING_CHECKS
from codelewm_assets.defs.status import GATE_OF_CHECK
from codelewm_assets.preflight.clearance import REQUIRED_RULES
from codelewm_assets.preflight.contracts.suites import CONTRACTS, Contract
from docs.reference.markdown import code, codes, page, table

INTRO = """# Checks

Written from the definitions when this site is built. The sentence under each heading is the check's description in the UI: it
is true when the check is green. [How a reviewer reads a check](../how-to/reviewer.md) shows where it stands there.

- **Blocking**: red holds back the later steps of the same run. **Warning**: red is shown and holds nothing back.
- **Gates training**: [the guard](../guard.md) refuses to train on any route while it is not green on exactly the data. **Required
  by name**: it also stands in the written list `REQUIRED_RULES`, so the guard notices when it is taken out of the code."""


def anchor(key: dg.AssetCheckKey) -> str:
    """The place of the check on this page."""
    return f"{key.asset_key.to_user_string()}-{key.name}"


def checks_page() -> str:
    """One section an asset that has checks, in the order of the stages."""
    graph = build_defs().resolve_asset_graph()
    stages = list(STAGES)
    nodes = sorted((graph.get(key) for key in graph.get_all_asset_keys()),
                   key=lambda node: (stages.index(str(node.group_name)), node.key))  # fmt: skip
    blocks = [INTRO, table(("check", "asset", "kind", "gates training"), [
        (f"[`{key.name}`](#{anchor(key)})", code(key.asset_key.to_user_string()), _kind(graph.get(key)), _gates(key))
        for node in nodes for key in sorted(node.check_keys)
    ])]  # fmt: skip
    for node in nodes:
        if node.check_keys:
            blocks.append(f"## On {code(node.key.to_user_string())}")
            blocks += [block for key in sorted(node.check_keys) for block in _check(graph.get(key))]
    return page(*blocks)


def _check(check: Any) -> list[str]:
    asset, name = check.key.asset_key.to_user_string(), check.key.name
    required = [rule for rule in REQUIRED_RULES if rule.partition("[")[0] == name and (asset, name) in BLOCKING_CHECKS]
    rows = [
        ("kind", _kind(check)),
        ("gates training", _gates(check.key) + (", required by name" if required else "")),
        ("partitions", _partitions(check.partitions_def)),
    ]
    if name in GATE_OF_CHECK:
        rows.append(("shows the gate", code(GATE_OF_CHECK[name])))
    thresholds = [
        (text, f"{found.value:g}", found.fixed_on, found.source)
        for rule in GATE_RULES if rule.name == GATE_OF_CHECK.get(name) for text, found in rule.thresholds
    ]  # fmt: skip
    contract = next((c for c in CONTRACTS if (c.asset, c.rule) == (asset, name)), None)
    return [
        f"### {code(name)} {{ #{anchor(check.key)} }}",
        check.description or "",
        table(("", ""), rows),
        table(("threshold", "value", "fixed on", "by"), thresholds),
        _contract(contract) if contract else "",
    ]


def _contract(contract: Contract) -> str:
    rows = [
        ("file", code(contract.file)),
        ("record", f"[`{contract.model.__name__}`](records.md#{contract.model.__name__.lower()})"),
    ]
    rows += [("names one row", codes(key)) for key in contract.keys]
    rows += [(f"{code(column)} is one of", code(parent)) for column, parent in contract.references.items()]
    rows += [(f"{code(column)} matches", code(pattern)) for column, pattern in contract.patterns.items()]
    rows += [(f"{code(column)} is one of", codes(values)) for column, values in contract.choices.items()]
    rows += [(f"{code(column)} lies in", f"{low:g} … {'∞' if high is None else f'{high:g}'}")
             for column, (low, high) in contract.ranges.items()]  # fmt: skip
    return table(("contract", ""), rows)


def _kind(check: Any) -> str:
    return "blocking" if check.blocking else "warning"


def _gates(key: dg.AssetCheckKey) -> str:
    return "yes" if (key.asset_key.to_user_string(), key.name) in BLOCKING_CHECKS else "no"


def _partitions(partitions: dg.PartitionsDefinition | None) -> str:
    if partitions is None:
        return "none: one result"
    return "a result for each of " + codes(partitions.get_partition_keys())
