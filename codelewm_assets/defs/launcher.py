"""Launches runs as Dagster's default launcher does, and knows when the process of one is gone.

A run's process is watched by the code server that started it. When that dies too (the machine restarts, the daemon is killed),
the default launcher leaves the run STARTED for ever: what waits for it waits, its pool slot is taken and nobody is told. Run
monitoring asks this launcher instead. It calls a run dead only on evidence; what it cannot find out counts as living.
"""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from codelewm_assets.defs.private_names import (
    GRPC_INFO_TAG,
    CanCancelExecutionRequest,
    CheckRunHealthResult,
    WorkerStatus,
)
from codelewm_assets.defs.processes import is_surely_dead

HERE = ("localhost", "127.0.0.1", "::1")
ANSWER_WITHIN_S = 10


class WatchingRunLauncher(dg.DefaultRunLauncher):
    """The default launcher, and a run whose process has ended without saying so has failed."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring asks this launcher."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """FAILED: its process on this machine is gone, or its code server elsewhere answers that it runs no such run.

        RUNNING while it lives, and wherever that cannot be known: a run whose tags name no process of this machine, or a code
        server that does not answer.
        """
        server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
        if not server:
            if is_surely_dead(run.tags):
                return CheckRunHealthResult(WorkerStatus.FAILED, "its process is gone")
            return CheckRunHealthResult(WorkerStatus.RUNNING, "no code server started it, and its process may live")
        if server.get("socket") or server.get("host") in HERE:
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
            answer = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id), timeout=ANSWER_WITHIN_S)
        except dg.DagsterError as error:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"its code server does not answer: {error}")
        if json.loads(answer)["can_cancel"]:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.FAILED, "its code server answers and runs no such run: it was restarted"
        )

    def _pid(self, run_id: str) -> int | None:
        """Process of a run, as its log says; the last one of a run that was resumed."""
        found = None
        for entry in self._instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            event = entry.dagster_event
            if event is not None and (event.message or "").startswith("Started process for run"):
                found = int(str(event.engine_event_data.metadata["pid"].value))
        return found


def is_run_process(pid: int) -> bool:
    """Whether a process lives that a code server forked for a run.

    After a restart of the machine another run's process may have inherited the number: then the answer is no when that one ends.
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return state not in "ZX" and b"multiprocessing" in command
