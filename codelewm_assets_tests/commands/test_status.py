"""`status`: a row per check and gate."""

import json
from pathlib import Path

from codelewm_assets.claims.gates import GATES
from codelewm_assets.core.digests import pretty_json
from codelewm_assets_tests.claims.evidence import nothing_known
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import materialized


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
