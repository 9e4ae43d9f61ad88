"""The report: tables, absent figures, every gate and claim with its status, and no sentence beyond the gates."""

import pytest

from codelewm_assets.claims.audit import audit_text
from codelewm_assets.claims.gates import Reason
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.records import Finding
from codelewm_assets.evaluation.records import SeedEvidence
from codelewm_assets.release.results_report import Cell, cell, reasons_text, results_markdown, table
from codelewm_assets_tests.claims.evidence import STAND_IN, gates_of, nothing_known, rerank, seed_evidence, with_rerank

FINDING = Finding(rule="pack_is_odd|even", passed=False, blocker="odd", message="m", figures={"rows": 3}, offenders=())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.0, "0.000"),
        (0.12345, "0.123"),
        (True, "yes"),
        (False, "no"),
        ("a|b", "a\\|b"),
        ("two\nlines", "two lines"),
        ("", ""),
    ],
)
def test_a_cell_shows_absent_as_a_dash_and_cannot_break_the_table(value: Cell, text: str) -> None:
    assert cell(value) == text


def test_a_table_has_one_line_a_row_whatever_its_cells_hold() -> None:
    made = table(["name", "value"], [["a|b\nc", None], ["d", 1.5]])
    assert made == "| name | value |\n|---|---|\n| a\\|b c | – |\n| d | 1.500 |\n"


def test_a_table_without_rows_says_so() -> None:
    assert table(["name"], []) == "(none)\n"


def test_more_than_four_reasons_are_counted() -> None:
    reasons = [Reason(code=f"c{i}", detail=f"d{i}") for i in range(6)]
    assert reasons_text(reasons) == "c0 (d0); c1 (d1); c2 (d2); c3 (d3); 2 more"
    assert reasons_text(reasons[:1]) == "c0 (d0)"
    assert reasons_text([]) == ""


@pytest.mark.parametrize("status", ["OPEN", "CLOSED"])
def test_the_report_has_every_claim_with_its_status(status: str) -> None:
    gates = gates_of() if status == "OPEN" else nothing_known()
    text = results_markdown(gates, {seed: seed_evidence() for seed in SEEDS}, [FINDING], figures=["roc.png"])
    for claim in gates.claims:
        assert claim.status == status
        assert f"| {status}: {claim.sentence} |" in text


def test_the_report_has_every_gate_with_its_state_for_each_seed() -> None:
    for gates in (gates_of(), nothing_known(), gates_of({42: {"collapse": None}})):
        text = results_markdown(gates, {}, [], figures=[])
        for gate in gates.gates:
            for row in gate.seeds:
                assert f"| {gate.gate} | {'–' if row.seed is None else row.seed} | {row.state} |" in text


def test_no_sentence_of_the_report_is_beyond_the_gates_when_all_claims_are_closed() -> None:
    gates = nothing_known()
    status = {claim.claim_id: claim.status for claim in gates.claims}
    evidence = {seed: seed_evidence() for seed in SEEDS}  # figures as good as can be
    text = results_markdown(gates, evidence, [FINDING], figures=["lifts.png"])
    assert set(status.values()) == {"CLOSED"}
    assert audit_text(text, status) == []


def test_a_stand_in_is_named_and_explained_and_is_not_otherwise() -> None:
    report = rerank("mbpp_plus", benchmark_label=STAND_IN["mbpp_plus"])
    changed = with_rerank("mbpp_plus", report)
    text = results_markdown(gates_of({s: changed for s in SEEDS}, labels=STAND_IN), {42: seed_evidence(**changed)}, [],
                            figures=[])  # fmt: skip
    assert "`mbpp_plus (stand-in)`" in text
    assert "say nothing of MBPP-Plus" in text
    assert "| mbpp_plus (stand-in) | 42 | consensus |" in text
    assert "stand-in" not in results_markdown(gates_of(), {42: seed_evidence()}, [], figures=[])


def test_absent_reports_leave_tables_empty_and_no_zero() -> None:
    text = results_markdown(nothing_known(), {42: SeedEvidence()}, [], figures=[])
    assert "## Reranking\n\n(none)\n" in text
    assert "0.000" not in text


def test_a_score_without_whole_pools_is_a_dash() -> None:
    changed = with_rerank("humaneval", rerank("humaneval", pass_at_1={"llm_order": None}, mrr={"llm_order": None}))
    text = results_markdown(gates_of(), {42: seed_evidence(**changed)}, [], figures=[])
    assert "| humaneval | 42 | llm_order | – | – | 100 | 100 | no |" in text


def test_lifts_name_the_best_control_and_preflight_its_state() -> None:
    text = results_markdown(gates_of(), {42: seed_evidence()}, [FINDING], figures=["training_curve.png"])
    assert "| humaneval | 42 | consensus | 3.001 | 0.001 | 9.000 | yes |" in text
    assert "| humaneval | 42 | lexical | 20.000 | 10.000 | 30.000 | no |" in text
    assert "| pack_is_odd\\|even | red | rows 3 |" in text
    assert "![training curve](training_curve.png)" in text


def test_the_same_records_give_the_same_text() -> None:
    evidence = {seed: seed_evidence() for seed in SEEDS}
    first = results_markdown(gates_of(), evidence, [FINDING], figures=["a.png"])
    again = results_markdown(gates_of(), dict(reversed(evidence.items())), [FINDING], figures=["a.png"])
    assert first == again
