"""Every failed run is told once: failed steps, red checks, backfills, workers that died, time-outs; whatever fails between."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.api import create_execution_plan

from codelewm_assets.defs import failures
from codelewm_assets.notify.subjects import MAX_CAUSE_CHARS
from codelewm_assets_tests.defs.deployment import Deployment, deployed
from codelewm_assets_tests.defs.operating_profile import profile_with
from codelewm_assets_tests.defs.stored_world import QUIET
from codelewm_assets_tests.defs.stub_graph import CODE, set_faults, stub_defs
from codelewm_assets_tests.notify.loopback import Hook, hook
from codelewm_assets_tests.tiers import slow

BOTH_SEEDS = ["1729", "42"]


@pytest.fixture
@slow
def receiver() -> Iterator[Hook]:
    with hook() as found:
        yield found


@pytest.fixture
def made(tmp_path: Path, receiver: Hook) -> Iterator[Deployment]:
    """A deployment that sends to a webhook; its sensors have had their first tick."""
    profile = profile_with(tmp_path, notify=[receiver.apprise_url], ui_url="http://127.0.0.1:3000/")
    with deployed(tmp_path, CODE, profile) as found:
        tick(found)
        yield found


def told(receiver: Hook) -> list[str]:
    """Runs that notices were taken of, in order."""
    return [body["message"].rpartition("/runs/")[2] for body in receiver.got]


def tick(made: Deployment) -> None:
    """Twice, so that whatever the order of the sensors is, what one wrote the other has sent."""
    for _ in range(2):
        made.tick_sensors()


def run_job(made: Deployment, job: str = "refresh_data") -> str:
    run = made.launch_job(job)
    made.drain()
    return run


def test_a_failed_step_is_reported_once_with_its_cause(made: Deployment, receiver: Hook) -> None:
    set_faults(made.folder, execution_pack="fails")
    run = run_job(made)
    for _ in range(3):
        tick(made)
    assert told(receiver) == [run]
    body = receiver.got[0]
    assert body["title"] == "refresh_data failed: execution_pack: execution_pack cannot be made here."
    assert body["message"].endswith(f"It is not retried.\nhttp://127.0.0.1:3000/runs/{run}")


def test_a_red_check_is_reported_once_by_its_name_and_finding(made: Deployment, receiver: Hook) -> None:
    set_faults(made.folder, execution_pack="red")
    run = run_job(made)
    tick(made)
    assert told(receiver) == [run]
    assert receiver.got[0]["title"] == "refresh_data failed: execution_pack:is_sound is red: 3 rows are of no problem."


@pytest.mark.parametrize("before", ["", "x" * (MAX_CAUSE_CHARS - 75) + " "], ids=["whole", "at the cut"])
def test_what_is_reported_holds_no_secret(
    made: Deployment, receiver: Hook, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """An error may quote what it was given: the value of a secret variable, a password in an address."""
    secret = "planted-secret-of-thirty-chars"
    monkeypatch.setenv("SOME_TOKEN", secret)
    set_faults(made.folder, execution_pack=f"fails: {before}{secret} at https://ann:hunter22@hub.test/in")
    run = run_job(made)
    tick(made)
    (body,) = receiver.got
    assert told(receiver) == [run]
    assert secret[:8] not in str(body) and "hunter22" not in str(body)
    if not before:
        assert body["title"].endswith("execution_pack cannot be made here.: *** at https://***@hub.test/in")


def test_a_run_that_succeeds_or_is_canceled_by_a_person_is_not_reported(made: Deployment, receiver: Hook) -> None:
    run_job(made)
    made.launch_job("refresh_data")
    (waiting,) = made.queued()
    made.instance.report_run_canceled(waiting)
    tick(made)
    assert told(receiver) == []


def test_each_failed_run_of_a_backfill_is_reported_once_with_its_partition(made: Deployment, receiver: Hook) -> None:
    set_faults(made.folder, checkpoint="fails")
    runs = made.backfill(["checkpoint"], BOTH_SEEDS)
    for _ in range(2):
        tick(made)
    assert sorted(told(receiver)) == sorted(runs.values())
    titles = [f"__ASSET_JOB[{seed}] failed: checkpoint: checkpoint cannot be made here." for seed in BOTH_SEEDS]
    assert sorted(body["title"] for body in receiver.got) == titles
    assert all("Of backfill " in body["message"] for body in receiver.got)


def test_a_run_whose_worker_died_is_reported_and_each_retry_that_fails_too(made: Deployment, receiver: Hook) -> None:
    """A retry carries its parent's tags, so that who was told cannot stand in a tag."""
    lost = made.launch_job("refresh_data")
    made.instance.report_engine_event("the process ended with exit code 9", made.queued()[0])
    made.instance.report_run_failed(made.queued()[0], "the worker is gone")
    tick(made)
    made.retry()
    (again,) = made.queued()
    made.instance.report_run_failed(again, "the worker is gone again")
    tick(made)
    tick(made)
    assert told(receiver) == [lost, again.run_id]
    assert "\nIt is retried.\n" in receiver.got[0]["message"] and "\nIt is not retried.\n" in receiver.got[1]["message"]
    why = "the worker is gone; last said of its process: the process ended with exit code 9"
    assert receiver.got[0]["title"] == f"refresh_data failed: {why}"


def test_a_failed_run_that_does_not_say_yet_whether_it_is_retried_is_reported_as_such(
    made: Deployment, receiver: Hook
) -> None:
    lost = made.launch_job("refresh_data")
    with made.sensors_between_failure_and_tag():
        made.instance.report_run_failed(made.queued()[0], "the worker is gone")
    tick(made)
    assert told(receiver) == [lost] and "It may be retried." in receiver.got[0]["message"]


def test_a_run_whose_events_cannot_be_read_is_reported_as_such_once_and_blocks_no_other(
    made: Deployment, receiver: Hook
) -> None:
    """Its events are a file that is no database any more. The tick that meets it fails."""
    set_faults(made.folder, execution_pack="fails")
    broken, whole = run_job(made), run_job(made)
    (events,) = (made.folder / "home").rglob(f"{broken}.db")
    for own in made.folder.rglob(f"{broken}.db*"):
        own.unlink()
    events.write_bytes(b"no database" * 1000)
    failed = list[str]()
    for _ in range(3):
        failed += made.tick_sensors_that_may_fail()
    assert sorted(told(receiver)) == sorted([broken, whole])
    assert "its events cannot be read (DatabaseError: " in receiver.got[0]["title"]
    assert failed


def test_a_build_of_the_command_line_that_fails_is_reported_too(made: Deployment, receiver: Hook) -> None:
    """It runs in its own process and is of no code location."""
    set_faults(made.folder, execution_pack="red")
    job = stub_defs(str(made.folder / "artifacts"), str(made.folder / "operating.yaml")).resolve_job_def("refresh_data")
    found = job.execute_in_process(instance=made.instance, raise_on_error=False, run_config=QUIET)
    tick(made)
    assert told(receiver) == [found.run_id]


def _started(made: Deployment, tags: dict[str, str]) -> str:
    """A run of refresh_data that was started by a worker that nobody hears of any more."""
    job = made.stored.defs.resolve_job_def("refresh_data")
    run = made.instance.create_run_for_job(job, tags=tags, execution_plan=create_execution_plan(job))
    for kind in (dg.DagsterEventType.RUN_STARTING, dg.DagsterEventType.RUN_START):
        event = dg.DagsterEvent(kind.value, job_name="refresh_data", message="")
        made.instance.report_dagster_event(event, run_id=run.run_id)
    return run.run_id


def test_a_run_over_its_time_limit_is_ended_by_monitoring_and_reported(made: Deployment, receiver: Hook) -> None:
    run = _started(made, {"dagster/max_runtime": "0.000001"})
    made.monitor()
    tick(made)
    assert told(receiver) == [run]
    assert "exceeding maximum runtime of 0 seconds" in receiver.got[0]["message"]
    assert "It is retried." in receiver.got[0]["message"]  # no step failed: docs/operating.md says so


def test_a_run_that_failed_by_its_time_limit_and_then_reads_as_canceled_is_reported(
    made: Deployment, receiver: Hook
) -> None:
    """The worker's own last event can come after monitoring's."""
    run = _started(made, {})
    record = made.instance.get_run_by_id(run)
    assert record is not None
    made.instance.report_run_failed(record, "Exceeded maximum runtime of 60 seconds.")
    made.instance.report_run_canceled(record)
    tick(made)
    assert told(receiver) == [run]


def test_what_the_receiver_did_not_take_is_sent_again_and_what_it_took_is_not(made: Deployment, receiver: Hook) -> None:
    set_faults(made.folder, execution_pack="fails")
    receiver.answers = [500, 500]
    runs = [run_job(made), run_job(made)]
    tick(made)
    assert told(receiver) == []
    for _ in range(2):
        tick(made)
    assert told(receiver) == runs


def test_a_sensor_that_lost_its_cursor_reports_nothing_again(made: Deployment, receiver: Hook) -> None:
    set_faults(made.folder, execution_pack="fails")
    run = run_job(made)
    tick(made)
    made.forget_sensors()
    tick(made)
    assert told(receiver) == [run]


def test_what_a_tick_has_no_time_for_is_reported_at_the_next(
    made: Deployment, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_faults(made.folder, execution_pack="fails")
    run = run_job(made)
    with monkeypatch.context() as patch:
        patch.setattr(failures, "TICK_BUDGET_S", -1.0)
        tick(made)
    assert told(receiver) == []
    tick(made)
    assert told(receiver) == [run]


def test_failures_from_before_the_sensor_was_first_on_are_not_reported(tmp_path: Path, receiver: Hook) -> None:
    profile = profile_with(tmp_path, notify=[receiver.apprise_url], ui_url="http://127.0.0.1:3000")
    with deployed(tmp_path, CODE, profile) as made:
        set_faults(tmp_path, execution_pack="fails")
        run_job(made)
        tick(made)
        later = run_job(made)
        tick(made)
    assert told(receiver) == [later]
