"""`status`: a row per check and gate."""

import json
import shutil
from pathlib import Path

import pytest

from codelewm_assets.claims.gates import GATES
from codelewm_assets.core.digests import pretty_json
from codelewm_assets.store.store import Artifact
from codelewm_assets_tests.claims.evidence import nothing_known
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import materialized, stored


def test_status_of_an_empty_instance_is_a_row_per_check_and_no_gates(run: Run) -> None:
    found = run("status", "--json")
    assert (found.status, found.err) == (0, "")
    said = json.loads(found.out)
    assert said["claim_gates"] is None
    assert len(said["checks"]) > 20
    assert set(said["checks"][0]) == {"asset", "check", "partition", "state", "detail", "figures"}
    assert said["assets"] == []
    assert {row["state"] for row in said["gates"]} == {"MISSING"}
    assert [row["gate"] for row in said["gates"]] == list(GATES)
    assert not {row["check"] for row in said["gates"]} & {row["check"] for row in said["checks"]}
    assert "passed" not in {row["state"] for row in said["checks"]}


def test_status_prints_a_tab_separated_row_per_check_and_gate(run: Run, tmp_path: Path) -> None:
    gates = nothing_known()
    materialized(tmp_path, "claim_gates", {"claim_gates.json": pretty_json(gates.model_dump(mode="json"))})
    found = run("status")
    assert found.status == 0
    for gate in gates.gates:
        assert f"\n{gate.gate}\tUNDECIDED\t" in found.out
    for claim in gates.claims:
        assert f"\n{claim.sentence}\tCLOSED\n" in found.out
    assert f"{len(GATES)} gates: {len(GATES)} MISSING." in found.out  # the check of none of them was run


def all_open(folder: Path) -> tuple[Artifact, Artifact]:
    """Gates by which every claim is OPEN, and the report that they judged."""
    report = stored(folder, "rerank_report", {"rerank_report.json": b"{}"})
    gates = nothing_known()
    claims = tuple(claim.model_copy(update={"status": "OPEN", "reasons": ()}) for claim in gates.claims)
    text = pretty_json(gates.model_copy(update={"claims": claims}).model_dump(mode="json"))
    made = materialized(folder, "claim_gates", {"claim_gates.json": text}, {"rerank_report": report.digest})
    return made, report


def test_claims_whose_evidence_verifies_are_shown_as_open(run: Run, tmp_path: Path) -> None:
    all_open(tmp_path)
    assert "\tOPEN\n" in run("status").out and "\tCLOSED\n" not in run("status").out


@pytest.mark.parametrize("damage", ["altered", "missing"])
def test_no_claim_is_open_when_something_it_was_judged_by_does_not_verify(
    damage: str, run: Run, tmp_path: Path
) -> None:
    gates, report = all_open(tmp_path)
    if damage == "altered":
        report.path("rerank_report.json").write_bytes(b"[]")
    else:
        shutil.rmtree(report.folder)
    found = run("status")
    assert found.status == 0 and "\tOPEN\n" not in found.out
    assert "evidence_does_not_verify" in found.out and f"rerank_report {report.digest[:12]}" in found.out
    shown = json.loads(run("status", "--json").out)["claim_gates"]
    assert {claim["status"] for claim in shown["claims"]} == {"CLOSED"}
    assert {gate["state"] for gate in shown["gates"]} == {"UNDECIDED"}
    assert {reason["code"] for claim in shown["claims"] for reason in claim["reasons"]} == {"evidence_does_not_verify"}
    (tmp_path / "README.md").write_text("Nothing.", encoding="utf-8")
    assert f"By claim_gates {gates.digest[:12]}, OPEN: none." in run("audit", "README.md").out


def test_gates_that_are_damaged_themselves_are_one_line_and_not_shown(run: Run, tmp_path: Path) -> None:
    gates, _ = all_open(tmp_path)
    gates.path("claim_gates.json").write_bytes(b"{")
    run("status", "--json").is_one_line_error(f"claim_gates {gates.digest[:12]} is damaged", "No claim is OPEN")
    assert "OPEN\n" not in run("status").out
