"""`calibrate` and `rerank`: a report, or one line."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets import cli
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import lines
from codelewm_assets_tests.commands.mutants import mutants

SCORES = [
    {"completion_id": "a", "problem_id": "p", "benchmark_id": "humaneval", "passed": True, "scores": {"p_pass": 0.9}},
    {"completion_id": "b", "problem_id": "p", "benchmark_id": "humaneval", "passed": False, "scores": {"p_pass": 0.2}},
]
REPORTS = {"calibrate": "p_pass_calibration_report.json", "rerank": "rerank_report.json"}


@pytest.mark.parametrize("command", sorted(REPORTS))
def test_a_report_is_written_and_its_path_printed(run: Run, tmp_path: Path, command: str) -> None:
    found = run(command, lines(tmp_path / "scores.jsonl", *SCORES), "--output", tmp_path / "reports")
    assert (found.status, found.err) == (0, "")
    written = tmp_path / "reports" / REPORTS[command]
    assert found.out.splitlines()[-1] == str(written)
    assert json.loads(written.read_text(encoding="utf-8"))["schema_version"].startswith("codelewm.")


@pytest.mark.parametrize("command", sorted(REPORTS))
@pytest.mark.parametrize(
    ("rows", "part"),
    [
        ([*SCORES, "{"], "scores.jsonl: line 3: not JSON"),
        ([{"passed": True}], "line 1: completion_id: Field required"),
        ([], "holds no score row"),
        (["[" * 100_000], "line 1: "),
        (["9" * 5000], "line 1: "),
    ],
    ids=["cut off", "fields missing", "empty", "nested too deep", "a number too long"],
)
def test_bad_score_rows_are_one_line(run: Run, tmp_path: Path, command: str, rows: list[Any], part: str) -> None:
    found = run(command, lines(tmp_path / "scores.jsonl", *rows), "--output", tmp_path / "reports")
    found.is_one_line_error("codelewm-assets: ", part)
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("command", sorted(REPORTS))
def test_score_rows_that_cannot_be_read_or_reports_that_cannot_be_written_are_one_line(
    run: Run, tmp_path: Path, command: str
) -> None:
    run(command, "absent.jsonl", "--output", "reports").is_one_line_error("absent.jsonl cannot be read")
    run(command, tmp_path, "--output", "reports").is_one_line_error("cannot be read")
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    scores = lines(tmp_path / "scores.jsonl", *SCORES)
    run(command, scores, "--output", tmp_path / "taken").is_one_line_error("taken is a file; name a folder", status=2)


@pytest.mark.parametrize("command", sorted(REPORTS))
def test_a_report_is_shown_as_json_with_its_path(run: Run, tmp_path: Path, command: str) -> None:
    found = run(command, lines(tmp_path / "scores.jsonl", *SCORES), "--output", tmp_path / "reports", "--json")
    said, path = json.loads(found.out), tmp_path / "reports" / REPORTS[command]
    assert said == {"path": str(path), "report": json.loads(path.read_text(encoding="utf-8"))}


FULL = [
    {
        "completion_id": name, "problem_id": "p", "benchmark_id": "humaneval", "passed": passed, "pool_id": "p/0", "fold": 0,
        "scores": {"p_pass": score, "lexical": 0.5}, "completion_kind": "bug", "inputs": [{"input": "1"}], "errors": {"a": "b"},
    }
    for name, passed, score in (("a", True, 0.9), ("b", False, 0.2))
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(REPORTS))
def test_spoiled_score_rows_give_a_report_or_one_line_and_never_a_traceback(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Each field, line and byte is spoiled in turn; a report is JSON without NaN."""
    monkeypatch.setattr(cli, "parser", cache(cli.parser))  # most of the time otherwise
    path, statuses = tmp_path / "scores.jsonl", set()
    for done, data in mutants(FULL):
        path.write_bytes(data)
        found = run(command, path, "--output", tmp_path / "reports", "--json")
        statuses.add(found.status)
        if found.status == 0:
            assert json.loads(found.out, parse_constant=pytest.fail)["report"], done
            assert found.err == "", done
        else:
            assert found.out == "", done
            found.is_one_line_error("codelewm-assets: scores.jsonl")
    assert statuses == {0, 1}


@pytest.mark.parametrize("command", sorted(REPORTS))
def test_a_completion_that_passed_and_failed_is_refused(run: Run, tmp_path: Path, command: str) -> None:
    """In another pool a completion may stand again, with the same verdict."""
    again = SCORES[0] | {"pool_id": "other"}
    path = lines(tmp_path / "scores.jsonl", *SCORES, again)
    assert run(command, path, "--output", tmp_path / "reports").status == 0
    path = lines(tmp_path / "scores.jsonl", *SCORES, again | {"passed": False})
    found = run(command, path, "--output", tmp_path / "other")
    found.is_one_line_error("line 3: completion 'a' has passed = False, in line 1 True")
    assert not (tmp_path / "other").exists()


def test_a_probability_just_above_1_is_shown_with_all_its_digits(run: Run, tmp_path: Path) -> None:
    path = lines(tmp_path / "scores.jsonl", SCORES[0] | {"scores": {"p_pass": 1.0000001}})
    run("calibrate", path, "--output", tmp_path / "reports").is_one_line_error("scores.p_pass is 1.0000001; wanted")


OTHER = [
    {"completion_id": name, "problem_id": problem, "benchmark_id": "humaneval", "passed": passed,
     "scores": {"critic": score, "lexical": 1 - score}}
    for problem in ("p", "q") for name, passed, score in ((f"{problem}a", True, 0.9), (f"{problem}b", False, 0.2))
]  # fmt: skip
"""Two problems whose passing completion `critic` puts first and `lexical` last; there is no p_pass."""


def test_the_score_that_is_named_is_compared_with_the_others(run: Run, tmp_path: Path) -> None:
    path = lines(tmp_path / "scores.jsonl", *OTHER)
    found = run("rerank", path, "--score", "critic", "--output", tmp_path / "reports", "--json")
    report = json.loads(found.out)["report"]["benchmarks"]["humaneval"]
    assert (report["pass_at_1"], report["lift"]["lexical"]["points"]) == ({"critic": 1.0, "lexical": 0.0}, 100.0)
    assert report["best_control"] == "lexical" and set(report["lift"]) == {"lexical"}
    found = run("calibrate", path, "--score", "critic", "--output", tmp_path / "reports", "--json")
    assert json.loads(found.out)["report"]["difference"]["lexical"]["difference"] == 1.0  # ROC-AUC 1 against 0


@pytest.mark.parametrize("command", sorted(REPORTS))
def test_a_score_that_the_rows_lack_is_one_line(run: Run, tmp_path: Path, command: str) -> None:
    path = lines(tmp_path / "scores.jsonl", *OTHER)
    run(command, path, "--output", tmp_path / "reports").is_one_line_error("scores has no p_pass")
    run(command, path, "--score", "crtic", "--output", tmp_path / "reports").is_one_line_error("scores has no crtic")


def test_a_score_that_lacks_pools_is_named_and_not_compared(run: Run, tmp_path: Path) -> None:
    path = lines(
        tmp_path / "scores.jsonl", *OTHER[:-1], {**OTHER[-1], "scores": {"critic": OTHER[-1]["scores"]["critic"]}}
    )
    found = run("rerank", path, "--score", "critic", "--output", tmp_path / "reports").out
    assert "humaneval: lexical is not compared: all members have it in 1 of the 2 pools of critic." in found


def test_the_figures_are_printed_as_a_table_with_the_subject_first(run: Run, tmp_path: Path) -> None:
    path = lines(tmp_path / "scores.jsonl", *OTHER)
    found = run("rerank", path, "--score", "critic", "--output", tmp_path / "reports").out.splitlines()
    assert [row.split("\t") for row in found[1:4]] == [
        ["benchmark", "pools of it", "score", "pass@1", "MRR", "points of critic over it", "95%"],
        ["humaneval", "2", "critic", "1.000", "1.000", "–", "–"],
        ["humaneval", "2", "lexical", "0.000", "0.500", "+100.0", "−68.4 to +100.0"],
    ]
    found = run("calibrate", path, "--score", "lexical", "--output", tmp_path / "reports").out.splitlines()
    assert found[0] == "Calibration, 4 rows of 2 problems"
    assert [row.split("\t")[:3] for row in found[2:4]] == [["lexical", "ok", "0.000"], ["critic", "ok", "1.000"]]
    assert found[3].split("\t")[6] == "−1.000"
