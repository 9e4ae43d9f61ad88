"""`job-status`: how far a stream says a run is."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets import cli
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import lines
from codelewm_assets_tests.commands.mutants import mutants

STEP = {"event": "progress", "fold": 0, "step": 2, "steps": 9, "metrics": {"train_loss": 1.5}, "elapsed_s": 3.0}

SPREAD = {"event": "collapse_diagnostics", "fold": 0, "step": 2, "effective_rank_ratio": 0.4, "median_variance": 0.01,
          "neighbour_entropy": 0.9}  # fmt: skip
TIMED = {"seq": 3, "time_s": 1e9}
STREAM = (
    {"event": "start", "seed": 42, "folds": [0, 1], "device": "cpu"} | TIMED, STEP | {"eta_s": 2.0} | TIMED, SPREAD | TIMED,
    {"event": "checkpoint", "fold": 0, "step": 2, "sha256": "0f"} | TIMED,
    {"event": "error", "seed": 42, "message": "stopped"} | TIMED,
    {"event": "complete", "seed": 42, "files": {"sidecar.json": "0f"}} | TIMED,
)  # fmt: skip
KEYS = {
    "state", "collapse", "seed", "folds_started", "step", "steps", "metrics", "examples_per_second", "eta_s", "elapsed_s",
    "silence_s", "usual_gap_s", "message", "events", "malformed_line",
}  # fmt: skip


def test_job_status_says_how_far_a_run_is_and_which_line_is_truncated(run: Run, tmp_path: Path) -> None:
    path = lines(tmp_path / "progress.jsonl", {"event": "start", "seed": 42}, STEP, '{"event": "st')
    found = run("job-status", path)
    assert (found.status, found.err) == (0, "")
    said = json.loads(found.out)
    assert (said["state"], said["seed"], said["step"], said["steps"]) == ("running", 42, 2, 9)
    assert said["malformed_line"] == 3
    assert said["collapse"] == "unknown"  # nothing was seen of it


def test_job_status_of_a_whole_stream_reports_no_malformed_line(run: Run, tmp_path: Path) -> None:
    found = run("job-status", lines(tmp_path / "progress.jsonl", {"event": "complete", "seed": 42}))
    assert json.loads(found.out)["state"] == "complete"
    assert json.loads(found.out)["malformed_line"] is None


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        ([], "holds no event"),
        (['{"event": "st'], "holds no event"),
        (
            ["nonsense"],
            "line 1 is no event of a training run: it is not JSON (Expecting value, character 1): 'nonsense'",
        ),
        (["[" * 100_000], "nested too deep"),
        (["9" * 5000], "too many digits"),
        ([{"step": 1}], "line 1 is no event of a training run: event is missing"),
        (
            [STEP, STEP | {"fold": ["a list"]}],
            "line 2 is no event of a training run: progress.fold is ['a list']; it should be",
        ),
        ([{"event": "login"}], "event is 'login'; expected one of 'start', 'progress'"),
        ([STEP, "nonsense", STEP], "line 2"),
        ([STEP, "{nonsense}"], "line 2"),
        ([SPREAD | {"effective_rank_ratio": "x"}], "effective_rank_ratio is 'x'; it should be a valid number"),
        ([STEP | {"time_s": -1}], "progress.time_s is -1; it should be greater than or equal to 0"),
        ([{"event": "error"}], "error.message is missing"),
    ],
    ids=[
        "empty",
        "only a cut line",
        "no JSON",
        "nested too deep",
        "a number too long",
        "no kind",
        "a fold that is a list",
        "another kind",
        "a bad line between",
        "a bad last line",
        "a text for a number",
        "a negative time",
        "no message",
    ],
)
def test_what_is_not_a_stream_is_one_line_that_names_the_fault(
    run: Run, tmp_path: Path, rows: list[Any], part: str
) -> None:
    run("job-status", lines(tmp_path / "progress.jsonl", *rows)).is_one_line_error("progress.jsonl", part)


def test_job_status_of_what_is_not_a_stream_is_one_line(run: Run, tmp_path: Path) -> None:
    run("job-status", "absent.jsonl").is_one_line_error("absent.jsonl cannot be read")
    run("job-status", tmp_path).is_one_line_error("cannot be read")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe")
    run("job-status", tmp_path / "binary.jsonl").is_one_line_error("binary.jsonl cannot be read")


def test_job_status_is_the_same_with_json(run: Run, tmp_path: Path) -> None:
    path = lines(tmp_path / "progress.jsonl", {"event": "complete", "seed": 42})
    assert json.loads(run("job-status", path, "--json").out)["state"] == "complete"


def test_a_spoiled_stream_gives_the_summary_or_one_line_and_never_a_traceback(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each field, line and byte of a stream with every event is spoiled in turn; output is JSON without NaN."""
    monkeypatch.setattr(cli, "parser", cache(cli.parser))  # most of the time otherwise
    path, statuses = tmp_path / "progress.jsonl", set()
    for done, data in mutants(STREAM):
        path.write_bytes(data)
        found = run("job-status", path)
        statuses.add(found.status)
        if found.status == 0:
            said = json.loads(found.out, parse_constant=pytest.fail)
            assert (set(said), found.err) == (KEYS, ""), done
            assert said["state"] in ("complete", "failed", "collapsed", "stalled", "running"), done
        else:
            assert found.out == "", done
            found.is_one_line_error("codelewm-assets: progress.jsonl")
    assert statuses == {0, 1}


READ = {
    "seed": STREAM[0], "fold": STEP, "step": STEP, "steps": STEP, "metrics": STEP, "elapsed_s": STEP, "eta_s": STREAM[1],
    "time_s": STREAM[1], "seq": STREAM[1], "effective_rank_ratio": SPREAD, "median_variance": SPREAD,
    "neighbour_entropy": SPREAD, "message": STREAM[4], "files": STREAM[5], "event": STEP,
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_a_field_of_another_type_is_refused_by_name(run: Run, tmp_path: Path, name: str) -> None:
    for value in ([[1]], {"a": [1]}, True):
        path = lines(tmp_path / "progress.jsonl", STREAM[0], READ[name] | {name: value})
        run("job-status", path).is_one_line_error("line 2", name)


def test_a_figure_that_is_not_finite_is_absent_and_collapse_is_unknown_then(run: Run, tmp_path: Path) -> None:
    """NaN < floor is false: read as a number it would say `ok`."""
    step, spread = STEP | {"metrics": {"val_loss": float("nan")}}, SPREAD | {"median_variance": float("nan")}
    said = json.loads(run("job-status", lines(tmp_path / "progress.jsonl", step, spread)).out)
    assert (said["metrics"], said["collapse"]) == ({"val_loss": None}, "unknown")
