"""Starting the training process and waiting for it. Imports no torch."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event, Timer
from typing import Any

from codelewm_assets.core.errors import PreflightError, TrainingError, TrainingKilledError
from codelewm_assets.core.logs import RECORD_START, VARIABLE, format_in_force
from codelewm_assets.training.progress import job_event
from codelewm_assets.training.worker import KILLED, PARENT, REFUSED, WorkerSpec

ENDED_FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM)  # by other signals a process ends through a fault of its own


def run_worker(
    spec: WorkerSpec, *, on_event: Callable[[dict[str, Any]], None], environment: Mapping[str, str] | None = None
) -> None:
    """Run the worker, or the agent of several, to its end on this machine; files lie in `spec.output_folder`.

    Args:
        on_event: is handed each event of the stream as it comes.
        environment: variables added to this process's own, such as those of a Dagster Pipes session.
    Raises:
        PreflightError: the guard of the worker or the agent refused.
        TrainingKilledError: it, or a rank of it, was ended from outside; run again, it goes on from its last state.
        TrainingError: it failed, or ran too long.
    """
    module = "worker" if spec.config.processes == 1 else "agent"
    with tempfile.TemporaryDirectory(prefix="codelewm-training-") as folder:
        path = Path(folder) / "spec.json"
        path.write_text(spec.model_dump_json(), encoding="utf-8")
        errors = Path(folder) / "stderr.txt"
        with errors.open("w", encoding="utf-8") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", f"codelewm_assets.training.{module}", str(path)],
                stdout=subprocess.PIPE, stderr=stream, encoding="utf-8", errors="replace", start_new_session=True,
                env=os.environ | {PARENT: str(os.getpid()), VARIABLE: format_in_force()} | dict(environment or {}),
            )  # fmt: skip
            over = Event()

            def end() -> None:
                over.set()  # first: the process can be gone before this thread is
                process.kill()

            clock = Timer(spec.config.wall_limit_s, end)
            clock.start()
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    if (event := job_event(line)) is not None:
                        on_event(event)
                status = process.wait()
            finally:
                clock.cancel()
                process.kill()
                process.wait()
                process.stdout.read()  # which ends when all ranks have: a next run must not meet one that still writes
        said = errors.read_text(encoding="utf-8", errors="replace")
        for line in said.splitlines():
            if line.startswith(RECORD_START):  # a log record, which the worker has masked
                print(line, file=sys.stderr, flush=True)
        if status == 0:
            return
        message = _last_message(said)
        if status == REFUSED:
            raise PreflightError(message)
        if status in ENDED_FROM_OUTSIDE and not over.is_set():
            raise TrainingKilledError(
                f"Training of seed {spec.seed} was ended by {signal.Signals(-status).name} from outside, as a machine short of "
                "memory does. Train again: it goes on from its last state."
            )
        limit = f" It ran longer than wall_limit_s = {spec.config.wall_limit_s}." if over.is_set() else ""
        kind = TrainingKilledError if status == KILLED else TrainingError
        raise kind(f"Training of seed {spec.seed} ended with status {status}: {message.removesuffix('.')}.{limit}")


def _last_message(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(RECORD_START)]
    for line in reversed(lines):
        if line.startswith('{"event"'):
            with suppress(ValueError):  # cut off, as by a full disk: the line before it tells more
                return str(json.loads(line)["message"])
    return lines[-1] if lines else "no message"
