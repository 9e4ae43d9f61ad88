"""Dagster's default run launcher, with detection of runs whose process is gone.

A run's process is watched by the code server that started it. When that dies too (the machine restarts, the daemon is killed),
the default launcher leaves the run STARTED for ever: dependent runs wait, its pool slot stays taken and no failure is logged. Run
monitoring queries this launcher instead. It reports a run as dead only on evidence; an unknown state counts as alive.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from codelewm_assets.private_names import (
    GRPC_INFO_TAG,
    CanCancelExecutionRequest,
    CheckRunHealthResult,
    WorkerStatus,
)

TAGS = {name: f"codelewm/{name}" for name in ("host", "boot_id", "pid_namespace", "pid", "process_started")}
POOL_HOLDING_STATUSES = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
POLL_INTERVAL_S = 2.0


def process_tags() -> dict[str, str]:
    """Tags that identify this process, for the runs that it executes."""
    pid = os.getpid()
    tags = {
        "host": socket.gethostname(),
        "boot_id": _read("/proc/sys/kernel/random/boot_id"),
        "pid_namespace": _namespace(),
        "pid": str(pid),
        "process_started": _started(pid),
    }
    return {TAGS[name]: value for name, value in tags.items() if value}


def is_known_dead(tags: Mapping[str, str]) -> bool:
    """The process of these tags has ended: it ran on this machine, in this process namespace or before a restart."""
    here = process_tags()
    if not all(name in tags and name in here for name in TAGS.values()) or tags[TAGS["host"]] != here[TAGS["host"]]:
        return False
    if tags[TAGS["boot_id"]] != here[TAGS["boot_id"]]:
        return True
    if tags[TAGS["pid_namespace"]] != here[TAGS["pid_namespace"]]:
        return False
    pid = tags[TAGS["pid"]]
    return not pid.isdigit() or _started(int(pid)) != tags[TAGS["process_started"]]


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs whose process is known to be dead as failed, which frees their pools. Returns: job and id of each."""
    ended = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(POOL_HOLDING_STATUSES))):
        run = record.dagster_run
        if is_known_dead(run.tags):
            instance.report_run_failed(run, "its process has ended without saying so")
            ended.append(f"{run.job_name} {run.run_id[:8]}")
    return ended


def create_pools(instance: dg.DagsterInstance, pools: Collection[str]) -> None:
    """Create pools that the instance does not have yet, which limit nothing until then. Existing limits stay."""
    storage, limit = instance.event_log_storage, instance.global_op_concurrency_default_limit
    if limit is not None:
        for pool in set(pools) - set(storage.get_concurrency_keys()):
            storage.set_concurrency_slots(pool, limit)


@contextmanager
def acquire_pools(
    instance: dg.DagsterInstance, pools: Collection[str], say: Callable[[str], None] = lambda text: None
) -> Iterator[None]:
    """Wait until no other run is in these pools, and keep other builds on this instance's folder out of them.

    A run executed in this process bypasses the queue, so nothing else makes it wait.
    Args: say: called once per wait.
    """
    with ExitStack() as held:
        for pool in sorted(pools):
            held.enter_context(_locked(Path(instance.root_directory) / "pools" / f"{pool}.lock", pool, say))
        reported = set[str]()
        while holders := _holders(instance, pools):
            for text in holders - reported:
                say(f"waits for {text}")
            reported |= holders
            time.sleep(POLL_INTERVAL_S)
        yield


@contextmanager
def _locked(path: Path, pool: str, say: Callable[[str], None]) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waits for another build, which is in the pool {pool}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _holders(instance: dg.DagsterInstance, pools: Collection[str]) -> set[str]:
    """Runs in progress that hold one of these pools and whose process may be alive."""
    holders = set()
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(POOL_HOLDING_STATUSES))):
        run = record.dagster_run
        run_pools = set(run.run_op_concurrency.all_pools or ()) if run.run_op_concurrency else set()
        if run_pools & set(pools) and not is_known_dead(run.tags):
            holders.add(
                f"{run.job_name} {run.run_id[:8]}, which is in the pool {', '.join(sorted(run_pools & set(pools)))}"
            )
    return holders


def _started(pid: int) -> str:
    """Start time of a process in clock ticks since boot; empty: no such process, or a zombie."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return "" if not fields or fields[0] in ("Z", "X") else fields[19]


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
RPC_TIMEOUT_S = 10


class WatchingRunLauncher(dg.DefaultRunLauncher):
    """The default launcher; additionally, a run whose process ended silently has failed."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring queries this launcher."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """FAILED: the run's process on this machine is gone, or its remote code server does not know the run.

        RUNNING otherwise, also when the state is unknown: the tags name no process of this machine, or the code server does not
        answer.
        """
        server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
        if not server:
            if is_known_dead(run.tags):
                return CheckRunHealthResult(WorkerStatus.FAILED, "its process is gone")
            return CheckRunHealthResult(WorkerStatus.RUNNING, "no code server started it, and its process may live")
        if server.get("socket") or server.get("host") in LOCAL_HOSTS:
            return self._by_process(run.run_id)
        return self._by_server(run.run_id)

    def _by_process(self, run_id: str) -> CheckRunHealthResult:
        pid = self._pid(run_id)
        if pid is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "its process has not said which one it is")
        if is_run_process(pid):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"its process (pid {pid}) is gone")

    def _by_server(self, run_id: str) -> CheckRunHealthResult:
        client: Any = self._get_grpc_client_for_termination(run_id)
        if client is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "it has ended meanwhile")
        try:
            answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id), timeout=RPC_TIMEOUT_S)
        except dg.DagsterError as error:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"its code server does not answer: {error}")
        if json.loads(answer)["can_cancel"]:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.FAILED, "its code server answers and runs no such run: it was restarted"
        )

    def _pid(self, run_id: str) -> int | None:
        """Process id of a run from its log; the last one if the run was resumed."""
        pid = None
        for entry in self._instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            event = entry.dagster_event
            if event is not None and (event.message or "").startswith("Started process for run"):
                pid = int(str(event.engine_event_data.metadata["pid"].value))
        return pid


def is_run_process(pid: int) -> bool:
    """A process with this id is alive and was forked by a code server for a run.

    After a reboot another run's process may have the same id; the result is then False once that process ends.
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return state not in "ZX" and b"multiprocessing" in command
