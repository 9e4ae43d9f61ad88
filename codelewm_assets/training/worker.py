"""Training in a process of its own: `python -m codelewm_assets.training.worker SPEC.json`.

The guard comes first, before torch is imported: whoever starts this module, training on artifacts that the preflight
report did not clear ends with exit status 3 and one line. Exit 0: files written. Exit 1: training failed. Exit 4, of the agent
alone: it or a rank was ended from outside. Of several processes that train one model each is this module; the agent starts them
(`training.agent`).
"""

import ctypes
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

from codelewm_assets.core.digests import pretty_json, sha256_bytes, sha256_file
from codelewm_assets.core.errors import AssetsError, PreflightError, TrainingError, TrainingKilledError
from codelewm_assets.core.files import write_atomically
from codelewm_assets.core.logs import log_context, set_up_logs, wanted_format
from codelewm_assets.preflight.clearance import require_clear_artifacts
from codelewm_assets.store.store import ArtifactStore, open_store
from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.progress import STREAM, event_line, job_event_line
from codelewm_assets.training.sidecar import Sidecar

if TYPE_CHECKING:
    from codelewm_assets.training.processes import Ranks

LOG = logging.getLogger("codelewm_assets.training.worker")  # the module runs as __main__
REFUSED = 3
KILLED = 4
PR_SET_PDEATHSIG = 1
PARENT = "CODELEWM_TRAINING_PARENT"  # process id of who started the worker
RANKS = "CODELEWM_TRAINING_RANKS"  # folder in which the processes that train one model meet; unset: one process


class WorkerSpec(BaseModel):
    """What one training process is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    store_root: str  # path or URL
    work_folder: str = "work"  # local folder beside a store that is object storage
    digests: dict[str, str]
    seed: int
    config: TrainingConfig
    output_folder: str
    revision: str


class EventStream:
    """Events of one run: appended to the stream's file, printed for status tools, and handed on, one at a time."""

    def __init__(self, path: Path, on_event: Callable[[dict[str, Any]], None] = lambda event: None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_bytes() if path.is_file() else b""
        whole = before[: before.rfind(b"\n") + 1]
        if whole != before:  # a kill may have cut the last line off
            path.write_bytes(whole)
        self._count, self._on_event = whole.count(b"\n"), on_event
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def emit(self, event: Mapping[str, Any]) -> None:
        """Number and date the event, and send it everywhere."""
        numbered = dict(event) | {"seq": self._count, "time_s": round(time.time(), 3)}
        self._count += 1
        self._file.write(event_line(numbered))
        print(job_event_line(numbered), end="", flush=True)
        self._on_event(numbered)


def train(spec: WorkerSpec, *, on_event: Callable[[dict[str, Any]], None] = lambda event: None) -> None:
    """Judge the artifacts, train each fold, write weights, sidecar and event stream into the output folder.

    States lie in `states/` of the output folder: started again on the same folder, training goes on from the last one.
    As a rank it does its part of this; events and files are those of the first rank, and an `error` event is the agent's.
    Args: on_event: is handed each event besides.
    Raises: PreflightError: refused. TrainingError, StoreError: as the loop and the store, after an `error` event.
    """
    store, rank = open_store(spec.store_root, work=spec.work_folder), own_rank()
    require_clear_artifacts(store, spec.digests, folds=spec.config.folds)
    if rank is None and spec.config.processes > 1:
        raise TrainingError(
            f"The spec asks for {spec.config.processes} processes, and this is one. Start training.agent with it, or set "
            "training.processes to 1."
        )
    if rank:
        _train(spec, store, lambda event: None)
        return
    stream = EventStream(Path(spec.output_folder) / STREAM, on_event)
    try:
        _train(spec, store, stream.emit)
    except Exception as error:
        if rank is None:
            stream.emit({"event": "error", "seed": spec.seed, "message": f"{type(error).__name__}: {error}"})
        raise


def _train(spec: WorkerSpec, store: ArtifactStore, emit: Callable[[Mapping[str, Any]], None]) -> None:
    import torch
    from safetensors.torch import save

    from codelewm_assets.training.data import load_fold
    from codelewm_assets.training.loop import train_fold
    from codelewm_assets.training.processes import require_devices

    require_devices(spec.config)
    torch.set_num_threads(spec.config.threads)
    torch.use_deterministic_algorithms(True, warn_only=spec.config.device == "cuda")
    folder = Path(spec.output_folder)
    weights, tokenizers, parameters = dict[str, str](), dict[str, str](), 0
    emit({"event": "start", "seed": spec.seed, "folds": list(spec.config.folds), "device": spec.config.device})
    with _ranks(spec.config) as ranks, TemporaryDirectory(prefix="codelewm-tokens-") as own:
        # what is trained on are the bytes that were verified, whatever becomes of the store's meanwhile
        tokenized = store.load("tokenized_pack", spec.digests["tokenized_pack"]).copied(Path(own))
        for fold in spec.config.folds:
            data = load_fold(tokenized, fold)
            model = train_fold(data, spec.config, seed=spec.seed, emit=emit, states=folder / "states", ranks=ranks)
            if not ranks.is_first:
                continue
            saved = save({name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()})
            write_atomically(folder / f"fold{fold}.safetensors", saved)
            weights[str(fold)] = sha256_bytes(saved)
            tokenizers[str(fold)] = sha256_file(tokenized.path(f"fold{fold}_tokenizer.json"))
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
        revision=spec.revision,
        versions={name: version(name) for name in ("torch", "tokenizers", "numpy")},
        device=f"{spec.config.device} ({platform.machine()})",
    )
    write_atomically(folder / "sidecar.json", pretty_json(sidecar.model_dump(mode="json")))
    files = {name: sha256_file(folder / name) for name in result_names(spec.config.folds)}
    emit({"event": "complete", "seed": spec.seed, "files": files})


def own_rank() -> int | None:
    """Number of this process among those that train one model; None when it is no such process."""
    return int(os.environ["RANK"]) if RANKS in os.environ else None


def _ranks(config: TrainingConfig) -> AbstractContextManager["Ranks"]:
    from codelewm_assets.training.processes import Ranks, joined

    rank = own_rank()
    if rank is None:
        return nullcontext(Ranks(device=config.device))
    return joined(config, rank, Path(os.environ[RANKS]) / "meeting")


def result_names(folds: Sequence[int]) -> list[str]:
    """Files of a finished run that are kept, beside its event stream."""
    return [*(f"fold{fold}.safetensors" for fold in folds), "sidecar.json"]


def main() -> int:
    """Run from the command line with the path of a JSON spec; through Dagster Pipes when it was started so."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    end_with_parent()
    set_up_logs(wanted_format(os.environ), program="training")
    return exit_status(_run)


def _run() -> None:
    spec = WorkerSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with log_context(asset="checkpoint", seed=spec.seed, rank=own_rank()):
        LOG.info("training process starts", extra={"fields": {"digests": spec.digests, "device": spec.config.device}})
        with nullcontext(lambda event: None) if own_rank() else _pipes() as on_event:
            train(spec, on_event=on_event)
        LOG.info("training process ends")


def exit_status(run: Callable[[], None]) -> int:
    """Run it, and say in one line why it failed. Returns: 0, 1, `REFUSED`, or `KILLED` when a rank was ended from outside."""
    try:
        run()
    except PreflightError as error:
        _say("refused", str(error))
        return REFUSED
    except TrainingKilledError as error:
        _say("error", f"{type(error).__name__}: {error}")
        return KILLED
    except (AssetsError, OSError, ValueError) as error:
        _say("error", f"{type(error).__name__}: {error}")
        return 1
    except Exception as error:
        _say("fault", f"{type(error).__name__}: {error}")
        raise  # not expected: the log gets its traceback
    return 0


def _say(event: str, message: str) -> None:
    """A line on stderr; a rank leaves it as a note to the agent, which tells one of them."""
    line = json.dumps({"event": event, "message": message})
    if RANKS in os.environ:
        write_atomically(Path(os.environ[RANKS]) / f"rank{own_rank()}.json", line.encode())
    else:
        print(line, file=sys.stderr)


def end_with_parent() -> None:
    """An interrupted or killed build leaves no training behind, not even one that had only just begun."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = os.environ.get(PARENT)
    if parent is not None and os.getppid() != int(parent):
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def _pipes() -> Iterator[Callable[[dict[str, Any]], None]]:
    """What tells Dagster of each event: its run's log, as it happens; nothing when Dagster did not start this process."""
    from dagster_pipes import DAGSTER_PIPES_CONTEXT_ENV_VAR, open_dagster_pipes

    if DAGSTER_PIPES_CONTEXT_ENV_VAR not in os.environ:
        yield lambda event: None
        return
    with open_dagster_pipes() as pipes:
        yield lambda event: pipes.log.info(event_line(event).strip())


if __name__ == "__main__":
    sys.exit(main())
