"""The tracker: states are read and never written, the worst one wins, and every name is one of the graph's or repository's."""

from pathlib import Path
from typing import get_args

import pytest

from codelewm_assets.claims.audit import audit_text
from codelewm_assets.claims.gates import GATES
from codelewm_assets.claims.register import CLAIMS
from codelewm_assets.defs.assemble import STAGE_MODULES
from codelewm_assets.release.criteria import CRITERIA, RFC, WORKSTREAMS, Criterion, Evidence, Kind
from codelewm_assets.release.report_records import report_records
from codelewm_assets.release.tracker import InstanceState, tracker_markdown, tracker_status
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.claims.evidence import LABELS, STAND_IN, gates_of, nothing_known
from codelewm_assets_tests.release.full import full_records

CHECKOUT = Path(__file__).parents[2]
CHECKS = {
    f"{spec.asset_key.to_user_string()}:{spec.name}"
    for module in STAGE_MODULES
    for check in module.CHECKS
    for spec in check.check_specs
}
ASSETS = {asset.key.to_user_string() for module in STAGE_MODULES for asset in module.ASSETS}
ALL_GREEN = InstanceState(
    {name: [("GREEN", "")] for name in CHECKS}, {name: [True, True] for name in ASSETS}, "hf_jobs"
)


FIGURES = ("reported", "below", "at_least", "above")


def _one(kind: Kind, name: str) -> Criterion:
    return Criterion(387, "something", (Evidence(kind, name),))


def test_every_workstream_of_the_tracker_has_criteria_and_each_has_evidence() -> None:
    assert {row.issue for row in CRITERIA} == set(WORKSTREAMS) == {385, *range(386, 393), RFC}
    assert all(row.evidence for row in CRITERIA)


def test_every_piece_of_evidence_names_something_that_exists() -> None:
    known = {
        "check": CHECKS,
        "later": CHECKS,
        "made": ASSETS,
        "gate": set(GATES),
        "published": set(LABELS),
        "backend": {"hf_jobs"},
    }
    for one in (one for row in CRITERIA for one in row.evidence):
        assert one.kind in get_args(Kind)
        if one.kind == "person":
            assert (CHECKOUT / one.name).is_file(), one.name
        elif one.kind not in (*FIGURES, "not_recorded"):
            assert one.name in known[one.kind], one.name


def test_every_figure_that_is_asked_for_is_there_in_a_full_run() -> None:
    records = full_records(labels=LABELS)
    absent = {
        one.name
        for row in CRITERIA
        for one in row.evidence
        if one.kind in FIGURES and records.get(f"seed.42.{one.name}") is None
    }
    assert {".".join(name.split(".")[2:4]) for name in absent} == {
        "pass_at_1.llm_order", "lift.llm_order", "mrr_lift.llm_order",  # needs a model's order
        "pass_at_1.static",  # not in the test's records
    }  # fmt: skip


def test_in_a_run_where_all_is_good_only_persons_and_later_checks_are_left() -> None:
    status = tracker_status(full_records(gates_of(), LABELS), ALL_GREEN)
    left = {row.state for row in status.rows if "language model" not in row.criterion and row.issue != RFC}
    assert left == {"SHOWN", "JUDGED_AFTER_THIS", "A_PERSON_JUDGES"}


def test_without_a_run_nothing_is_shown() -> None:
    status = tracker_status(report_records(nothing_known(STAND_IN), {}), InstanceState({}, {}, "local"))
    assert {row.state for row in status.rows} == {
        "NOT_RECORDED", "UNDEFINED", "MISSING", "UNDECIDED", "NOT_IN_THIS_RUN", "JUDGED_AFTER_THIS", "A_PERSON_JUDGES",
    }  # fmt: skip


def test_the_rfc_s_bounds_are_held_against_the_figures_of_both_seeds() -> None:
    """On the records of a full run; what no record holds is said to be so, and a model's order is absent."""
    status = tracker_status(full_records(gates_of(), LABELS), ALL_GREEN)
    states = {row.criterion: row for row in status.rows if row.issue == RFC}
    assert states["at least 70% of the problems have two classes of failing programs"].state == "NOT_RECORDED"
    assert states["pass@1 of the order that a language model gave is below 0.90"].state == "NOT_IN_THIS_RUN"
    assert states["pass@1 of no_action and lexical is below 0.85"].state == "SHOWN"
    assert states["the slice is of the published benchmarks"].state == "SHOWN"


@pytest.mark.parametrize(
    ("kind", "bound", "state", "detail"),
    [
        ("at_least", 100.0, "FAILS", "at least 100 is asked"), ("at_least", 0.0, "SHOWN", ""), ("below", 1e9, "SHOWN", ""),
        ("above", 1e9, "FAILS", "above 1e+09 is asked"),
    ],
)  # fmt: skip
def test_a_bound_holds_or_fails_with_its_figures(kind: Kind, bound: float, state: str, detail: str) -> None:
    records = full_records(gates_of(), LABELS)
    count = records.at("seed.42.rerank.humaneval.problem_count")
    assert 0 < count < 100
    criterion = Criterion(RFC, "t", (Evidence(kind, "rerank.humaneval.problem_count", bound),))
    (row,) = tracker_status(records, ALL_GREEN, [criterion]).rows
    assert row.state == state
    assert detail in row.evidence[0].detail


@each_case(
    ("criterion", "state", "detail"),
    [
        (_one("check", "a:b"), "RED", "why"),
        (_one("check", "a:other"), "UNDEFINED", "the code has no check of this name"),
        (_one("made", "pack"), "MISSING", "1 of 2 partitions"),
        (_one("published", "mbpp_plus"), "NOT_IN_THIS_RUN", "benchmark_is_a_stand_in: mbpp_plus (stand-in)"),
        (_one("backend", "hf_jobs"), "NOT_IN_THIS_RUN", "compute.backend is local"),
        (_one("reported", "retrieval.scores.model.mrr"), "NOT_IN_THIS_RUN", "no such figure for seed 42 and 1729"),
        (_one("gate", "collapse"), "UNDECIDED", "evidence_missing"),
        (_one("gate", "nothing"), "UNDEFINED", "there is no gate of this name"),
    ],
)
def test_each_kind_of_evidence_says_why_it_is_not_good(criterion: Criterion, state: str, detail: str) -> None:
    now = InstanceState({"a:b": [("GREEN", ""), ("RED", "why"), ("STALE", "")]}, {"pack": [True, False]}, "local")
    found = tracker_status(report_records(nothing_known(STAND_IN), {}), now, [criterion]).rows[0]
    assert found.state == state
    assert detail in found.evidence[0].detail


def test_the_worst_piece_of_evidence_is_the_criterions_state() -> None:
    row = Criterion(391, "t", (Evidence("gate", "collapse"), Evidence("check", "a:b"), Evidence("person", "README.md")))
    now = InstanceState({"a:b": [("RED", "why")]}, {}, "local")
    assert tracker_status(report_records(nothing_known(), {}), now, [row]).rows[0].state == "RED"


def test_the_body_counts_open_claims_and_names_each_criterion_with_its_evidence() -> None:
    records = full_records(gates_of(), LABELS)
    text = tracker_markdown(tracker_status(records, ALL_GREEN), records)
    assert text.startswith(f"## Status of profile `tiny`: {len(CLAIMS)} of {len(CLAIMS)} claims OPEN")
    for row in CRITERIA:
        assert f"| {row.text} |" in text
    assert "check `heldout_scores:every_score_row_has_p_pass` GREEN" in text
    assert "### #389: semantic decoys that can be scored" in text


def test_the_body_says_no_more_than_the_gates() -> None:
    gates = nothing_known(STAND_IN)
    records = full_records(gates)
    text = tracker_markdown(tracker_status(records, ALL_GREEN), records)
    assert text.startswith(f"## Status of profile `tiny`: 0 of {len(CLAIMS)} claims OPEN")
    assert audit_text(text, {claim.claim_id: claim.status for claim in gates.claims}) == []
    assert all(f"CLOSED: {claim.sentence}" in text for claim in gates.claims)
