"""What the gates say, in tables and lists: the verdict, what may be said, and what may not, each with its reasons.

A wording that is not OPEN stands only beside the word CLOSED, so that no line of it can be read as a claim.
"""

from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import ABSENT, Cell, reasons_text, table
from codelewm_assets.release.report_records import NO_SEED

OVERALL = "improves_reranking"
"""The claim that the public is asked to believe of a cycle; the others are narrower."""
STATES = ("HOLDS", "FAILS", "UNDECIDED")


def claims_table(records: Records) -> str:
    """One row per claim: its status and wording in one cell, so that no wording stands without its status."""
    rows: list[list[Cell]] = []
    for name in records.keys("claim"):
        status, sentence = records.at(f"claim.{name}.status"), records.at(f"claim.{name}.sentence")
        why = reasons_text(records.at(f"claim.{name}.reasons")) or "all gates hold"
        rows.append([f"{status}: {sentence}", why])
    return table(["claim", "why"], rows)


def gates_table(records: Records) -> str:
    """One row per gate and seed."""
    rows: list[list[Cell]] = []
    for gate in records.keys("gate"):
        for seed in records.keys(("gate", gate, "seed")):
            path = ("gate", gate, "seed", seed)
            figures = [
                f"{name} {records.at((*path, 'figures', name)):.4g}" for name in records.keys((*path, "figures"))
            ]
            shown = ABSENT if seed == NO_SEED else seed
            reasons = reasons_text(records.at((*path, "reasons")))
            rows.append([gate, shown, records.at((*path, "state")), ", ".join(figures), reasons])
    return table(["gate", "seed", "state", "figures", "reasons"], rows)


def gate_states(records: Records) -> dict[str, list[str]]:
    """State → the gates in it, each state once."""
    names = records.keys("gate")
    return {state: [name for name in names if records.at(("gate", name, "state")) == state] for state in STATES}


def claims_with(records: Records, status: str) -> list[str]:
    """Ids of the claims of a status."""
    return [name for name in records.keys("claim") if records.at(f"claim.{name}.status") == status]


def safe_list(records: Records) -> str:
    """The sentences that may be said, each with the gates that carry it; without any, a line that says so."""
    names = claims_with(records, "OPEN")
    if not names:
        return "Nothing about the model's quality: no claim is OPEN. The figures below may be cited with their intervals.\n"
    lines = [
        f"- {records.at(f'claim.{name}.sentence')} Gates that hold: {', '.join(_needs(records, name))}."
        for name in names
    ]
    return "\n".join(lines) + "\n"


def _needs(records: Records, name: str) -> list[str]:
    one_of = records.at(f"claim.{name}.needs_one_of")
    return [*records.at(f"claim.{name}.needs"), *([f"one of {' or '.join(one_of)}"] if one_of else [])]


def forbidden_list(records: Records) -> str:
    """Every claim that is CLOSED, with its typed reasons; without any, a line that says so."""
    lines = [
        f"- CLOSED: {records.at(f'claim.{name}.sentence')} Reasons: {reasons_text(records.at(f'claim.{name}.reasons'))}."
        for name in claims_with(records, "CLOSED")
    ]
    return "\n".join(lines) + "\n" if lines else "No claim is CLOSED.\n"
