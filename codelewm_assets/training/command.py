"""Training by a command of the profile, such as CodeLeWM's own trainer, behind the same guard as the worker. No torch here.

The command's events are followed in its output, in this project's form or in CodeLeWM's. It ends well when it exits with 0 after
a `complete` event and has left the files of a checkpoint in its output folder.
"""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any

from codelewm_assets.core.digests import sha256_file
from codelewm_assets.core.errors import StoreError, TrainingError
from codelewm_assets.core.files import write_atomically
from codelewm_assets.preflight.clearance import require_clear_artifacts
from codelewm_assets.store.store import open_store
from codelewm_assets.training.config import CommandSettings
from codelewm_assets.training.progress import STREAM, event_line, line_event
from codelewm_assets.training.worker import WorkerSpec, result_names

KEPT_LINES = 5  # of the output, for the message of a failure


def run_command(
    spec: WorkerSpec,
    settings: CommandSettings,
    *,
    on_event: Callable[[dict[str, Any]], None],
    log: Callable[[str], None] = lambda line: None,
) -> None:
    """Run the command to its end; it writes into `spec.output_folder`.

    Args:
        on_event: called with each event, in order; `complete` comes last, with the files that are there.
        log: called with each line that is no event.

    Raises:
        PreflightError: the guard refused; the command was not started.
        TrainingError: it cannot be started, failed, ran longer than `wall_limit_s`, reported no end, or left no checkpoint.
    """
    try:
        require_clear_artifacts(
            open_store(spec.store_root, work=spec.work_folder), spec.digests, folds=spec.config.folds
        )
    except StoreError as error:
        raise TrainingError(f"Training of seed {spec.seed} cannot start: {error}") from error
    folder = Path(spec.output_folder)
    is_complete, last_lines, events = False, list[str](), list[dict[str, Any]]()
    with tempfile.TemporaryDirectory(prefix="codelewm-command-") as scratch:
        spec_path = Path(scratch) / "spec.json"
        spec_path.write_text(spec.model_dump_json(), encoding="utf-8")
        argv = settings.argv_of(seed=spec.seed, output=str(folder), spec=str(spec_path))
        with _started(argv, limit_s=spec.config.wall_limit_s) as process:
            for line in process.stdout or ():
                event = line_event(line)
                if event is None:
                    log(line.rstrip())
                    last_lines = [*last_lines, line.strip()][-KEPT_LINES:]
                elif event["event"] == "complete":
                    is_complete = True
                else:
                    event = {"fold": spec.config.folds[0]} | event if "step" in event else event
                    events.append(event)
                    on_event(event)
            status = process.wait()
    _require_ended(spec, argv[0], status, is_complete, last_lines)
    complete = {"event": "complete", "seed": spec.seed, "files": _files(spec, argv[0], folder)}
    write_atomically(folder / STREAM, "".join(map(event_line, [*events, complete])).encode("utf-8"))
    on_event(complete)


@contextmanager
def _started(argv: list[str], *, limit_s: float) -> Iterator[subprocess.Popen[str]]:
    """The process in a group of its own, which is killed at the limit and when the caller leaves early."""
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise TrainingError(
            f"{argv[0]} of compute.command cannot be started ({error.strerror}). Install it, or name its path."
        ) from error

    def kill() -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    timer = Timer(limit_s, kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        kill()  # also what it started and left behind
        process.wait()


def _require_ended(spec: WorkerSpec, name: str, status: int, is_complete: bool, last_lines: list[str]) -> None:
    said = f" Its last lines: {json.dumps(last_lines)}" if last_lines else ""
    if status == -signal.SIGKILL:
        raise TrainingError(
            f"{name} of seed {spec.seed} was killed; wall_limit_s is {spec.config.wall_limit_s}. Raise it, or train less.{said}"
        )
    if status != 0:
        raise TrainingError(f"{name} of seed {spec.seed} ended with status {status}.{said}")
    if not is_complete:
        raise TrainingError(
            f"{name} of seed {spec.seed} ended without a complete event; expected execution_training.complete or complete.{said}"
        )


def _files(spec: WorkerSpec, name: str, folder: Path) -> dict[str, str]:
    """Name → sha256 of the checkpoint's files. Raises: TrainingError: some are absent."""
    names = result_names(spec.config.folds)
    absent = [file for file in names if not (folder / file).is_file()]
    if absent:
        raise TrainingError(
            f"{name} of seed {spec.seed} left no {', '.join(absent)} in {{output}}; expected a checkpoint as the worker writes it. "
            "A checkpoint in another form cannot be scored here: score with its own tools, then judge the rows with `recheck`."
        )
    return {file: sha256_file(folder / file) for file in names}
