"""The register of gates and claims as the Markdown that stands in docs/claims.md. `make flow` writes it there."""

from pathlib import Path

from codelewm_assets.claims.register import CLAIMS, GATE_RULES, Claim, GateRule
from codelewm_assets.claims.verdicts import REASONS
from codelewm_assets_tests.marked_section import write_section

PAGE = Path(__file__).parents[2] / "docs" / "claims.md"
BEGIN, END = "<!-- from the register, by make flow -->", "<!-- end of the register -->"


def register_tables() -> str:
    """Gates with their thresholds, claims with their wordings, and codes of reasons with their conditions."""
    lines = ["| gate | holds when | seeds | benchmarks |", "|---|---|---|---|"]
    lines += [_gate(rule) for rule in GATE_RULES]
    lines += ["", "| gate | threshold | value | fixed on | by |", "|---|---|---|---|---|"]
    lines += [
        f"| {rule.name} | {name} | {found.value:g} | {found.fixed_on} | {found.source} |"
        for rule in GATE_RULES
        for name, found in rule.thresholds
    ]
    lines += [
        "",
        "| claim | wordings, each allowed only while the claim is OPEN | gates that it needs |",
        "|---|---|---|",
    ]
    lines += [_claim(claim) for claim in CLAIMS]
    lines += ["", "| code of a reason | says | true of it | its gate |", "|---|---|---|---|"]
    lines += [
        f"| `{code}` | {kind.meaning} | {kind.condition} | {'FAILS' if kind.fails else 'UNDECIDED'} |"
        for code, kind in REASONS.items()
    ]
    return "\n".join(lines) + "\n"


def _gate(rule: GateRule) -> str:
    seeds = ", ".join(map(str, rule.seeds)) or "–"
    return f"| {rule.name} | {rule.rule} | {seeds} | {', '.join(rule.benchmarks)} |"


def _claim(claim: Claim) -> str:
    gates = ", ".join(claim.gates) + (f", and one of {' and '.join(claim.any_of)}" if claim.any_of else "")
    published = "; no benchmark of the run a stand-in" if claim.needs_published_benchmarks else ""
    return f"| {claim.claim_id} | {' '.join(claim.wordings)} | {gates}{published} |"


if __name__ == "__main__":
    write_section(PAGE, BEGIN, END, register_tables())
