"""The latest gates, for the commands that show them or judge by them."""

import os
from pathlib import Path
from typing import Any

from codelewm_assets.commands.base import open_instance, open_store

PAGES = (("results_report", "results_report.md"), ("review_site", "index.html"))


def print_gates(instance: Any, store: Any, console: Any) -> None:
    """The tables of gates and claims, and where the report lies."""
    from codelewm_assets.claims.records import ClaimGates
    from codelewm_assets.defs.plumbing import latest_version
    from codelewm_assets.display import print_table
    from codelewm_assets.release.results_report import reasons_text

    version = latest_version(instance, "claim_gates")
    if version is None:
        print("No gates: claim_gates has not been materialized.")
        return
    gates = ClaimGates.model_validate(store.load("claim_gates", version).read_json("claim_gates.json"))
    print_table(
        console,
        "Gates",
        ["gate", "state", "reasons"],
        [[g.gate, g.state, reasons_text(g.reasons)] for g in gates.gates],
    )
    print_table(console, "Claims", ["claim", "status"], [[c.sentence, c.status] for c in gates.claims])
    for kind, name in PAGES:
        version = latest_version(instance, kind)
        if version is not None:
            print(f"{kind}: {store.load(kind, version).path(name)}")


def gates_shown(instance: Any, store: Any) -> dict[str, Any]:
    """`{claim_gates, results_report, review_site}`: the gates as they are stored and where pages lie; None where there are none."""
    from codelewm_assets.defs.plumbing import latest_version

    shown: dict[str, Any] = {}
    for kind, name in (("claim_gates", "claim_gates.json"), *PAGES):
        version = latest_version(instance, kind)
        artifact = None if version is None else store.load(kind, version)
        if artifact is None:
            shown[kind] = None
        else:
            shown[kind] = artifact.read_json(name) if kind == "claim_gates" else str(artifact.path(name))
    return shown


def latest_gates() -> tuple[Any, str | None]:
    """The latest gates and their digest; (None, None) where none were judged, or there is no instance to ask."""
    from codelewm_assets.claims.records import ClaimGates
    from codelewm_assets.defs.plumbing import latest_version

    if "DAGSTER_HOME" not in os.environ and not Path("dagster.yaml").is_file():
        return None, None
    version = latest_version(open_instance(), "claim_gates")
    if version is None:
        return None, None
    return ClaimGates.model_validate(open_store().load("claim_gates", version).read_json("claim_gates.json")), version


def gates_line(gates: Any, digest: str | None) -> str:
    """Which claims are open, and by which gates, in one line."""
    from codelewm_assets.claims.register import CLAIMS

    if gates is None:
        names = ", ".join(claim.claim_id for claim in CLAIMS)
        return f"There is no claim_gates here: every claim counts as CLOSED ({names})."
    is_open = [claim.claim_id for claim in gates.claims if claim.status == "OPEN"]
    return f"By claim_gates {str(digest)[:12]}, OPEN: {', '.join(is_open) or 'none'}."
