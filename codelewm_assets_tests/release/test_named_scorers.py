"""A scorer that the profile names, in the report and the terminal: its gates, claims and figures stand there under its name."""

import pytest
from rich.console import Console

from codelewm_assets.claims.audit import audit_text, claim_statuses
from codelewm_assets.commands.gate_sentences import gate_sentence
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.display import print_table
from codelewm_assets.release.report_records import report_records
from codelewm_assets.release.results_report import results_files
from codelewm_assets_tests.claims.evidence import SCORERS, named, scorer_evidence, seed_evidence, with_named

CHEAT = {"statement": "problems", "scored_problems_trained_on": ["HumanEval/1"]}


@pytest.mark.parametrize(("changes", "state", "status"), [({}, "HOLDS", "OPEN"), (CHEAT, "FAILS", "CLOSED")])
def test_its_gates_claims_and_figures_stand_in_the_report(changes: dict[str, object], state: str, status: str) -> None:
    contamination = named("ranker", **changes)
    gates = with_named(contamination)
    own = {"scorers": SCORERS | {"ranker": scorer_evidence("ranker", contamination=contamination)}}
    text = "".join(results_files(report_records(gates, {s: seed_evidence(**own) for s in SEEDS}), figures={}).values())
    assert f"| ranker:contamination | 42 | {state} |" in text
    assert "| ranker:rerank:humaneval | 1729 | HOLDS |" in text
    assert "| ranker | 42 | humaneval | 100 | 100 |" in text
    (claim,) = (claim for claim in gates.claims if claim.claim_id == "ranker_tells_known_bugs_on_humaneval")
    assert claim.status == status
    start = f"- {claim.sentence} Gates that hold: " if status == "OPEN" else f"- CLOSED: {claim.sentence} Closed by: "
    assert start in text
    assert audit_text(text, claim_statuses(gates)) == []


def test_its_gates_stand_in_the_table_of_the_terminal_with_the_figure_that_decides(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gates = with_named(named("ranker", **CHEAT))
    (gate,) = (gate for gate in gates.gates if gate.gate == "ranker:contamination")
    rows = [[row.gate, row.state, gate_sentence(row)] for row in gates.gates]
    print_table(Console(), "Gates", ["gate", "state", "why"], rows)
    shown = capsys.readouterr().out
    assert "ranker:contamination" in shown and "ranker:model_programs" in shown
    assert gate_sentence(gate) == "scored problems trained on 1, at most 0 allowed (seed 42)"
