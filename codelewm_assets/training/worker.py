"""Training in a separate process: `python -m codelewm_assets.training.worker SPEC.json`.

The clearance is checked first, before torch is imported: on artifacts that the preflight report did not clear the process exits
with status 3 and one line. Exit 0: files written. Exit 1: training failed. Exit 4, of the agent only: it or a rank was ended from
outside. SIGALRM ends it at its time limit. With several processes per model each runs this module, started by `training.agent`.
Imports no torch and no Dagster.
"""

import ctypes
import fcntl
import json
import logging
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from codelewm_assets.core.digests import pretty_json, sha256_file
from codelewm_assets.core.errors import AssetsError, PreflightError, TrainingError, TrainingKilledError
from codelewm_assets.core.files import write_atomically
from codelewm_assets.core.logs import configured_format, log_context, set_up_logs
from codelewm_assets.preflight.clearance import require_clear_artifacts
from codelewm_assets.store.store import ArtifactStore, open_store
from codelewm_assets.training.config import CODE_VERSION, TrainingConfig
from codelewm_assets.training.progress import STREAM, event_line, job_event_line
from codelewm_assets.training.sidecar import FOLDER_FILES, Sidecar, fold_folder, weights_path

if TYPE_CHECKING:
    from codelewm_assets.training.processes import Ranks

LOG = logging.getLogger("codelewm_assets.training.worker")  # the module runs as __main__
REFUSED = 3
KILLED = 4
EXTERNAL_SIGNALS = (-signal.SIGKILL, -signal.SIGTERM)  # other signals are faults of the process itself
PR_SET_PDEATHSIG = 1
PARENT = "CODELEWM_TRAINING_PARENT"  # process id of who started the worker
RANKS = "CODELEWM_TRAINING_RANKS"  # folder in which the processes that train one model meet; unset: one process
END = "training_ended"  # key of the message that says how training ended, beside the events


class WorkerSpec(BaseModel):
    """Specification of one training process."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    store_root: str  # path or URL
    work_folder: str = "work"  # local folder beside a store that is object storage
    digests: dict[str, str]
    seed: int
    config: TrainingConfig
    output_folder: str
    revision: str


class Outlet:
    """Destination of a training process' events and of the cause of its end: Dagster Pipes, or else standard output."""

    def __init__(self, report: Callable[[Any], None] | None = None) -> None:
        """Send to Dagster Pipes or to standard output.

        Args:
            report: sends a message through Dagster Pipes; None: Dagster did not start this process.
        """
        self._report = report

    def event(self, event: Mapping[str, Any]) -> None:
        """Send one event; without Dagster it is a line on standard output."""
        if self._report is not None:
            self._report(dict(event))
        else:
            print(job_event_line(event), end="", flush=True)

    def end(self, kind: str, message: str) -> None:
        """Report the cause of the end; a rank leaves a note to the agent, which reports one of them."""
        note = {"event": kind, "message": message}
        if RANKS in os.environ:
            write_atomically(Path(os.environ[RANKS]) / f"rank{process_rank()}.json", json.dumps(note).encode())
        elif self._report is not None:
            self._report({END: note})
        else:
            print(json.dumps(note), file=sys.stderr)


class EventStream:
    """Events of one run, appended to the stream's file and sent to the outlet."""

    def __init__(self, path: Path, outlet: Outlet) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_bytes() if path.is_file() else b""
        complete_lines = before[: before.rfind(b"\n") + 1]
        if complete_lines != before:  # a kill may have cut the last line off
            path.write_bytes(complete_lines)
        self._count, self._outlet = complete_lines.count(b"\n"), outlet
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def emit(self, event: Mapping[str, Any]) -> None:
        """Number and date the event, and write it to the file and the outlet."""
        numbered = dict(event) | {"seq": self._count, "time_s": round(time.time(), 3)}
        self._count += 1
        self._file.write(event_line(numbered))
        self._outlet.event(numbered)


def train(spec: WorkerSpec, outlet: Outlet | None = None) -> None:
    """Check the clearance, train each fold, and write weights, sidecar and event stream into the output folder.

    States are kept in `states/` of the output folder: on the same folder training resumes from the last one. With several
    ranks the first one emits events and writes files, and the agent emits an `error` event.

    Args:
        outlet: of the events; None: standard output.

    Raises: PreflightError: refused. TrainingError, StoreError: as the loop and the store, after an `error` event.
    """
    store, rank = open_store(spec.store_root, work=spec.work_folder), process_rank()
    require_clear_artifacts(store, spec.digests, folds=spec.config.folds)
    if rank is None and spec.config.processes > 1:
        raise TrainingError(
            f"The spec asks for {spec.config.processes} processes, and this is one. Start training.agent with it, or set "
            "training.processes to 1."
        )
    if rank:
        _train(spec, store, lambda event: None)
        return
    with _locked(Path(spec.output_folder)):
        stream = EventStream(Path(spec.output_folder) / STREAM, outlet or Outlet())
        try:
            _train(spec, store, stream.emit)
        except Exception as error:
            if rank is None:
                stream.emit({"event": "error", "seed": spec.seed, "message": f"{type(error).__name__}: {error}"})
            raise


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder, waiting for any other training process: a killed one may still be writing."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _train(spec: WorkerSpec, store: ArtifactStore, emit: Callable[[Mapping[str, Any]], None]) -> None:
    import torch

    from codelewm_assets.training.data import load_fold
    from codelewm_assets.training.hub import save_fold
    from codelewm_assets.training.loop import train_fold
    from codelewm_assets.training.processes import require_devices

    require_devices(spec.config)
    torch.set_num_threads(spec.config.threads)
    torch.use_deterministic_algorithms(True, warn_only=spec.config.device == "cuda")
    folder = Path(spec.output_folder)
    versions = {name: version(name) for name in ("torch", "transformers", "tokenizers", "numpy")}
    origin = {**spec.digests, **versions, "code_version": CODE_VERSION}
    weights, tokenizers, parameters = dict[str, str](), dict[str, str](), 0
    emit({"event": "start", "seed": spec.seed, "folds": list(spec.config.folds), "device": spec.config.device})
    with _ranks(spec.config) as ranks, TemporaryDirectory(prefix="codelewm-tokens-") as scratch:
        # trains on a verified copy, since the store may change meanwhile
        tokenized = store.load("tokenized_pack", spec.digests["tokenized_pack"]).copied(Path(scratch))
        for fold in spec.config.folds:
            data = load_fold(tokenized, fold)
            model = train_fold(
                data, spec.config, seed=spec.seed, emit=emit, states=folder / "states", ranks=ranks, origin=origin
            )
            if not ranks.is_first:
                continue
            tokenizer = tokenized.path(f"fold{fold}_tokenizer.json")
            save_fold(model, tokenizer.read_text(encoding="utf-8"), fold, folder)
            weights[str(fold)] = sha256_file(folder / weights_path(fold))
            tokenizers[str(fold)] = sha256_file(tokenizer)
            parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    if not ranks.is_first:
        return
    require_clear_artifacts(store, spec.digests, folds=spec.config.folds)  # again: bytes may have changed meanwhile
    sidecar = Sidecar(
        seed=spec.seed,
        folds=spec.config.folds,
        config=spec.config,
        execution_pack=spec.digests["execution_pack"],
        problem_splits=spec.digests["problem_splits"],
        tokenized_pack=spec.digests["tokenized_pack"],
        preflight_report=spec.digests["preflight_report"],
        tokenizer_sha256=tokenizers,
        weights_sha256=weights,
        parameter_count=parameters,
        encoder_may_have_seen_benchmarks=spec.config.encoder_may_have_seen_benchmarks,
        revision=spec.revision,
        versions=versions,
        device=f"{spec.config.device} ({platform.machine()})",
    )
    write_atomically(folder / "sidecar.json", pretty_json(sidecar.model_dump(mode="json")))
    files = {name: sha256_file(folder / name) for name in result_names(spec.config.folds)}
    emit({"event": "complete", "seed": spec.seed, "files": files})


def process_rank() -> int | None:
    """Rank of this process; None outside of a process group."""
    return int(os.environ["RANK"]) if RANKS in os.environ else None


def _ranks(config: TrainingConfig) -> AbstractContextManager["Ranks"]:
    from codelewm_assets.training.processes import Ranks, join_process_group

    rank = process_rank()
    if rank is None:
        return nullcontext(Ranks(device=config.device))
    return join_process_group(config, rank, Path(os.environ[RANKS]) / "meeting")


def result_names(folds: Sequence[int]) -> list[str]:
    """Files of a finished run, without its event stream."""
    return [*(f"{fold_folder(fold)}/{name}" for fold in folds for name in FOLDER_FILES), "sidecar.json"]


def main(run: Callable[[Outlet], None] | None = None) -> int:
    """Run a training process.

    Args:
        run: its work; None: train the JSON spec of the command line.

    Returns: 0, 1, `REFUSED`, or `KILLED` when a rank was ended from outside; the cause is reported in one line.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for number in (signal.SIGINT, signal.SIGALRM):  # states are written atomically: no clean-up needed
        signal.signal(number, signal.SIG_DFL)
    _end_with_parent()
    set_up_logs(configured_format(os.environ), program="training")
    with _outlet() as outlet:
        try:
            (run or _run)(outlet)
        except PreflightError as error:
            outlet.end("refused", str(error))
            return REFUSED
        except (AssetsError, OSError, ValueError) as error:
            outlet.end("error", f"{type(error).__name__}: {error}")
            return KILLED if isinstance(error, TrainingKilledError) else 1
        except Exception as error:
            outlet.end("fault", f"{type(error).__name__}: {error}")
            raise  # not expected: the log gets its traceback
    return 0


def spec_of_command_line() -> WorkerSpec:
    """The spec of the command line; starts the time limit."""
    spec = WorkerSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if process_rank() is None:
        signal.alarm(spec.config.wall_limit_s)
    return spec


def _run(outlet: Outlet) -> None:
    spec = spec_of_command_line()
    with log_context(asset="checkpoint", seed=spec.seed, rank=process_rank()):
        LOG.info("training process starts", extra={"fields": {"digests": spec.digests, "device": spec.config.device}})
        train(spec, outlet)
        LOG.info("training process ends")


def exit_error(spec: WorkerSpec, status: int, note: Mapping[str, Any]) -> PreflightError | TrainingError:
    """The exception for a training process' exit.

    Args:
        status: exit status, not 0; negative is a signal.
        note: its reported cause; empty without one.

    Returns: TrainingKilledError if it or a rank was ended from outside: training resumes when run again.
    """
    if status == REFUSED and note:
        return PreflightError(str(note["message"]))
    if status in EXTERNAL_SIGNALS:
        return TrainingKilledError(
            f"Training of seed {spec.seed} was ended by {signal.Signals(-status).name} from outside, as a machine short of "
            "memory does. Train again: it resumes from its last state."
        )
    message = str(note.get("message", "no message; read its standard error in the log of the step")).removesuffix(".")
    limit = f" It ran longer than wall_limit_s = {spec.config.wall_limit_s}." if status == -signal.SIGALRM else ""
    kind = TrainingKilledError if status == KILLED else TrainingError
    return kind(f"Training of seed {spec.seed} ended with status {status}: {message}.{limit}")


def _end_with_parent() -> None:
    """Have this process killed with its parent, and exit if the parent is already gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = os.environ.get(PARENT)
    if parent is not None and os.getppid() != int(parent):
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def _outlet() -> Iterator[Outlet]:
    """The outlet: Dagster Pipes when Dagster started this process and it is the first rank."""
    from dagster_pipes import DAGSTER_PIPES_CONTEXT_ENV_VAR, open_dagster_pipes

    if DAGSTER_PIPES_CONTEXT_ENV_VAR not in os.environ or process_rank():
        yield Outlet()
        return
    with open_dagster_pipes() as pipes:
        yield Outlet(pipes.report_custom_message)


if __name__ == "__main__":
    sys.exit(main())
