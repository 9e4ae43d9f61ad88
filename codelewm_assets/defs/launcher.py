"""Launches runs as Dagster's default launcher does, and knows when the process of one is gone.

A run's process is watched by the code server that started it. When that dies too (the machine restarts, the daemon is killed),
the default launcher leaves the run STARTED for ever: what waits for it waits, its pool slot is taken and nobody is told. Run
monitoring asks this launcher instead, which looks for the process that the run's own log names. Names of `dagster._core` and
`dagster._serdes` are private; 1.13.27 is pinned.
"""

import json
import os
from pathlib import Path

import dagster as dg
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG

HERE = ("localhost", "127.0.0.1", "::1")


class WatchingRunLauncher(DefaultRunLauncher):
    """The default launcher for one machine: a run whose process has ended without saying so has failed."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring asks this launcher."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """RUNNING while the run's process lives, and wherever that cannot be known; FAILED when it is gone."""
        if not _is_local(run):
            return CheckRunHealthResult(WorkerStatus.RUNNING, "its code server is not on this machine: not looked at")
        started = self._process(run.run_id)
        if started is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "its process has not said which one it is")
        pid, at_s = started
        begun_s = process_begun_s(pid)
        # a process that began after the run's own said hello has only inherited its number; clocks count in ticks
        if begun_s is None or begun_s > at_s + 1:
            return CheckRunHealthResult(WorkerStatus.FAILED, f"its process (pid {pid}) is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def _process(self, run_id: str) -> tuple[int, float] | None:
        """Process of a run and when it said so, in seconds since the epoch; the last one of a run that was resumed."""
        found = None
        for entry in self._instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            event = entry.dagster_event
            if event is not None and (event.message or "").startswith("Started process for run"):
                found = int(str(event.engine_event_data.metadata["pid"].value)), entry.timestamp
        return found


def _is_local(run: dg.DagsterRun) -> bool:
    """Whether the code server that runs it is on this machine: over a socket, or on loopback."""
    server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    return bool(server.get("socket")) or server.get("host") in HERE


def process_begun_s(pid: int) -> float | None:
    """When a process began, in seconds since the epoch; None: there is none, or it has ended and waits to be collected."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        boot_s = next(int(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines() if "btime" in line)
    except OSError:
        return None
    return None if fields[0] in "ZX" else boot_s + int(fields[19]) / os.sysconf("SC_CLK_TCK")
