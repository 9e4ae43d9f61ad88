"""`build`: bad profiles and selections, and what it tells as JSON."""

import json
from pathlib import Path

import pytest

from codelewm_assets.core.digests import pretty_json
from codelewm_assets_tests.claims.evidence import nothing_known
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import materialized


def test_build_with_an_unknown_or_faulty_profile_is_one_line(run: Run, tmp_path: Path) -> None:
    run("build", "--profile", "huge").is_one_line_error("No profile 'huge'; wanted one of")
    (tmp_path / "mine.yaml").write_text("name: mine\n", encoding="utf-8")
    run("build", "--profile", tmp_path / "mine.yaml").is_one_line_error("mine.yaml: ", "Field required")
    (tmp_path / "broken.yaml").write_text("name: [\n", encoding="utf-8")
    run("build", "--profile", tmp_path / "broken.yaml").is_one_line_error("broken.yaml is not YAML")


@pytest.mark.parametrize("selection", ["no_such_asset", "key:(", "++"])
def test_a_selection_that_is_not_understood_is_one_line(selection: str, run: Run) -> None:
    found = run("build", "--profile", Path(__file__).parents[1] / "tiny.yaml", "--select", selection)
    found.is_one_line_error(f"--select {selection!r} is not understood: ")


def test_a_selection_that_names_nothing_is_one_line(run: Run, tmp_path: Path) -> None:
    found = run("build", "--profile", Path(__file__).parents[1] / "tiny.yaml", "--select", "key:no_such_asset")
    found.is_one_line_error("no_such_asset")


def test_build_gives_one_json_object_of_what_was_made_and_why_it_failed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODELEWM_MBPP_PLUS_FILE", str(tmp_path / "absent.jsonl.gz"))
    monkeypatch.setenv("CODELEWM_HUMANEVAL_PLUS_FILE", str(tmp_path / "absent.jsonl.gz"))
    found = run("build", "--profile", "full_capped", "--select", "key:benchmark_problems", "--json")
    assert found.status == 1
    said = json.loads(found.out)
    assert set(said) == {"profile", "wall_s", "reused", "failures", "claim_gates", "results_report", "review_site"}
    assert (said["profile"], said["wall_s"], said["claim_gates"]) == ("full_capped", {}, None)
    assert "CODELEWM_HUMANEVAL_PLUS_FILE names" in said["failures"][0]


def test_a_build_that_stops_before_the_gates_says_that_the_tables_are_older(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODELEWM_HUMANEVAL_PLUS_FILE", str(tmp_path / "absent.jsonl.gz"))
    monkeypatch.setenv("CODELEWM_MBPP_PLUS_FILE", str(tmp_path / "absent.jsonl.gz"))
    arguments = ("build", "--profile", "full_capped", "--select", "key:benchmark_problems")
    assert "the latest of earlier builds" not in run(*arguments).out  # there are no tables
    materialized(tmp_path, "claim_gates", {"claim_gates.json": pretty_json(nothing_known().model_dump(mode="json"))})
    found = run(*arguments)
    assert found.status == 1
    assert found.out.index("did not come to claim_gates") < found.out.index("UNDECIDED")
