"""Training as a job of Hugging Face Jobs, against a local server that speaks its API: nothing here reaches the service."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from codelewm_assets.core import hub_calls
from codelewm_assets.core.errors import PreflightError, TrainingError
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets.training.config import HfJobsSettings
from codelewm_assets.training.hf_files import portable, run_id_of
from codelewm_assets.training.hf_jobs import HfJobs
from codelewm_assets.training.progress import STREAM, job_event_line
from codelewm_assets.training.worker import WorkerSpec
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.tiers import slow
from codelewm_assets_tests.training.imports import heavy_imports
from codelewm_assets_tests.training.job_inputs import (
    RESULTS,
    events_of,
    log_of,
    outputs_of,
    put_clear_chain,
    spec_on,
)
from codelewm_assets_tests.training.jobs_server import JobsServer, Scenario, jobs_server

IMAGE = "registry.example/lab/train@sha256:" + "a" * 64
EVENTS = events_of(RESULTS)
SETTINGS: dict[str, Any] = {
    "repository": "lab/runs",
    "flavor": "a10g-small",
    "image": IMAGE,
    "timeout_s": 3600,
    "price_per_hour_usd": 1.0,
    "spend_cap_usd": 2.0,
    "poll_s": 0.01,
}


def a_good_run(**changes: Any) -> Scenario:
    """A job whose log and files are those of a run that ends well, with fields changed."""
    fields = {"lines": log_of(EVENTS), "outputs": outputs_of(RESULTS, EVENTS)} | changes
    return Scenario(**fields)


@dataclass
class Bench:
    """A backend on the server, a spec whose artifacts are clear, and the events that were handed on."""

    hub: JobsServer
    store: ArtifactStore
    spec: WorkerSpec
    events: list[dict[str, Any]]

    def run(
        self, *, token: str | None = "hf_test", on_event: Callable[[dict[str, Any]], None] | None = None, **changes: Any
    ) -> None:
        """Run the spec with settings changed."""
        backend = HfJobs(HfJobsSettings(**SETTINGS | changes), token=token, endpoint=self.hub.address)
        backend.run(self.spec, on_event=on_event or self.events.append)

    def fail(self, match: str, error: type[Exception] = TrainingError, **changes: Any) -> str:
        """The message of the failure; nothing was left in the output folder."""
        with pytest.raises(error, match=match) as caught:
            self.run(**changes)
        assert self.output() == {}
        return str(caught.value)

    def output(self) -> dict[str, bytes]:
        """What lies in the output folder, and nothing beside it."""
        folder = Path(self.spec.output_folder)
        assert [path.name for path in folder.parent.iterdir()] == ["output"]
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
@slow
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its transfers go to servers of their own
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    store = ArtifactStore(tmp_path / "store")
    (tmp_path / "job").mkdir()
    spec = spec_on(store, put_clear_chain(store), tmp_path / "job" / "output")
    with jobs_server() as hub:
        hub.scenario = a_good_run()
        yield Bench(hub, store, spec, [])


def test_a_clean_run_brings_home_the_files_that_the_worker_wrote_and_reports_every_event(bench: Bench) -> None:
    bench.run()
    assert bench.output() == outputs_of(RESULTS, EVENTS)
    assert bench.events == EVENTS
    assert bench.hub.cancels == 0


def test_the_job_gets_its_image_machine_time_and_run_id_and_the_token_as_a_secret(bench: Bench) -> None:
    bench.run(attempts=2)
    run_id = run_id_of(portable(bench.spec))
    asked = bench.hub.jobs[0].asked
    assert asked["dockerImage"] == IMAGE
    assert asked["command"] == ["python", "-m", "codelewm_assets.training.remote", "lab/runs", run_id]
    assert (asked["flavor"], asked["timeoutSeconds"], asked["attempts"]) == ("a10g-small", 3600, 2)
    assert asked["secrets"] == {"HF_TOKEN": "hf_test"}
    assert "hf_test" not in str(asked["environment"]) + str(asked["command"]) + str(asked["labels"])


def test_what_the_worker_reads_goes_up_whole_with_its_lineage_and_no_path_of_this_machine(bench: Bench) -> None:
    bench.run()
    prefix = f"jobs/{run_id_of(portable(bench.spec))}/"
    sent = {name.removeprefix(prefix) for name in bench.hub.committed[0]}
    stored = {f"store/{p.relative_to(bench.store.root).as_posix()}" for p in bench.store.root.glob("*/*/*/*")}
    assert sent == {"spec.json"} | stored
    assert any(name.startswith("store/labelled_completions/all/") for name in sent)
    assert str(bench.store.root).encode() not in b"".join(bench.hub.files.values())


def test_a_second_run_of_the_same_spec_uploads_nothing_again(bench: Bench, tmp_path: Path) -> None:
    bench.run()
    other = tmp_path / "another" / "output"
    other.parent.mkdir()
    other.mkdir()
    bench.spec = bench.spec.model_copy(update={"output_folder": str(other)})  # where it lies is not what it is
    bench.run()
    assert len(bench.hub.committed) == 1
    assert len(bench.hub.jobs) == 2
    assert bench.output() == outputs_of(RESULTS, EVENTS)


@pytest.mark.parametrize("name", ["spec.json", "execution_pack.parquet"])
def test_an_input_that_was_altered_in_the_repository_is_uploaded_again(bench: Bench, name: str) -> None:
    bench.run()
    path = next(path for path in bench.hub.files if path.endswith(name))
    right, bench.hub.files[path] = bench.hub.files[path], b"altered"
    bench.run()
    assert bench.hub.committed[1] == [path]
    assert bench.hub.files[path] == right


# what stands before any request


def test_several_processes_are_refused_before_any_request(bench: Bench) -> None:
    several = bench.spec.config.model_copy(update={"processes": 2})
    bench.spec = bench.spec.model_copy(update={"config": several})
    bench.fail("training.processes is 2, and a job of Hugging Face Jobs trains by one process")
    assert bench.hub.requests == []


def test_artifacts_that_are_not_clear_are_refused_before_any_request(bench: Bench, tmp_path: Path) -> None:
    red = put_clear_chain(bench.store, clear=False, red=["controls_leave_headroom"])
    bench.spec = bench.spec.model_copy(update={"digests": red})
    bench.fail("^Training is refused: red rule controls_leave_headroom", PreflightError)
    assert bench.hub.requests == []


def test_an_artifact_that_is_not_stored_is_refused_before_any_request(bench: Bench) -> None:
    bench.spec = bench.spec.model_copy(update={"digests": bench.spec.digests | {"semantic_decoys": "0" * 64}})
    bench.fail("seed 42 cannot start: semantic_decoys 000000000000 is not in the store")
    assert bench.hub.requests == []


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_nothing_starts_and_the_message_names_the_variable(bench: Bench, token: str | None) -> None:
    bench.fail("Set HF_TOKEN", token=token)
    assert bench.hub.requests == []


def test_a_job_that_could_cost_more_than_the_cap_is_refused_with_the_figures() -> None:
    # 2 attempts × 5400 s at 4.00 USD an hour = 12.00 USD
    with pytest.raises(ValidationError, match=r"could cost 12\.00 USD \(2 × 5400 s at 4\.00 USD .* is 11\.99"):
        HfJobsSettings(
            **SETTINGS | {"attempts": 2, "timeout_s": 5400, "price_per_hour_usd": 4.0, "spend_cap_usd": 11.99}
        )


def test_a_job_that_costs_the_cap_at_most_is_let_through() -> None:
    assert HfJobsSettings(**SETTINGS | {"timeout_s": 7200}).max_usd == 2.0


@each_case("image", ["lab/train", "lab/train:1.0", "lab/train@sha256:abc", "@sha256:" + "a" * 64])
def test_an_image_that_is_not_pinned_by_digest_is_refused(image: str) -> None:
    with pytest.raises(ValidationError, match="can change under its name; expected name@sha256:<64 hex digits>"):
        HfJobsSettings(**SETTINGS | {"image": image})


@each_case(
    ("field", "value"),
    [("repository", "runs"), ("price_per_hour_usd", float("nan")), ("spend_cap_usd", float("inf")), ("gpu", "h100")],
)
def test_a_setting_that_is_malformed_or_not_known_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        HfJobsSettings(**SETTINGS | {field: value})


def test_a_public_repository_gets_nothing(bench: Bench) -> None:
    bench.hub.runs.private = False
    bench.fail("lab/runs is public")
    assert bench.hub.committed == [] and bench.hub.jobs == []


# the way there


def test_a_log_that_breaks_off_is_resumed_and_each_event_comes_once_in_order(bench: Bench) -> None:
    # broken off after 4 lines, then refused: the second reading begins again at the first line
    bench.hub.scenario = a_good_run(log_failures=[4, 503])
    bench.run()
    assert bench.events == EVENTS
    assert len([r for r in bench.hub.requests if r.endswith("/logs")]) == 4  # the last time when the job has ended


def test_a_log_whose_end_comes_after_the_jobs_end_is_read_again(bench: Bench) -> None:
    bench.hub.scenario = a_good_run(late_lines=4)  # the complete event among them
    bench.run()
    assert bench.events == EVENTS
    assert bench.output() == outputs_of(RESULTS, EVENTS)


def test_a_log_that_is_read_twice_gives_each_event_once(bench: Bench) -> None:
    bench.hub.scenario = a_good_run(lines=log_of(EVENTS[:3]) + log_of(EVENTS))
    bench.run()
    assert bench.events == EVENTS


def test_a_server_that_fails_for_a_while_is_retried(bench: Bench) -> None:
    bench.hub.scenario = a_good_run(log_failures=[500, 503, 429], inspect_failures=[502, 0, 504, 408])
    bench.run()
    assert bench.events == EVENTS
    assert bench.output() == outputs_of(RESULTS, EVENTS)
    assert bench.hub.cancels == 0


def test_a_server_that_fails_for_good_ends_the_run_and_the_job(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_calls, "MAX_PAUSE_S", 0.01)
    bench.hub.scenario = a_good_run(keeps_running=True, inspect_failures=[503] * 1000)
    bench.fail(f"Could not look at job job1 after {hub_calls.MAX_TRIES} tries: .*503")
    assert bench.hub.cancels == 1


def test_a_log_that_may_not_be_read_ends_the_run_and_the_job(bench: Bench) -> None:
    bench.hub.scenario = a_good_run(keeps_running=True, log_failures=[403])
    bench.fail("The log of job job1 cannot be read: .*403")
    assert bench.hub.cancels == 1


def test_a_job_that_is_started_again_by_the_service_counts_as_its_last_attempt(bench: Bench) -> None:
    error = {"event": "error", "message": "preempted", "seq": 2, "time_s": 902.0}
    first = [*events_of(RESULTS, first_s=900.0)[:2], error]
    bench.hub.scenario = a_good_run(lines=log_of(first) + log_of(EVENTS))
    bench.run(attempts=2)
    assert bench.events == first + EVENTS
    assert bench.output() == outputs_of(RESULTS, EVENTS)


# how it ends


def test_a_job_that_fails_is_an_error_with_the_message_of_its_last_error_event(bench: Bench) -> None:
    error = {"event": "error", "message": "TrainingError: loss is not finite", "seq": 2, "time_s": 1002.0}
    bench.hub.scenario = Scenario(lines=log_of([*EVENTS[:2], error]), stage="ERROR", message="exit code 1")
    bench.fail(r"Job job1 \(http.*/jobs/lab/job1\) of seed 42 failed: TrainingError: loss is not finite$")
    assert bench.events[-1] == error
    assert bench.hub.cancels == 0


def test_a_job_that_fails_without_an_event_is_an_error_with_the_services_message(bench: Bench) -> None:
    bench.hub.scenario = Scenario(lines=["No such image"], stage="ERROR", message="Job failed with exit code: 125")
    bench.fail("failed: Job failed with exit code: 125$")


def test_a_refusal_of_the_guard_in_the_job_is_a_preflight_error(bench: Bench) -> None:
    refusal = {"event": "error", "refused": True, "message": "Training is refused: not clear", "seq": 0, "time_s": 1.0}
    bench.hub.scenario = Scenario(lines=log_of([refusal]), stage="ERROR", message="exit code 3")
    bench.fail("^Training is refused: not clear$", PreflightError)


@pytest.mark.parametrize("stage", ["CANCELED", "DELETED"])
def test_a_job_that_someone_else_ended_is_an_error_that_says_so(bench: Bench, stage: str) -> None:
    bench.hub.scenario = a_good_run(lines=log_of(EVENTS[:2]), stage=stage)
    bench.fail(f"was {stage.lower()} before it was complete")
    assert bench.hub.cancels == 0


def test_a_job_that_ends_without_its_complete_event_is_an_error(bench: Bench) -> None:
    bench.hub.scenario = a_good_run(lines=log_of(EVENTS[:-1]))
    bench.fail("ended without the event `complete`")


def test_a_job_over_its_time_is_cancelled_and_the_limit_is_named(bench: Bench) -> None:
    bench.hub.scenario = a_good_run(lines=log_of(EVENTS[:2]), keeps_running=True)
    bench.fail("Job job1 is RUNNING after timeout_s = 1 s", timeout_s=1)
    assert bench.hub.cancels == 1
    assert bench.hub.jobs[0].stage == "CANCELED"


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_whatever_ends_the_run_early_cancels_the_job_and_continues(
    bench: Bench, interrupt: type[BaseException]
) -> None:
    def stop(event: dict[str, Any]) -> None:
        raise interrupt("stop")

    bench.hub.scenario = a_good_run(keeps_running=True)
    with pytest.raises(interrupt, match="stop"):
        bench.run(on_event=stop)
    assert bench.hub.cancels == 1
    assert bench.hub.jobs[0].stage == "CANCELED"
    assert bench.output() == {}


def test_a_cancel_that_fails_is_reported_beside_what_came_first(bench: Bench) -> None:
    def stop(event: dict[str, Any]) -> None:
        raise KeyboardInterrupt("stop")

    bench.hub.scenario = a_good_run(keeps_running=True, cancel_failures=[403])
    with pytest.raises(KeyboardInterrupt, match="stop") as caught:
        bench.run(on_event=stop)
    assert "may still run and cost money, end it at http" in caught.value.__notes__[0]
    assert "403" in caught.value.__notes__[0]


def test_a_cancel_that_fails_after_a_timeout_is_in_the_one_message(bench: Bench) -> None:
    bench.hub.scenario = a_good_run(lines=[], keeps_running=True, cancel_failures=[500] * 10)
    bench.fail("after timeout_s = 1 s.*The job may still run and cost money.*after 4 tries", timeout_s=1)
    assert bench.hub.cancels == 4


def test_a_job_that_may_not_be_started_is_asked_for_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(asked: dict[str, Any]) -> Any:
        raise ConnectionError  # the answer is lost

    monkeypatch.setattr(bench.hub, "start", refuse)
    bench.fail("Could not start a job on a10g-small in namespace lab: ")
    assert len([r for r in bench.hub.requests if r == "POST /api/jobs/lab"]) == 1


# what comes home


def test_a_file_that_is_missing_is_refused_and_nothing_is_kept(bench: Bench) -> None:
    bench.hub.scenario.outputs.pop("sidecar.json")
    bench.fail(r"not what its worker wrote: sidecar\.json is missing\. Nothing was kept")


def test_a_file_that_the_worker_did_not_list_is_refused_and_nothing_is_kept(bench: Bench) -> None:
    bench.hub.scenario.outputs["more.bin"] = b"more"
    bench.fail("more.bin is not among the files of the event")


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_a_file_with_other_bytes_is_refused_and_nothing_is_kept(bench: Bench, name: str) -> None:
    bench.hub.scenario.outputs[name] = b"x" * len(RESULTS[name])
    bench.fail(rf"{name} is [0-9a-f]{{12}}, expected [0-9a-f]{{12}}")


def test_a_stream_that_is_not_the_logs_is_refused_and_nothing_is_kept(bench: Bench) -> None:
    events = [event | ({"metrics": {"loss": 0.1}} if event["seq"] == 2 else {}) for event in EVENTS]
    bench.hub.scenario.outputs |= outputs_of(RESULTS, events)
    bench.fail(rf"{STREAM} has no event 2 \(progress\) of the job's log")


def test_a_complete_event_without_files_is_refused(bench: Bench) -> None:
    bare = {"event": "complete", "seq": 9, "time_s": 9.0}
    bench.hub.scenario.lines.append(job_event_line(bare))
    bench.fail("complete event names no files")


@pytest.mark.slow
def test_no_module_of_the_backend_imports_torch_client_or_dagster() -> None:
    modules = ("config", "hf_files", "hf_jobs", "remote")
    assert heavy_imports(modules, {"torch", "huggingface_hub", "httpx2", "dagster"}) == {}
