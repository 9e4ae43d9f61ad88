"""`build`: bad profiles and selections, profiles that cannot run here, how it ends, and its result as JSON."""

import io
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from codelewm_assets.commands.build import preflight_lines, print_end
from codelewm_assets.core.digests import pretty_json
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets_tests.claims.evidence import nothing_known
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import materialized

TINY = Path(__file__).parents[1] / "tiny.yaml"


def test_build_with_an_unknown_or_faulty_profile_is_one_line(run: Run, tmp_path: Path) -> None:
    run("build", "--profile", "huge").is_one_line_error("No profile 'huge'; expected one of")
    (tmp_path / "mine.yaml").write_text("name: mine\n", encoding="utf-8")
    run("build", "--profile", tmp_path / "mine.yaml").is_one_line_error("mine.yaml: ", "Field required")
    (tmp_path / "broken.yaml").write_text("name: [\n", encoding="utf-8")
    run("build", "--profile", tmp_path / "broken.yaml").is_one_line_error("broken.yaml is not YAML")


@pytest.mark.parametrize("selection", ["no_such_asset", "key:(", "++"])
def test_a_selection_that_is_not_understood_is_one_line(selection: str, run: Run) -> None:
    found = run("build", "--profile", TINY, "--select", selection)
    found.is_one_line_error(f"--select {selection!r} cannot be parsed: ")


def test_a_selection_that_names_nothing_is_one_line(run: Run) -> None:
    found = run("build", "--profile", TINY, "--select", "key:no_such_asset")
    found.is_one_line_error("no_such_asset")


def test_a_profile_whose_files_are_missing_is_refused_before_any_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODELEWM_MBPP_PLUS_FILE", str(tmp_path / "absent.jsonl.gz"))
    monkeypatch.setenv("CODELEWM_HUMANEVAL_PLUS_FILE", str(tmp_path / "absent.jsonl.gz"))
    for arguments in ((), ("--json",)):
        found = run("build", "--profile", "full_capped", "--select", "key:benchmark_problems", *arguments)
        found.is_one_line_error("Profile full_capped cannot be built on this machine; nothing was started",
                                "CODELEWM_HUMANEVAL_PLUS_FILE", "CODELEWM_MBPP_PLUS_FILE")  # fmt: skip
        assert found.out == ""
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_runs_count() == 0


def test_build_gives_one_json_object_of_its_artifacts_and_failures(run: Run) -> None:
    found = run("build", "--profile", TINY, "--select", "key:execution_pack", "--json")  # nothing is there to read
    assert found.status == 1
    said = json.loads(found.out)
    assert set(said) == {"profile", "wall_s", "reused", "failures", "claim_gates", "results_report", "review_site"}
    assert (said["profile"], said["wall_s"], said["claim_gates"]) == ("tiny", {}, None)
    assert said["failures"][0].startswith("execution_pack: ")


def test_a_build_that_stops_before_the_gates_says_that_the_tables_are_older(run: Run, tmp_path: Path) -> None:
    arguments = ("build", "--profile", TINY, "--select", "execution_pack")
    assert "of an earlier build" not in run(*arguments).out  # there are no tables
    materialized(tmp_path, "claim_gates", {"claim_gates.json": pretty_json(nothing_known().model_dump(mode="json"))})
    found = run(*arguments)
    assert found.status == 1
    assert found.out.index("claim_gates was not rebuilt") < found.out.index("UNDECIDED")


def test_the_end_names_report_and_site_by_short_paths_below_the_open_claims(run: Run, tmp_path: Path) -> None:
    gates = nothing_known()
    last = gates.claims[-1].model_copy(update={"status": "OPEN", "reasons": ()})
    gates = gates.model_copy(update={"claims": (*gates.claims[:-1], last)})
    materialized(tmp_path, "claim_gates", {"claim_gates.json": pretty_json(gates.model_dump(mode="json"))})
    materialized(tmp_path, "results_report", {"results_report.md": b"# Results"})
    materialized(tmp_path, "review_site", {"index.html": b"<p>site</p>"})
    found = run("build", "--profile", TINY, "--select", "execution_pack")
    rows = found.out.splitlines()
    assert rows[rows.index("claim\tstatus") + 1] == f"{last.sentence}\tOPEN"
    assert rows[-2:] == [
        "results_report: artifacts/latest/results_report/results_report.md",
        "review_site: artifacts/latest/review_site/index.html",
    ]
    assert Path("artifacts/latest/results_report/results_report.md").read_text(encoding="utf-8") == "# Results"
    assert run("verify").status == 0  # a link is no stray


def report(*rows: dict[str, Any], clear: bool) -> dict[str, Any]:
    return {"clear": clear, "findings": [{"passed": True, "rule": "green", "blocker": None, "offenders": []}, *rows]}


def test_a_preflight_report_ends_clear_or_with_each_blocker() -> None:
    assert preflight_lines(report(clear=True)) == ["preflight_report: clear (1 rules)"]
    red = {"passed": False, "rule": "no_secrets", "blocker": "secret_found", "offenders": ["a", "b", "c", "d", "e"]}
    bare = {"passed": False, "rule": "rerank_can_decide", "blocker": "too_few_problems", "offenders": []}
    assert preflight_lines(report(red, bare, clear=False)) == [
        "preflight_report: not clear, 2 of 3 rules are red; blockers:",
        "  no_secrets: secret_found (a; b; c; 2 more)",
        "  rerank_can_decide: too_few_problems",
    ]
    assert "not clear" in preflight_lines(report(clear=False))[0]


def test_the_preflight_verdict_ends_with_what_the_profile_can_open() -> None:
    claims = {"is_non_collapsed": [], "improves_reranking": ["there are no pools", "a stand-in"]}
    assert preflight_lines(report(clear=True) | {"claims": claims}) == [
        "preflight_report: clear (1 rules)",
        "Claims that this profile can open: is_non_collapsed.",
        "  not improves_reranking: there are no pools; a stand-in",
    ]


DATA = {"execution_pack", "preflight_report"}


@pytest.mark.parametrize(
    ("assets", "built", "last"),
    [
        (DATA, DATA, ["preflight_report: clear (1 rules)"]),
        (
            DATA,
            {"execution_pack"},
            ["preflight_report: not clear, the build stopped before it; blockers:", "  decoys: x is red"],
        ),
        (DATA | {"claim_gates"}, DATA, ["No gates: claim_gates has not been materialized."]),
        ({"execution_pack"}, {"execution_pack"}, []),
    ],
)
def test_a_build_of_the_data_ends_with_the_verdict_of_preflight(
    assets: set[str], built: set[str], last: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dagster.yaml").write_text("", encoding="utf-8")
    materialized(tmp_path, "preflight_report", {"preflight_report.json": pretty_json(report(clear=True))})
    capsys.readouterr()
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        print_end(assets, built, instance, ArtifactStore(tmp_path / "artifacts"), Console(file=io.StringIO()),
                  failures=["decoys: x is red"])  # fmt: skip
    assert capsys.readouterr().out.splitlines() == last
