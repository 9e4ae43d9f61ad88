"""The latest gates, for commands that show or use them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelewm_assets.commands.base import open_instance, open_store
from codelewm_assets.commands.latest import PAGES, latest_pages, page_lines
from codelewm_assets.core.errors import StoreError

if TYPE_CHECKING:
    from codelewm_assets.claims.verdicts import ClaimGates


def print_gates(instance: Any, store: Any, console: Any) -> None:
    """Print the claims, OPEN ones first, the gates with a sentence each, and the paths of report and review site."""
    from codelewm_assets.claims.headline import headline
    from codelewm_assets.commands.gate_sentences import gate_sentence
    from codelewm_assets.display import print_table

    gates, _ = verified_gates(instance, store)
    if gates is None:
        print("No gates: claim_gates has not been materialized.")
        return
    print(headline(gates))
    claims = sorted(gates.claims, key=lambda claim: claim.status != "OPEN")
    print_table(console, "Claims", ["claim", "status"], [[c.sentence, c.status] for c in claims])
    rows = [[gate.gate, gate.state, gate_sentence(gate)] for gate in gates.gates]
    print_table(console, "Gates", ["gate", "state", "why"], rows)
    for line in page_lines(instance, store):
        print(line)


def gates_json(instance: Any, store: Any) -> dict[str, Any]:
    """`{claim_gates, results_report, review_site}`: the verified gates and the paths of pages; None where absent."""
    gates, _ = verified_gates(instance, store)
    latest = latest_pages(instance, store)
    pages = {kind: str(latest[kind].path(name)) if latest[kind] else None for kind, name in PAGES}
    return {"claim_gates": gates.model_dump(mode="json") if gates else None, **pages}


def verified_gates(instance: Any, store: Any) -> "tuple[ClaimGates | None, str | None]":
    """The latest gates and their digest; (None, None): never materialized.

    The bytes of `claim_gates` and of its lineage are verified. If one of these artifacts is missing or damaged, every gate is
    UNDECIDED and every claim CLOSED, with that reason.
    Raises: StoreError: claim_gates itself is missing or damaged.
    """
    from codelewm_assets.claims.verdicts import ClaimGates, Reason
    from codelewm_assets.defs.inputs import latest_version

    version = latest_version(instance, "claim_gates")
    if version is None:
        return None, None
    artifact = store.load("claim_gates", version)
    if faults := list(store.verify(artifact)):
        raise StoreError(
            f"{faults[0].artifact} is damaged: {faults[0].file} is {faults[0].found}, expected {faults[0].wanted}. No claim "
            "is OPEN; build again."
        )
    gates = ClaimGates.model_validate(artifact.read_json("claim_gates.json"))
    try:
        details = [
            f"{fault.artifact} {fault.file} is {fault.found}, expected {fault.wanted}"
            for digest, parent in store.lineage(artifact).items()
            if digest != version  # claim_gates itself is verified
            for fault in store.verify(parent)
        ]
    except StoreError as error:
        details = [str(error)]
    if not details:
        return gates, version
    reasons = tuple(Reason(code="evidence_does_not_verify", detail=detail) for detail in details)
    undecided = {"state": "UNDECIDED", "reasons": reasons, "seeds": ()}
    closed = {"status": "CLOSED", "reasons": reasons}
    return gates.model_copy(
        update={
            "gates": tuple(gate.model_copy(update=undecided) for gate in gates.gates),
            "claims": tuple(claim.model_copy(update=closed) for claim in gates.claims),
        }
    ), version


def latest_gates() -> "tuple[ClaimGates | None, str | None]":
    """`verified_gates` of the instance and store of the environment; (None, None) without an instance."""
    if "DAGSTER_HOME" not in os.environ and not Path("dagster.yaml").is_file():
        return None, None
    return verified_gates(open_instance(), open_store())


def gates_line(gates: Any, digest: str | None) -> str:
    """One line with the open claims and the digest of `claim_gates`."""
    from codelewm_assets.claims.register import CLAIMS

    if gates is None:
        names = ", ".join(claim.claim_id for claim in CLAIMS)
        return f"No claim_gates here: every claim counts as CLOSED ({names})."
    is_open = [claim.claim_id for claim in gates.claims if claim.status == "OPEN"]
    return f"By claim_gates {str(digest)[:12]}, OPEN: {', '.join(is_open) or 'none'}."
