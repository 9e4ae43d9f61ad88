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
from dagster._core.events import DagsterEvent, DagsterEventType, EngineEventData
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

from codelewm_assets.defs.launcher import WatchingRunLauncher, process_begun_s
from codelewm_assets_tests.defs.web import ROOT

SOCKET = json.dumps({"host": "localhost", "socket": "/tmp/some-socket"})


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with this launcher."""
    launcher = {"module": "codelewm_assets.defs.launcher", "class": "WatchingRunLauncher"}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides={"run_launcher": launcher}) as found:
        yield found


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is killed."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def _health(
    instance: dg.DagsterInstance, pid: int | None, *, server: str = SOCKET, said_at_s: float | None = None
) -> str:
    run = instance.create_run_for_job(_nothing(), status=dg.DagsterRunStatus.STARTED, tags={GRPC_INFO_TAG: server})
    if pid is not None:
        event = DagsterEvent(
            DagsterEventType.ENGINE_EVENT.value, run.job_name, event_specific_data=EngineEventData.in_process(pid),
            message=f"Started process for run (pid: {pid}).",
        )  # fmt: skip
        instance.report_dagster_event(event, run.run_id, timestamp=said_at_s or time.time())
    assert isinstance(instance.run_launcher, WatchingRunLauncher)
    return instance.run_launcher.check_run_worker_health(run).status.value


def _nothing() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None: ...

    @dg.job
    def nothing_job() -> None:
        nothing()

    return nothing_job


def test_a_run_whose_process_lives_goes_on(instance: dg.DagsterInstance, child: subprocess.Popen[bytes]) -> None:
    assert _health(instance, child.pid) == WorkerStatus.RUNNING.value


def test_a_run_whose_process_was_killed_has_failed(
    instance: dg.DagsterInstance, child: subprocess.Popen[bytes]
) -> None:
    child.kill()
    assert _health(instance, child.pid) == WorkerStatus.FAILED.value  # it waits to be collected
    child.wait()
    assert _health(instance, child.pid) == WorkerStatus.FAILED.value


def test_a_process_that_only_inherited_the_number_is_not_the_runs(
    instance: dg.DagsterInstance, child: subprocess.Popen[bytes]
) -> None:
    begun_s = process_begun_s(child.pid)
    assert begun_s is not None and abs(begun_s - time.time()) < 60
    assert _health(instance, child.pid, said_at_s=begun_s - 100) == WorkerStatus.FAILED.value


@pytest.mark.parametrize("server", [json.dumps({"host": "code-location", "port": 4000}), "{}"])
def test_a_run_of_another_machine_is_not_judged(
    instance: dg.DagsterInstance, child: subprocess.Popen[bytes], server: str
) -> None:
    child.kill()
    child.wait()
    assert _health(instance, child.pid, server=server) == WorkerStatus.RUNNING.value


def test_a_run_that_has_named_no_process_yet_is_not_judged(instance: dg.DagsterInstance) -> None:
    assert _health(instance, None) == WorkerStatus.RUNNING.value


def test_the_instance_of_the_project_has_this_launcher() -> None:
    written = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    assert written["run_launcher"] == {"module": WatchingRunLauncher.__module__, "class": WatchingRunLauncher.__name__}
