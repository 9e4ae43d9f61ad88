"""`job-status`: how far a stream says a run is."""

import json
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import lines

STEP = {"event": "progress", "fold": 0, "step": 2, "steps": 9, "metrics": {"train_loss": 1.5}, "elapsed_s": 3.0}


def test_job_status_says_how_far_a_run_is_and_which_line_is_cut_off(run: Run, tmp_path: Path) -> None:
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
        (["nonsense"], "holds no event"),
        (["[" * 100_000], "holds no event"),
        (["9" * 5000], "holds no event"),
        ([{"step": 1}], "holds no event"),
        ([STEP | {"fold": ["a list"]}], "holds no event"),
    ],
    ids=["empty", "no JSON", "nested too deep", "a number too long", "no kind", "a fold that is a list"],
)
def test_a_stream_without_a_whole_event_is_one_line(run: Run, tmp_path: Path, rows: list[Any], part: str) -> None:
    run("job-status", lines(tmp_path / "progress.jsonl", *rows)).is_one_line_error("progress.jsonl", part)


def test_job_status_of_what_is_no_stream_is_one_line(run: Run, tmp_path: Path) -> None:
    run("job-status", "absent.jsonl").is_one_line_error("absent.jsonl cannot be read")
    run("job-status", tmp_path).is_one_line_error("cannot be read")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe")
    run("job-status", tmp_path / "binary.jsonl").is_one_line_error("binary.jsonl cannot be read")


def test_job_status_is_the_same_with_json(run: Run, tmp_path: Path) -> None:
    path = lines(tmp_path / "progress.jsonl", {"event": "complete", "seed": 42})
    assert json.loads(run("job-status", path, "--json").out)["state"] == "complete"
