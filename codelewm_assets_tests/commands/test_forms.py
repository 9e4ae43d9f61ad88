"""Commands take CodeLeWM's files by their schema id, or refuse them by name."""

import json
from pathlib import Path

import pytest

from codelewm_assets.core.digests import pretty_json
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import lines
from codelewm_assets_tests.published.rows import row
from codelewm_assets_tests.published.written import Published

TRAINING = "execution_training"
STREAM = [
    {"event": f"{TRAINING}.start", "fields": {"seed": 42}},
    {"event": f"{TRAINING}.progress", "fields": {
        "seed": 42, "step": 12000, "max_steps": 12000, "progress": 1.0, "elapsed_seconds": 9.0, "eta_seconds": 0.0,
        "phase": "train", "metrics": {"loss_total": 0.113995, "lr": 0.0}}},
    {"event": f"{TRAINING}.collapse_diagnostics", "fields": {"step": 12000, "z_pred_effective_rank_ratio": 0.388272}},
    {"event": "runtime.upload", "fields": {"repo": "r"}},
    {"event": f"{TRAINING}.complete", "fields": {"seed": 42}},
    {"event": "runtime.exit", "fields": {}},
]  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "CODELEWM_JOB_EVENT ", "2026-06-07 INFO CODELEWM_JOB_EVENT "])
def test_a_finished_stream_of_codelewm_is_complete(run: Run, tmp_path: Path, prefix: str) -> None:
    rows = [prefix + json.dumps(event) for event in STREAM]
    if prefix:
        rows.insert(0, "Collecting torch")  # a job's log has other lines too
    said = json.loads(run("job-status", lines(tmp_path / "job_progress.jsonl", *rows)).out)
    assert (said["state"], said["seed"], said["step"], said["steps"]) == ("complete", 42, 12000, 12000)
    assert said["metrics"] == {"loss_total": 0.113995, "lr": 0.0}
    assert (said["collapse"], said["events"]) == ("unknown", 6)  # two of three figures are in no event


def test_a_stream_of_codelewm_that_goes_on_is_running_and_a_low_rank_ratio_is_a_collapse(
    run: Run, tmp_path: Path
) -> None:
    assert json.loads(run("job-status", lines(tmp_path / "a.jsonl", *STREAM[:2])).out)["state"] == "running"
    low = {"event": f"{TRAINING}.collapse_diagnostics", "fields": {"step": 1, "z_pred_effective_rank_ratio": 0.1}}
    assert json.loads(run("job-status", lines(tmp_path / "b.jsonl", *STREAM[:2], low)).out)["state"] == "collapsed"


def test_a_field_of_another_type_is_named(run: Run, tmp_path: Path) -> None:
    event = {"event": f"{TRAINING}.progress", "fields": {"step": "x"}}
    run("job-status", lines(tmp_path / "a.jsonl", event)).is_one_line_error("line 1", "fields.step is 'x'")


@pytest.mark.parametrize("command", ["calibrate", "rerank"])
@pytest.mark.parametrize("lacks", [(), ("benchmark_id", "split")], ids=["since v0.9", "before v0.9"])
def test_reports_of_codelewm_s_rows_compare_their_model_s_score(
    run: Run, tmp_path: Path, command: str, lacks: tuple[str, ...]
) -> None:
    rows = [
        {name: value for name, value in row(f"HumanEval/{n}::{m}", passed=m == 0, codelewm=-m).model_dump(mode="json").items()
         if name not in lacks}
        for n in range(2) for m in range(2)
    ]  # fmt: skip
    result = run(command, lines(tmp_path / "s.jsonl", *rows), "--output", tmp_path / "out", "--json")
    report = json.loads(result.out)["report"]
    assert report["subject"] == "codelewm"
    assert "humaneval" in (report["benchmarks"] if command == "rerank" else report["slices"]["benchmark"])


def test_a_file_that_another_command_takes_is_refused_by_its_name(run: Run, tmp_path: Path) -> None:
    Published(tmp_path).rerank()
    report = tmp_path / "reports" / "execution_rerank_report.json"
    for command in ("rerank", "calibrate"):
        result = run(command, report, "--output", tmp_path / "out")
        result.is_one_line_error("is codelewm.eval.execution_rerank_report.v1", "recheck judges")
    events = lines(tmp_path / "e.jsonl", *STREAM)
    run("rerank", events, "--output", tmp_path / "out").is_one_line_error("an event stream", "job-status takes it")
    run("job-status", tmp_path / "reports" / "completion_scores.jsonl").is_one_line_error(
        "is codelewm.eval.completion_score.v1", "calibrate, rerank and recheck take it"
    )
    run("verify", tmp_path / "manifest.json").is_one_line_error("is codelewm.artifact_manifest.v1", "recheck judges")
    run("verify", f"{tmp_path}/").is_one_line_error("is codelewm.artifact_manifest.v1")
    run("audit", report).is_one_line_error("is codelewm.eval.execution_rerank_report.v1", "recheck", status=2)


def test_a_file_without_a_schema_id_is_left_to_its_reader(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(pretty_json({"a": 1}))
    run("rerank", tmp_path / "x.json", "--output", tmp_path / "out").is_one_line_error("x.json: line 1")


def test_score_rows_and_events_are_no_programs(run: Run, tmp_path: Path) -> None:
    scores = lines(tmp_path / "s.jsonl", {"completion_id": "a", "problem_id": "p", "scores": {"x": 0.5}})
    events = lines(tmp_path / "e.jsonl", *STREAM)
    output = ("--output", tmp_path / "out.jsonl")
    for command in (("label",), ("score", "--scorer", "critic")):
        run(*command, scores, *output).is_one_line_error("s.jsonl is a file of score rows", "recheck take it", status=2)
        run(*command, events, *output).is_one_line_error("e.jsonl is an event stream", "job-status takes it", status=2)
    run("score", "absent.jsonl", "--scorer", "critic", *output).is_one_line_error(
        "absent.jsonl cannot be read", status=2
    )
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        ([{"event": "foo.bar", "fields": {}}], "holds no event of a training run; found 'foo.bar'"),
        ([{"event": f"{TRAINING}.start"}], "fields is missing"),
        ([{"event": f"{TRAINING}.start", "fields": [1]}], "fields is [1]; it should be a valid dictionary"),
        (["Collecting torch", "Done"], "no line has CODELEWM_JOB_EVENT"),
    ],
)
def test_a_stream_without_a_known_event_is_refused(run: Run, tmp_path: Path, rows: list[object], part: str) -> None:
    run("job-status", lines(tmp_path / "a.log", *rows)).is_one_line_error("a.log", part)


@pytest.mark.parametrize("command", ["calibrate", "rerank"])
def test_rows_of_two_cycles_are_refused(run: Run, tmp_path: Path, command: str) -> None:
    rows = [row(f"HumanEval/0::{m}", passed=m == 0).model_dump(mode="json") for m in range(2)]
    del rows[1]["benchmark_id"], rows[1]["split"]
    path = lines(tmp_path / "s.jsonl", *rows)
    run(command, path, "--output", tmp_path / "out").is_one_line_error(
        "line 2: no split: rows of two cycles in one file"
    )
