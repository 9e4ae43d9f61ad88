"""The tracker's status: every criterion with its evidence and current state. States are read, never stored here."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, assert_never

from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.records import Record
from codelewm_assets.release import claims_text
from codelewm_assets.release.criteria import CRITERIA, TRACKER, WORKSTREAMS, Criterion, Evidence, Source
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import reasons_text, render

GOOD = ("GREEN", "HOLDS", "MADE", "PUBLISHED", "REPORTED", "RAN")
WORST_FIRST = ("RED", "FAILS", "NOT_RECORDED", "UNDEFINED", "MISSING", "STALE", "NOT_EVALUATED", "MANUAL", "RUNNING", "UNDECIDED",
               "NOT_IN_THIS_RUN", "JUDGED_AFTER_THIS", "A_PERSON_JUDGES")  # fmt: skip
"""States other than good ones. A row's state is the first of these among its evidence, else SHOWN."""
AFTER = "built from this page, so its check runs later: `codelewm-assets status` and the review site show it"


class EvidenceState(Record):
    """One piece of evidence: the asset, check, gate, figure or document, its state, and the reason if it is not good."""

    kind: str
    name: str
    state: str
    detail: str


class TrackerRow(Record):
    """The current state of one criterion."""

    issue: Source  # number, or the RFC
    criterion: str
    state: str
    evidence: tuple[EvidenceState, ...]


class TrackerStatus(Record):
    """`tracker_status.json`."""

    schema_version: Literal["codelewm.tracker_status.v1"] = "codelewm.tracker_status.v1"
    tracker: int = TRACKER
    profile: str
    rows: tuple[TrackerRow, ...]


@dataclass(frozen=True, slots=True)
class InstanceState:
    """The current state of the instance.

    Attributes:
        checks: `asset:check` → (state, detail) of each of its partitions.
        materialized: asset → for each of its partitions, is it materialized.
        backend: the training backend.
    """

    checks: Mapping[str, Sequence[tuple[str, str]]]
    materialized: Mapping[str, Sequence[bool]]
    backend: str


def tracker_status(
    records: Records, instance_state: InstanceState, criteria: Sequence[Criterion] = CRITERIA
) -> TrackerStatus:
    """Every criterion with the state of its evidence."""
    return TrackerStatus(
        profile=records.at("profile"), rows=tuple(_row(criterion, records, instance_state) for criterion in criteria)
    )


def _row(criterion: Criterion, records: Records, instance_state: InstanceState) -> TrackerRow:
    states_of_evidence = []
    for piece in criterion.evidence:
        state, detail = _state(piece, records, instance_state)
        states_of_evidence.append(EvidenceState(kind=piece.kind, name=piece.name, state=state, detail=detail))
    states = {row.state for row in states_of_evidence}
    state = next((name for name in WORST_FIRST if name in states), "SHOWN")
    return TrackerRow(issue=criterion.issue, criterion=criterion.text, state=state, evidence=tuple(states_of_evidence))


def _state(evidence: Evidence, records: Records, instance_state: InstanceState) -> tuple[str, str]:
    match evidence.kind:
        case "check":
            return _of_check(evidence.name, instance_state)
        case "gate":
            return _of_gate(evidence.name, records)
        case "made":
            parts = instance_state.materialized.get(evidence.name, ())
            return ("MADE", "") if parts and all(parts) else ("MISSING", f"{sum(parts)} of {len(parts)} partitions")
        case "published":
            label = records.get(("benchmark_labels", evidence.name))
            if label is None:
                return "NOT_IN_THIS_RUN", "the run has no such benchmark"
            is_stand_in = "stand-in" in label
            return ("NOT_IN_THIS_RUN", f"benchmark_is_a_stand_in: {label}") if is_stand_in else ("PUBLISHED", "")
        case "reported":
            return _of_figure(evidence.name, records)
        case "backend":
            is_there = instance_state.backend == evidence.name
            return ("RAN", "") if is_there else ("NOT_IN_THIS_RUN", f"compute.backend is {instance_state.backend}")
        case "later":
            return "JUDGED_AFTER_THIS", AFTER
        case "person":
            return "A_PERSON_JUDGES", "no record shows it; read or run what is named"
        case "below" | "at_least" | "above":
            return _of_bound(evidence, records)
        case "not_recorded":
            return "NOT_RECORDED", "no record holds it"
        case _:
            assert_never(evidence.kind)


def _of_check(name: str, instance_state: InstanceState) -> tuple[str, str]:
    """The worst state of its partitions."""
    parts = instance_state.checks.get(name)
    if not parts:
        return "UNDEFINED", "the code has no check of this name"
    return min(parts, key=lambda part: WORST_FIRST.index(part[0]) if part[0] in WORST_FIRST else len(WORST_FIRST))


def _of_gate(name: str, records: Records) -> tuple[str, str]:
    state = records.get(("gate", name, "state"))
    if state is None:
        return "UNDEFINED", "there is no gate of this name"
    reasons = records.at(("gate", name, "reasons"))
    return state, reasons_text(reasons)


def _of_figure(path: str, records: Records) -> tuple[str, str]:
    """REPORTED if the reports of both seeds have the figure; the gates judge its value."""
    absent = [str(seed) for seed in SEEDS if records.get(f"seed.{seed}.{path}") is None]
    return ("NOT_IN_THIS_RUN", f"no such figure for seed {' and '.join(absent)}") if absent else ("REPORTED", "")


def _of_bound(evidence: Evidence, records: Records) -> tuple[str, str]:
    """HOLDS if the figure of both seeds is within the bound; FAILS names the figures, an absent one is NOT_IN_THIS_RUN."""
    state, detail = _of_figure(evidence.name, records)
    if evidence.bound is None or state == "NOT_IN_THIS_RUN":
        return state, detail
    values = [records.at(f"seed.{seed}.{evidence.name}") for seed in SEEDS]
    compare = {"below": operator.lt, "at_least": operator.ge, "above": operator.gt}[evidence.kind]
    is_met = all(compare(value, evidence.bound) for value in values)
    figures = " and ".join(f"{value:.4g}" for value in values)
    return (
        ("HOLDS", "")
        if is_met
        else ("FAILS", f"{figures}; {evidence.kind.replace('_', ' ')} {evidence.bound:g} is asked")
    )


def tracker_markdown(status: TrackerStatus, records: Records) -> str:
    """Body of a tracker comment: counts, claims, gates, and a table for each workstream."""
    sections = {
        issue: [[row.criterion, row.state, _evidence_text(row.evidence)] for row in status.rows if row.issue == issue]
        for issue in WORKSTREAMS
    }
    states = [row.state for row in status.rows]
    counts = {state: states.count(state) for state in ("SHOWN", *WORST_FIRST) if state in states}
    return render(
        "tracker_status.md.j2", records=records, claims=claims_text, tracker=status.tracker, counts=counts,
        sections=sections, workstreams=WORKSTREAMS, after=AFTER,
    )  # fmt: skip


NOUNS = {"made": "asset", "reported": "figure", "published": "benchmark", "later": "check", "backend": "backend",
         "below": "figure", "at_least": "figure", "above": "figure", "not_recorded": "record of"}  # fmt: skip


def _evidence_text(evidence: Sequence[EvidenceState]) -> str:
    """The evidence of a criterion as text, grouped by kind and state."""
    parts = []
    for (kind, state, detail), pieces in groupby(evidence, key=lambda piece: (piece.kind, piece.state, piece.detail)):
        names = ", ".join(f"`{piece.name}`" for piece in pieces)
        if kind == "person":
            parts.append(f"a person judges by {names}")
            continue
        why = f" ({detail})" if detail and state not in (*GOOD, "JUDGED_AFTER_THIS") else ""
        parts.append(f"{NOUNS.get(kind, kind)} {names} {state}{why}")
    return "; ".join(parts)
