"""The event stream: what is read of it, and what is said of a run."""

from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.core.errors import ReportError
from codelewm_assets.training.progress import event_line, read_events, summarise

STARTED = {"event": "started", "seed": 42, "folds": [0, 1], "device": "cpu"}
STEP = {"event": "step", "fold": 0, "step": 5, "steps": 9, "train_loss": 2.5, "val_loss": None, "elapsed_s": 1.5}


def _stream(folder: Path, *events: dict[str, Any], end: str = "") -> Path:
    path = folder / "progress.jsonl"
    path.write_text("".join(map(event_line, events)) + end, encoding="utf-8")
    return path


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    assert read_events(_stream(tmp_path, STARTED, STEP)) == ([STARTED, STEP], 0)


def test_a_running_stream_says_how_far_it_is() -> None:
    later = STEP | {"fold": 1, "step": 7, "train_loss": 2.0, "val_loss": 2.25, "elapsed_s": 3.0}
    assert summarise([STARTED, STEP, later]) == {
        "state": "running",
        "seed": 42,
        "folds_started": [0, 1],
        "step": 7,
        "steps": 9,
        "train_loss": 2.0,
        "val_loss": 2.25,
        "elapsed_s": 3.0,
        "events": 3,
    }


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        (["started"], "running"),
        (["started", "finished"], "finished"),
        (["started", "failed"], "failed"),
        (["started", "finished", "failed"], "failed"),
    ],
)
def test_the_state_is_what_the_stream_ended_with(kinds: list[str], state: str) -> None:
    assert summarise([{"event": kind} for kind in kinds])["state"] == state


def test_before_the_first_step_its_figures_are_absent() -> None:
    found = summarise([STARTED])
    assert (found["step"], found["train_loss"], found["folds_started"]) == (None, None, [])


def test_a_cut_off_last_line_is_reported_by_number_and_the_rest_is_read(tmp_path: Path) -> None:
    path = _stream(tmp_path, STARTED, STEP, end='{"event": "step", "st')
    assert read_events(path) == ([STARTED, STEP], 3)


@pytest.mark.parametrize("line", ["[1]", '{"step": 3}', "not json"])
def test_a_line_that_is_no_event_is_reported_by_number(tmp_path: Path, line: str) -> None:
    assert read_events(_stream(tmp_path, STARTED, end=line + "\n")) == ([STARTED], 2)


@pytest.mark.parametrize("text", ["", "not json\n", "[]\n"])
def test_a_file_without_any_event_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ReportError, match=r"progress\.jsonl holds no event"):
        read_events(_stream(tmp_path, end=text))


def test_a_file_that_is_missing_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"absent\.jsonl cannot be read"):
        read_events(tmp_path / "absent.jsonl")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReportError, match=r"binary\.jsonl cannot be read"):
        read_events(tmp_path / "binary.jsonl")
