"""Gates and claims as tables and lists: the verdict, open and closed claims, each with its reasons.

The wording of a claim that is not OPEN always has the word CLOSED beside it, so that no line reads as a claim.
"""

from codelewm_assets.claims.figure_checks import format_against
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import ABSENT, Cell, interval, table
from codelewm_assets.release.report_records import NO_SEED

OVERALL = "improves_reranking"
"""The general claim of a cycle; the others are narrower."""
STATES = ("HOLDS", "FAILS", "UNDECIDED")


def claims_table(records: Records) -> str:
    """One row per claim: its status and wording in one cell, so that no wording stands without its status."""
    rows: list[list[Cell]] = []
    for name in records.keys("claim"):
        status, sentence = records.at(f"claim.{name}.status"), records.at(f"claim.{name}.sentence")
        why = closed_by(records, name) or "all gates hold"
        rows.append([f"{status}: {sentence}", why])
    return table(["claim", "why"], rows)


def closed_by(records: Records, name: str) -> str:
    """Reasons that close a claim: each gate with its state and the codes of its reasons, then reasons without a gate."""
    codes: dict[str, list[str]] = {}
    for reason in records.at(f"claim.{name}.reasons"):
        gate = reason.get("gate")
        state = f"{gate} {records.at(('gate', gate, 'state'))}" if gate else ""
        codes.setdefault(state, []).append(reason["code"])
    parts = {state: ", ".join(dict.fromkeys(joined)) for state, joined in codes.items()}
    return "; ".join(f"{state} ({joined})" if state else joined for state, joined in parts.items())


def gates_table(records: Records) -> str:
    """One row per gate and seed: each figure with its need, and the codes of all reasons."""
    rows: list[list[Cell]] = []
    for gate in records.keys("gate"):
        for seed in records.keys(("gate", gate, "seed")):
            path = ("gate", gate, "seed", seed)
            figures = [_figure(records, path, name) for name in records.keys((*path, "figures"))]
            codes = dict.fromkeys(reason["code"] for reason in records.at((*path, "reasons")))
            of_seed = ABSENT if seed == NO_SEED else seed
            rows.append([gate, of_seed, records.at((*path, "state")), ", ".join(figures), ", ".join(codes)])
    return table(["gate", "seed", "state", "figures (what is asked)", "reasons"], rows)


def _figure(records: Records, path: tuple[str, ...], name: str) -> str:
    value, need = records.at((*path, "figures", name)), records.get((*path, "needs", name))
    if need is None:
        return f"{name} {value:.4g}"
    return f"{name} {format_against(value, need['threshold'])} ({need['relation'].replace('_', ' ')} {need['threshold']:g})"


def reasons_table(records: Records) -> str:
    """Every reason of every gate: its code, figure, threshold and sentence."""
    rows: list[list[Cell]] = []
    for gate in records.keys("gate"):
        for reason in records.at(("gate", gate, "reasons")):
            figure, threshold, bounds = (reason.get(name) for name in ("figure", "threshold", "interval"))
            value = None if figure is None or threshold is None else format_against(figure, threshold)
            limit = None if threshold is None else f"{threshold:g}"
            rows.append([gate, reason["code"], interval(bounds) if bounds else value, limit, reason["detail"]])
    rows += [["claims alone", reason["code"], None, None, reason["detail"]] for reason in _of_claims_alone(records)]
    return table(["gate", "code", "figure or interval", "threshold", "in words"], rows)


def _of_claims_alone(records: Records) -> list[dict[str, str]]:
    """Reasons of claims that are no gate's, each once."""
    every = [reason for name in records.keys("claim") for reason in records.at(f"claim.{name}.reasons")]
    return list({reason["detail"]: reason for reason in every if not reason.get("gate")}.values())


def why_not(records: Records) -> str:
    """For each gate that does not hold, its first reason."""
    lines = []
    for gate in records.keys("gate"):
        state, reasons = records.at(("gate", gate, "state")), records.at(("gate", gate, "reasons"))
        if state != "HOLDS":
            remainder = f" ({len(reasons) - 1} more below)" if len(reasons) > 1 else ""
            lines.append(
                f"- {gate} {state}: {reasons[0]['detail'] if reasons else 'no reason is recorded.'}{remainder}"
            )
    return "\n".join(lines) + "\n" if lines else "Every gate holds.\n"


def gate_states(records: Records) -> dict[str, list[str]]:
    """State → the gates in it, each state once."""
    names = records.keys("gate")
    return {state: [name for name in names if records.at(("gate", name, "state")) == state] for state in STATES}


def claims_with(records: Records, status: str) -> list[str]:
    """Ids of the claims of a status."""
    return [name for name in records.keys("claim") if records.at(f"claim.{name}.status") == status]


def safe_list(records: Records) -> str:
    """The open claims, each with the gates that it needs; or a line that says that there are none."""
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
    """The closed claims, each with its reasons; or a line that says that there are none."""
    lines = [
        f"- CLOSED: {records.at(f'claim.{name}.sentence')} Closed by: {closed_by(records, name) or 'no reason is recorded'}."
        for name in claims_with(records, "CLOSED")
    ]
    return "\n".join(lines) + "\n" if lines else "No claim is CLOSED.\n"
