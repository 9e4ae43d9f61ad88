"""`status`: the latest check results and gates."""

import argparse
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict

from codelewm_assets.commands.base import command, open_instance, open_store, print_json
from codelewm_assets.commands.gates import print_gates, verified_gates


@command("status --json", "Latest check results and gates, a row each.")
def run(options: argparse.Namespace) -> int:
    from rich.console import Console

    from codelewm_assets.defs.assemble import listing
    from codelewm_assets.defs.status import check_statuses, gate_statuses, latest_artifacts
    from codelewm_assets.display import print_table

    instance, store = open_instance(), open_store()
    graph = listing()
    gates, _ = verified_gates(instance, store)
    rows, gate_rows = check_statuses(instance, graph), gate_statuses(instance, gates)
    if options.json:
        checks = [
            {"asset": r.asset, "check": r.check, "partition": r.partition, "state": r.state, "detail": r.detail,
             "figures": dict(r.figures)}
            for r in rows
        ]  # fmt: skip
        assets = latest_artifacts(instance, store, graph)
        payload = {"assets": assets, "checks": checks, "gates": [asdict(row) for row in gate_rows],
                   "claim_gates": gates.model_dump(mode="json") if gates else None}  # fmt: skip
        print_json(payload)
        return 0
    console = Console()
    print_table(console, "Checks", ["asset", "partition", "check", "state", "detail"],
                [[r.asset, r.partition, r.check, r.state, r.detail] for r in rows])  # fmt: skip
    print(f"{counted('checks', (r.state for r in rows))}. {counted('gates', (r.state for r in gate_rows))}.")
    print_gates(instance, store, console)
    return 0


def counted(what: str, states: Iterable[str]) -> str:
    """`36 checks: 34 GREEN, 2 RED`."""
    counts = Counter(states)
    return f"{counts.total()} {what}: " + ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
