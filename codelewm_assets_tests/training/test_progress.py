"""The event stream: what is read of it, and what is said of a run."""

from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.claims.register import COLLAPSE_FLOORS
from codelewm_assets.core.errors import ReportError
from codelewm_assets.training.progress import event_line, job_event, job_event_line, read_events, summarise, timeless
from codelewm_assets_tests.cases import each_case

START = {"event": "start", "seed": 42, "folds": [0, 1], "device": "cpu", "time_s": 100.0}
STEP = {
    "event": "progress", "fold": 0, "step": 5, "steps": 9, "metrics": {"train_loss": 2.5, "val_loss": None},
    "elapsed_s": 1.5, "examples_per_second": 40.0, "eta_s": 2.0, "time_s": 110.0,
}  # fmt: skip
SPREAD = {
    "event": "collapse_diagnostics", "fold": 0, "step": 5, "effective_rank_ratio": 0.4, "median_variance": 0.01,
    "neighbour_entropy": 0.9, "time_s": 110.0,
}  # fmt: skip
COMPLETE = {"event": "complete", "seed": 42, "files": {}, "time_s": 120.0}
ERROR = {"event": "error", "seed": 42, "message": "The loss is not finite", "time_s": 120.0}


def _stream(folder: Path, *events: dict[str, Any], end: str = "") -> Path:
    path = folder / "job_progress.jsonl"
    path.write_text("".join(map(event_line, events)) + end, encoding="utf-8")
    return path


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    assert read_events(_stream(tmp_path, START, STEP)) == ([START, STEP], 0)


def test_a_log_line_carries_the_event_behind_its_prefix() -> None:
    assert job_event_line(START).startswith('CODELEWM_JOB_EVENT {"device"')
    assert job_event("2026-01-01 " + job_event_line(START)) == START


@each_case("line", ["plain", "{}", "CODELEWM_JOB_EVENT {", "CODELEWM_JOB_EVENT []", "CODELEWM_JOB_EVENT {}"])
def test_any_other_log_line_is_not_an_event(line: str) -> None:
    assert job_event(line) is None


def test_a_log_file_with_prefixes_is_read_like_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text(job_event_line(START) + job_event_line(STEP), encoding="utf-8")
    assert read_events(path) == ([START, STEP], 0)


def test_a_running_stream_says_how_far_it_is() -> None:
    later = STEP | {"fold": 1, "step": 7, "metrics": {"train_loss": 2.0, "val_loss": 2.25}, "elapsed_s": 3.0}
    found = summarise([START, STEP, SPREAD, later], now_s=112.0, collapse_floors=COLLAPSE_FLOORS)
    assert found == {
        "state": "running",
        "collapse": "ok",
        "seed": 42,
        "folds_started": [0, 1],
        "step": 7,
        "steps": 9,
        "metrics": {"train_loss": 2.0, "val_loss": 2.25},
        "examples_per_second": 40.0,
        "eta_s": 2.0,
        "elapsed_s": 3.0,
        "silence_s": 2.0,
        "usual_gap_s": 0.0,
        "message": None,
        "events": 4,
    }


@each_case(
    ("events", "state"),
    [
        ([START], "running"),
        ([START, SPREAD, COMPLETE], "complete"),
        ([START, ERROR], "failed"),
        ([START, ERROR, START, STEP], "running"),  # started again after a failure
        ([START, ERROR, START, COMPLETE], "complete"),
        ([START, SPREAD | {"effective_rank_ratio": 0.19}, COMPLETE], "collapsed"),
        ([START, SPREAD | {"median_variance": 0.0}, STEP], "collapsed"),
        ([START, SPREAD | {"neighbour_entropy": 0.05}, ERROR], "failed"),
        ([START, SPREAD | {"effective_rank_ratio": 0.1}, SPREAD, COMPLETE], "complete"),  # it recovered
    ],
)
def test_the_state_is_what_the_stream_ended_with(events: list[dict[str, Any]], state: str) -> None:
    assert summarise(events, now_s=125.0, collapse_floors=COLLAPSE_FLOORS)["state"] == state


@pytest.mark.parametrize("missing", [[], [SPREAD | {"effective_rank_ratio": None}]])
def test_without_diagnostics_collapse_is_unknown_and_never_ok(missing: list[dict[str, Any]]) -> None:
    assert (
        summarise([START, STEP, *missing, COMPLETE], now_s=120.0, collapse_floors=COLLAPSE_FLOORS)["collapse"]
        == "unknown"
    )


def test_a_stream_silent_for_longer_than_its_own_rhythm_is_stalled() -> None:
    """Every 10 s until 130: ten times that is 100 s, so it is at work at 229 and stalled at 231."""
    events = [START] + [STEP | {"time_s": 110.0 + 10 * n} for n in range(3)]
    assert summarise(events, now_s=229.0, collapse_floors=COLLAPSE_FLOORS)["state"] == "running"
    assert summarise(events, now_s=231.0, collapse_floors=COLLAPSE_FLOORS)["state"] == "stalled"
    assert (
        summarise([*events, COMPLETE | {"time_s": 140.0}], now_s=9999.0, collapse_floors=COLLAPSE_FLOORS)["state"]
        == "complete"
    )


def test_half_a_minute_of_silence_is_not_a_stall_whatever_the_rhythm() -> None:
    events = [START] + [STEP | {"time_s": 101.0 + n} for n in range(3)]
    assert summarise(events, now_s=132.0, collapse_floors=COLLAPSE_FLOORS)["state"] == "running"
    assert summarise(events, now_s=134.0, collapse_floors=COLLAPSE_FLOORS)["state"] == "stalled"


def test_a_stream_without_times_is_never_called_stalled() -> None:
    timed = {key: value for key, value in STEP.items() if key != "time_s"}
    assert summarise([timed], now_s=1e12, collapse_floors=COLLAPSE_FLOORS)["state"] == "running"


def test_a_failure_carries_its_message() -> None:
    assert summarise([START, ERROR], now_s=0.0, collapse_floors=COLLAPSE_FLOORS)["message"] == "The loss is not finite"


def test_before_the_first_step_its_figures_are_absent() -> None:
    found = summarise([START], now_s=100.0, collapse_floors=COLLAPSE_FLOORS)
    assert (found["step"], found["metrics"], found["folds_started"]) == (None, None, [])


def test_equal_runs_have_equal_timeless_streams_resumed_or_not() -> None:
    other = {"time_s": 999.0, "elapsed_s": 77.0, "seq": 12}
    resumed = [START, STEP, ERROR, START | other, STEP | other, COMPLETE | other]
    assert timeless(resumed) == timeless([START, STEP, COMPLETE])
    assert not {"time_s", "elapsed_s", "eta_s", "seq"} & set(timeless([STEP])[0])


def test_a_truncated_last_line_is_reported_by_number_and_the_rest_is_read(tmp_path: Path) -> None:
    path = _stream(tmp_path, START, STEP, end='{"event": "progress", "st')
    assert read_events(path) == ([START, STEP], 3)


@pytest.mark.parametrize("line", ["[1]", '{"step": 3}', "not json", '{"event": "progress", "fold": [1]}'])
def test_a_line_that_is_not_an_event_is_refused_by_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(ReportError, match="line 2 is no event"):
        read_events(_stream(tmp_path, START, end=line + "\n"))
    with pytest.raises(ReportError, match="line 2 is no event"):
        read_events(_stream(tmp_path, START, end=line + "\n" + event_line(COMPLETE)))


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_line_is_truncated_wherever_it_was_cut(tmp_path: Path, end: str) -> None:
    for line in (event_line(STEP), job_event_line(STEP)):
        cuts = [line[:length] for length in range(1, len(line) - 1) if not (end and line[:length].endswith("}"))]
        for cut in cuts:
            assert read_events(_stream(tmp_path, START, end=cut + end)) == ([START], 2), cut


@pytest.mark.parametrize("text", ["", "\n", '{"event": "st'])
def test_a_file_without_any_event_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ReportError, match=r"job_progress\.jsonl holds no event"):
        read_events(_stream(tmp_path, end=text))


def test_a_file_that_is_missing_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"absent\.jsonl cannot be read"):
        read_events(tmp_path / "absent.jsonl")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReportError, match=r"binary\.jsonl cannot be read"):
        read_events(tmp_path / "binary.jsonl")
