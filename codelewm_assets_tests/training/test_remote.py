"""Inside the job: what was sent is checked, the worker trains, and its files and events reach the other side."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from codelewm_assets.core.digests import canonical_json
from codelewm_assets.core.errors import PreflightError, TrainingError
from codelewm_assets.core.package import PACKAGE, package_sha256
from codelewm_assets.preflight.clearance import require_clear_artifacts
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets.training import remote, worker
from codelewm_assets.training.config import HfJobsSettings
from codelewm_assets.training.hf_files import PACKAGE_SHA256, SPEC, input_files, portable, run_id_of
from codelewm_assets.training.hf_jobs import HfJobs
from codelewm_assets.training.progress import job_event, job_event_line
from codelewm_assets.training.worker import WorkerSpec
from codelewm_assets_tests.hub_server import Fault
from codelewm_assets_tests.tiers import slow
from codelewm_assets_tests.training.job_inputs import RESULTS, events_of, outputs_of, put_clear_chain, spec_on
from codelewm_assets_tests.training.jobs_server import JobsServer, Scenario, jobs_server

EVENTS = events_of(RESULTS)
SETTINGS = HfJobsSettings(
    repository="lab/runs", flavor="a10g-small", image="train@sha256:" + "a" * 64,
    timeout_s=60, price_per_hour_usd=1, spend_cap_usd=1, poll_s=0.01,
)  # fmt: skip


@pytest.fixture
@slow
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[JobsServer]:
    monkeypatch.setattr(pytest.importorskip("huggingface_hub.constants"), "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with jobs_server() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.address)
        monkeypatch.setenv("HF_TOKEN", "hf_test")
        yield found


@pytest.fixture
def spec(tmp_path: Path) -> WorkerSpec:
    """A spec on a clear chain; its output folder is empty."""
    store = ArtifactStore(tmp_path / "store")
    return spec_on(store, put_clear_chain(store), tmp_path / "output")


def train(given: WorkerSpec) -> None:
    """Stands in for the worker: its guard, a run's files with a state beside them, and the events."""
    require_clear_artifacts(ArtifactStore(Path(given.store_root)), given.digests, folds=given.config.folds)
    for name, data in (outputs_of(RESULTS, EVENTS) | {"states/fold0.pt": b"state"}).items():
        path = Path(given.output_folder) / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    print("".join(map(job_event_line, EVENTS)), end="")


def put_inputs(hub: JobsServer, spec: WorkerSpec, folder: Path) -> str:
    """Lay the job's inputs in the repository. Returns: the run id."""
    run_id = run_id_of(portable(spec))
    hub.files |= {f"jobs/{run_id}/{n}": p.read_bytes() for n, p in input_files(spec, folder / "spec.json").items()}
    return run_id


def in_the_job(run_id: str) -> tuple[int, list[dict[str, Any]]]:
    """Run the job's command. Returns: its exit status, and the events that it printed."""
    said = io.StringIO()
    with redirect_stdout(said):
        status = remote.main(["lab/runs", run_id])
    return status, [event for line in said.getvalue().splitlines() if (event := job_event(line)) is not None]


def spoken(command: list[str], status: int = 0) -> list[str]:
    """Run the job's command as the service does. Returns: the lines of its log."""
    said = io.StringIO()
    with redirect_stdout(said):
        assert remote.main(command[3:]) == status
    return said.getvalue().splitlines()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[WorkerSpec], None]], None]:
    """Puts another function in the place of `worker.train`."""
    return lambda function: monkeypatch.setattr(worker, "train", function)


def outputs(hub: JobsServer, run_id: str) -> dict[str, bytes]:
    """What lies in the job's output folder."""
    prefix = f"jobs/{run_id}/output/"
    return {name.removeprefix(prefix): data for name, data in hub.files.items() if name.startswith(prefix)}


def test_the_worker_gets_the_spec_on_this_machines_paths_and_its_results_go_up_without_its_states(
    hub: JobsServer, spec: WorkerSpec, tmp_path: Path, fake: Any
) -> None:
    specs = list[WorkerSpec]()
    fake(lambda found: (specs.append(found), train(found)))
    run_id = put_inputs(hub, spec, tmp_path)
    assert in_the_job(run_id) == (0, EVENTS)
    assert portable(specs[0]) == portable(spec)
    assert specs[0].store_root != spec.store_root and specs[0].output_folder != spec.output_folder
    assert outputs(hub, run_id) == outputs_of(RESULTS, EVENTS)
    assert not Path(specs[0].output_folder).exists()


def test_files_of_an_earlier_run_are_taken_away_when_new_ones_come(
    hub: JobsServer, spec: WorkerSpec, tmp_path: Path, fake: Any
) -> None:
    fake(train)
    run_id = put_inputs(hub, spec, tmp_path)
    hub.files[f"jobs/{run_id}/output/fold1.safetensors"] = b"of an earlier run"
    assert in_the_job(run_id)[0] == 0
    assert outputs(hub, run_id) == outputs_of(RESULTS, EVENTS)
    assert len(hub.committed) == 1


def test_the_backend_and_the_job_together_bring_the_workers_files_home(
    hub: JobsServer, spec: WorkerSpec, fake: Any
) -> None:
    fake(train)
    hub.scenario = Scenario(in_job=spoken)
    events = list[dict[str, Any]]()
    HfJobs(SETTINGS, token="hf_test", endpoint=hub.address).run(spec, on_event=events.append)
    assert events == EVENTS
    folder = Path(spec.output_folder)
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert found == outputs_of(RESULTS, EVENTS)


def test_artifacts_that_are_not_clear_are_refused_in_the_job_too_with_the_workers_status(
    hub: JobsServer, tmp_path: Path, fake: Any
) -> None:
    fake(train)
    store = ArtifactStore(tmp_path / "store")
    red = spec_on(store, put_clear_chain(store, clear=False, red=["rerank_can_decide"]), tmp_path / "output")
    status, events = in_the_job(put_inputs(hub, red, tmp_path))
    assert status == worker.REFUSED == 3
    assert [(e["event"], e["seq"], e["refused"]) for e in events] == [("error", 0, True)]
    assert events[0]["message"].startswith("Training is refused: red rule rerank_can_decide")


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("spec.json", r"spec.json of the job is [0-9a-f]{12}, its run id says"),
        ("execution_pack.parquet", r"Artifacts of the job are not what was sent: execution_pack [0-9a-f]{12} "),
        ("manifest.json", "Artifacts of the job are not what was sent: "),
    ],
)
def test_an_input_that_was_altered_on_the_way_is_not_trained_on(
    hub: JobsServer, spec: WorkerSpec, tmp_path: Path, fake: Any, name: str, fault: str
) -> None:
    specs = list[WorkerSpec]()
    fake(specs.append)
    run_id = put_inputs(hub, spec, tmp_path)
    hub.files[next(path for path in hub.files if path.endswith(name))] = b"{}"
    with pytest.raises(TrainingError, match=fault):
        remote.run("lab/runs", run_id, work=_empty(tmp_path))
    assert specs == []


# the code of the image


def run_in_an_image(package: Path, run_id: str) -> tuple[int, list[dict[str, Any]]]:
    """Run the job's command in a process that imports the package from this folder. Returns: as `in_the_job`."""
    done = subprocess.run(
        [sys.executable, "-m", "codelewm_assets.training.remote", "lab/runs", run_id],
        env=os.environ | {"PYTHONPATH": str(package.parent), "HF_HUB_DISABLE_XET": "1"}, cwd=package.parent,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, [event for line in done.stdout.splitlines() if (event := job_event(line)) is not None]


def installed(folder: Path) -> Path:
    """A copy of the package as an image would hold it."""
    return Path(shutil.copytree(PACKAGE, folder / "image" / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__")))


def test_an_image_with_an_older_guard_is_refused_before_the_data_is_fetched(hub: JobsServer, tmp_path: Path) -> None:
    """The report is red, and the guard of this image does not look: only the digest of its code tells."""
    store = ArtifactStore(tmp_path / "store")
    red = spec_on(store, put_clear_chain(store, clear=False, red=["rerank_can_decide"]), tmp_path / "output")
    run_id, image = put_inputs(hub, red, tmp_path), installed(tmp_path)
    with (image / "preflight" / "clearance.py").open("a") as guard:
        guard.write("\n\ndef require_clear_artifacts(store, digests, *, folds):\n    pass\n")
    status, events = run_in_an_image(image, run_id)
    assert status == 1
    assert [(e["event"], e["refused"]) for e in events] == [("error", False)]
    assert events[0]["message"] == (
        "The job's image holds different code than the sender: the source of codelewm_assets is "
        f"{package_sha256(image)[:12]} in the image, {package_sha256()[:12]} at the sender. Build the image from these sources "
        "(revision test) and name its digest in compute.hf_jobs.image."
    )
    assert [r.split("/")[-1] for r in hub.requests if r.startswith("GET") and "/resolve/" in r] == ["spec.json"]
    assert outputs(hub, run_id) == {} and hub.committed == []


def test_an_image_with_the_same_code_in_another_place_continues_to_the_guard(hub: JobsServer, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "store")
    red = spec_on(store, put_clear_chain(store, clear=False, red=["rerank_can_decide"]), tmp_path / "output")
    status, events = run_in_an_image(installed(tmp_path), put_inputs(hub, red, tmp_path))
    assert (status, events[0]["refused"]) == (worker.REFUSED, True)
    assert events[0]["message"].startswith("Training is refused: red rule rerank_can_decide")


def test_a_job_in_another_image_is_a_training_error_here_and_nothing_is_kept(
    hub: JobsServer, spec: WorkerSpec, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = list[WorkerSpec]()
    fake(specs.append)
    monkeypatch.setattr(remote, "package_sha256", lambda: "0" * 64)
    hub.scenario = Scenario(in_job=lambda command: spoken(command, status=1), stage="ERROR", message="exit code 1")
    with pytest.raises(
        TrainingError, match=r"of seed 42 failed: The job's image holds different code .* is 000000000000 in"
    ):
        HfJobs(SETTINGS, token="hf_test", endpoint=hub.address).run(spec, on_event=lambda event: None)
    assert specs == [] and list(Path(spec.output_folder).iterdir()) == []


def test_a_job_that_was_started_by_code_that_stated_no_digest_is_refused(
    hub: JobsServer, spec: WorkerSpec, fake: Any
) -> None:
    fake(train)
    earlier = {name: value for name, value in portable(spec).items() if name != PACKAGE_SHA256}
    hub.files[f"jobs/{run_id_of(earlier)}/{SPEC}"] = canonical_json(earlier)
    status, events = in_the_job(run_id_of(earlier))
    assert status == 1 and "in the image, absent at the sender." in events[0]["message"]


def test_a_worker_from_before_this_check_refuses_the_spec_of_today(spec: WorkerSpec) -> None:
    """It hands the whole of spec.json to the closed record, which knows no such field."""
    paths = {"store_root": "store", "output_folder": "output"}
    with pytest.raises(ValidationError, match=r"package_sha256\n  Extra inputs are not permitted"):
        WorkerSpec.model_validate(portable(spec) | paths)


def test_a_run_that_was_never_sent_is_refused(hub: JobsServer, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"spec\.json of the job is missing, its run id says ffffffffffff"):
        remote.run("lab/runs", "f" * 64, work=_empty(tmp_path))


def test_without_its_secret_the_job_ends_and_says_so(hub: JobsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    status, events = in_the_job("f" * 64)
    assert status == 1
    assert "no secret HF_TOKEN" in events[0]["message"]
    assert hub.requests == []


def test_an_error_that_the_worker_reported_is_not_reported_twice(
    hub: JobsServer, spec: WorkerSpec, tmp_path: Path, fake: Any
) -> None:
    error = {"event": "error", "message": "TrainingError: loss is not finite", "seq": 5, "time_s": 1005.0}

    def fail(given: WorkerSpec) -> None:
        _write_stream(given, [*EVENTS, error])
        print(job_event_line(error), end="")
        raise TrainingError("loss is not finite")

    fake(fail)
    assert in_the_job(put_inputs(hub, spec, tmp_path)) == (1, [error])


def test_a_refusal_after_training_is_reported_as_one_though_the_worker_reported_an_error(
    hub: JobsServer, spec: WorkerSpec, tmp_path: Path, fake: Any
) -> None:
    def fail(given: WorkerSpec) -> None:
        _write_stream(given, [{"event": "error", "message": "PreflightError", "seq": 7, "time_s": 1.0}])
        raise PreflightError("Training is refused: not clear")

    fake(fail)
    status, events = in_the_job(put_inputs(hub, spec, tmp_path))
    assert (status, events[0]["refused"], events[0]["seq"]) == (3, True, 8)


def test_an_upload_that_fails_is_reported_after_the_workers_events(
    hub: JobsServer, spec: WorkerSpec, tmp_path: Path, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(train)
    monkeypatch.setattr(remote, "PAUSE_S", 0.01)
    hub.faults.append(Fault("POST .*/commit/", how="half", times=1000))
    status, events = in_the_job(put_inputs(hub, spec, tmp_path))
    assert status == 1
    assert events[:-1] == EVENTS
    assert events[-1]["seq"] == EVENTS[-1]["seq"] + 1
    assert "Could not upload to the dataset repository lab/runs after 8 tries" in events[-1]["message"]


def test_an_error_that_nobody_expected_is_reported_and_continues(
    hub: JobsServer, spec: WorkerSpec, tmp_path: Path, fake: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(given: WorkerSpec) -> None:
        raise KeyError("no such tensor")

    fake(fail)
    with pytest.raises(KeyError):
        remote.main(["lab/runs", put_inputs(hub, spec, tmp_path)])
    event = job_event(capsys.readouterr().out.strip())
    assert event is not None and event["message"] == "KeyError: 'no such tensor'"


def test_a_call_without_a_run_id_ends_with_status_2() -> None:
    assert remote.main(["lab/runs"]) == 2


def _write_stream(given: WorkerSpec, events: list[dict[str, Any]]) -> None:
    (path := Path(given.output_folder) / "reports").mkdir()
    (path / "job_progress.jsonl").write_bytes(outputs_of({}, events)["reports/job_progress.jsonl"])


def _empty(folder: Path) -> Path:
    (folder / "work").mkdir()
    return folder / "work"
