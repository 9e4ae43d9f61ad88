"""The claims page: every reason of each claim, where report and overview show only the first ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import Cell, render, table
from codelewm_assets.release.report_records import NO_SEED


def claims_page(records: Records) -> str:
    """Each claim with the gates that it needs and every reason, then each gate by seed, as Markdown."""
    claims, gates = [records.at(f"claim.{name}") for name in records.keys("claim")], records.keys("gate")
    states = {gate: records.at(("gate", gate, "state")) for gate in gates}

    def with_states(names: Sequence[str]) -> str:
        return ", ".join(f"{name} {states.get(name, 'not judged')}" for name in names)

    def shown(claim: Mapping[str, Any]) -> dict[str, Any]:
        needs = with_states(claim["needs"])
        if claim["needs_one_of"]:
            needs += f"; one of {with_states(claim['needs_one_of'])}"
        return {**claim, "needs": needs, "reasons": _every_reason(claim["reasons"])}

    return render(
        "all_claims.md.j2",
        open=sum(claim["status"] == "OPEN" for claim in claims),
        rows=[shown(claim) for claim in claims],
        gates=[_gate(records, gate) for gate in gates],
    )


def _gate(records: Records, name: str) -> dict[str, str]:
    value = records.at(("gate", name))
    seeds: list[list[Cell]] = [
        ["all" if seed == NO_SEED else seed, row["state"], ", ".join(f"{k} {v:.4g}" for k, v in row["figures"].items())]
        for seed, row in value["seed"].items()
    ]
    count = len(value["reasons"])
    return {
        "name": name,
        "state": value["state"],
        "summary": f"{count} reasons against it" if count else "no reason against it",
        "seeds": table(["seed", "state", "figures"], seeds),
        "reasons": _every_reason(value["reasons"]) if count else "",
    }


def _every_reason(reasons: Sequence[Mapping[str, Any]]) -> str:
    """A row per reason and a column per field that reasons have."""
    names = list(dict.fromkeys(name for reason in reasons for name in reason))
    return table(names, [[reason.get(name) for name in names] for reason in reasons])
