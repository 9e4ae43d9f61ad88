"""`diff`: two builds by name, as tables and JSON; an unknown build is one line and status 2."""

import json
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.store.store import Artifact, ArtifactStore
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.release.test_build_diff import build, put


@pytest.fixture
def builds(tmp_path: Path) -> list[Artifact]:
    """Two builds, the later one the latest, with a report of the results of the first."""
    store = ArtifactStore(tmp_path / "artifacts")
    made = [build(store), build(store, {"c0": 0.1, "c1": 0.2}, lower=-0.5)]
    report = put(store, "results_report", {"results_report.md": b"# Results"}, made[0])
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        for gates in made:
            tags = {"dagster/data_version": gates.digest}
            instance.report_runless_asset_event(dg.AssetMaterialization("claim_gates", tags=tags))
    return [*made, report]


def test_the_tables_name_the_gate_the_artifacts_and_the_rows(run: Run, builds: list[Artifact]) -> None:
    result = run("diff", "previous", "latest")
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == f"claim_gates {builds[0].digest[:12]} → {builds[1].digest[:12]}"
    gate = next(line for line in lines if line.startswith("rerank:humaneval\t42\tHOLDS\tFAILS\t"))
    assert gate.endswith("\trerank_report[42]") and " 0.001 → -0.5" in gate
    assert any(line.startswith("heldout_scores[42]\t") and line.endswith("\tyes") for line in lines)
    assert "heldout_scores[42] score_rows.jsonl: 1 rows changed, 0 added, 0 removed of 2; the first 1" in lines
    assert lines[-1] == "p::pool0\tc0\tp_pass 0.9\tp_pass 0.1"


def test_digests_of_gates_or_report_name_a_build_and_json_is_one_object(run: Run, builds: list[Artifact]) -> None:
    by_report = json.loads(run("diff", builds[2].digest[:8], builds[1].digest, "--json").out)
    assert (by_report["before"], by_report["after"]) == (builds[0].digest, builds[1].digest)
    assert [gate["gate"] for gate in by_report["gates"]] == ["rerank:humaneval"]
    same = json.loads(run("diff", "claim_gates", builds[1].digest[:12], "--json").out)
    assert (same["gates"], same["artifacts"], same["rows"]) == ([], [], [])


def test_an_unknown_build_is_one_line_and_status_2(run: Run, builds: list[Artifact], tmp_path: Path) -> None:
    run("diff", "latest", "f" * 12).is_one_line_error(
        "0 builds are called ffffffffffff; expected latest, previous, claim_gates", status=2
    )
    short = builds[0].digest[:7]
    run("diff", short, "latest").is_one_line_error(f"0 builds are called {short}; ", status=2)
    run("diff", "latest").is_one_line_error("the following arguments are required: BUILD", status=2)


def test_without_a_build_or_an_earlier_one_the_line_says_so(run: Run, tmp_path: Path) -> None:
    run("diff", "previous", "latest").is_one_line_error("no previous build: claim_gates has 0 versions", status=2)
    gates = build(ArtifactStore(tmp_path / "artifacts"))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        for _ in range(2):  # the same version twice is one build
            tags = {"dagster/data_version": gates.digest}
            instance.report_runless_asset_event(dg.AssetMaterialization("claim_gates", tags=tags))
    run("diff", "previous", "latest").is_one_line_error("no previous build: claim_gates has 1 versions", status=2)
