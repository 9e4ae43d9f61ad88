"""`job-status` of a job of Hugging Face Jobs, and `--watch`, against a local server of the same API."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import lines
from codelewm_assets_tests.commands.test_forms import STREAM
from codelewm_assets_tests.tiers import slow
from codelewm_assets_tests.training.jobs_server import Job, JobsServer, Scenario, jobs_server


def test_watch_prints_a_line_at_each_change_and_ends_with_the_run(run: Run, tmp_path: Path) -> None:
    path = lines(tmp_path / "job_progress.jsonl", *STREAM[:2])
    timer = threading.Timer(0.2, lambda: lines(path, *STREAM))
    timer.start()
    result = run("job-status", path, "--watch", "--every", "0.02")
    timer.join()
    states = [json.loads(line)["state"] for line in result.out.splitlines()]
    assert (states[0], states[-1], result.status) == ("running", "complete", 0)
    assert len(states) == 2


def test_a_job_without_a_token_and_a_file_that_is_not_there_are_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    run("job-status", "6a241a07ece949d7b3dca989").is_one_line_error("is no file, and HF_TOKEN is not set")
    run("job-status", "absent.jsonl").is_one_line_error("absent.jsonl cannot be read")


@pytest.fixture
@slow
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[JobsServer]:
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with jobs_server() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.jobs.append(Job(len(hub.jobs), {"dockerImage": "i"}))
        yield hub


def test_a_job_of_codelewm_s_trainer_is_summed_up_from_its_log(run: Run, hub: JobsServer) -> None:
    hub.scenario = Scenario(lines=["Pulling", *(f"CODELEWM_JOB_EVENT {json.dumps(event)}" for event in STREAM)])
    said = json.loads(run("job-status", f"lab/{hub.jobs[0].info()['id']}", "--every", "0.01").out)
    assert (said["state"], said["step"], said["seed"]) == ("complete", 12000, 42)


def test_the_stage_of_a_job_decides_where_its_log_does_not(run: Run, hub: JobsServer) -> None:
    hub.scenario = Scenario(lines=[f"CODELEWM_JOB_EVENT {json.dumps(event)}" for event in STREAM[:2]])
    hub.jobs[0].end("ERROR", "out of memory")
    said = json.loads(run("job-status", f"lab/{hub.jobs[0].info()['id']}", "--every", "0.01").out)
    assert (said["state"], said["stage"], said["step"]) == ("failed", "ERROR", 12000)
