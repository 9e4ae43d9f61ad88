"""A run whose process is gone fails; one whose process lives, or cannot be looked at, goes on."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.events import DagsterEvent, DagsterEventType, EngineEventData
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import serialize_value

from codelewm_assets.instance.launcher import WatchingRunLauncher, is_run_process
from codelewm_assets_tests.instance.web import ROOT
from codelewm_assets_tests.tiers import slow

SOCKET = json.dumps({"host": "localhost", "socket": "/tmp/some-socket"})


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with this launcher."""
    launcher = {"module": "codelewm_assets.instance.launcher", "class": "WatchingRunLauncher"}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides={"run_launcher": launcher}) as found:
        yield found


@pytest.fixture
@slow
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process such as a code server forks for a run; it lives until it is killed."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "--multiprocessing-fork"]) as process:
        yield process
        process.kill()


def _health(instance: dg.DagsterInstance, pid: int | None, *, server: str = SOCKET) -> str:
    run = instance.create_run_for_job(_nothing(), status=dg.DagsterRunStatus.STARTED, tags={GRPC_INFO_TAG: server})
    if pid is not None:
        event = DagsterEvent(
            DagsterEventType.ENGINE_EVENT.value, run.job_name, event_specific_data=EngineEventData.in_process(pid),
            message=f"Started process for run (pid: {pid}).",
        )  # fmt: skip
        instance.report_dagster_event(event, run.run_id)
    assert isinstance(instance.run_launcher, WatchingRunLauncher)
    return str(instance.run_launcher.check_run_worker_health(run).status.value)


def _nothing() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None: ...

    @dg.job
    def nothing_job() -> None:
        nothing()

    return nothing_job


def test_a_run_whose_process_lives_continues(instance: dg.DagsterInstance, child: subprocess.Popen[bytes]) -> None:
    assert _health(instance, child.pid) == WorkerStatus.RUNNING.value


def test_a_run_whose_process_was_killed_has_failed(
    instance: dg.DagsterInstance, child: subprocess.Popen[bytes]
) -> None:
    child.kill()
    assert _health(instance, child.pid) == WorkerStatus.FAILED.value  # it waits to be collected
    child.wait()
    assert _health(instance, child.pid) == WorkerStatus.FAILED.value
    for host in ("localhost", "127.0.0.1", "::1"):  # a code server on a port of this machine
        server = json.dumps({"host": host, "port": 4000})
        assert _health(instance, child.pid, server=server) == WorkerStatus.FAILED.value


def test_another_program_that_inherited_the_number_is_not_the_runs_process(instance: dg.DagsterInstance) -> None:
    assert not is_run_process(1)  # the machine's first process is no run's
    assert _health(instance, 1) == WorkerStatus.FAILED.value


def test_a_living_run_stays_so_when_the_clock_is_set(
    instance: dg.DagsterInstance, child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time servers, resumed and migrated machines step the clock by seconds or hours."""
    for step_s in (-7200, 7200):
        now_s = time.time() + step_s
        monkeypatch.setattr(time, "time", lambda now_s=now_s: now_s)
        assert _health(instance, child.pid) == WorkerStatus.RUNNING.value
        monkeypatch.undo()


def test_a_run_that_no_code_server_started_is_not_judged(
    instance: dg.DagsterInstance, child: subprocess.Popen[bytes]
) -> None:
    child.kill()
    child.wait()
    assert _health(instance, child.pid, server="{}") == WorkerStatus.RUNNING.value


@pytest.mark.parametrize(
    ("answer", "wanted"), [(True, WorkerStatus.RUNNING), (False, WorkerStatus.FAILED), (None, WorkerStatus.RUNNING)]
)
def test_a_code_server_elsewhere_is_asked_and_one_that_is_silent_proves_nothing(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, answer: bool | None, wanted: WorkerStatus
) -> None:
    def can_cancel(client: DagsterGrpcClient, request: CanCancelExecutionRequest, timeout: int) -> str:
        if answer is None:
            raise DagsterUserCodeUnreachableError("nobody there")
        return serialize_value(CanCancelExecutionResult(can_cancel=answer))

    monkeypatch.setattr(DagsterGrpcClient, "can_cancel_execution", can_cancel)
    assert _health(instance, None, server=json.dumps({"host": "code-location", "port": 4000})) == wanted.value


def test_a_run_that_has_named_no_process_yet_is_not_judged(instance: dg.DagsterInstance) -> None:
    assert _health(instance, None) == WorkerStatus.RUNNING.value


def test_the_instance_of_the_project_has_this_launcher() -> None:
    written = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    assert written["run_launcher"] == {"module": WatchingRunLauncher.__module__, "class": WatchingRunLauncher.__name__}
