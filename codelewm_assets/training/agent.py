"""The agent of several training processes: `python -m codelewm_assets.training.agent SPEC.json`.

It checks the clearance, then runs torchrun: a worker for each rank, all stopped when one fails. It ends with its parent, and the
ranks with it. Exit statuses are the worker's, from any rank. Nothing listens on the network: the ranks rendezvous in a file, since
torch's TCP store accepts calls, and pickles, from every interface.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from codelewm_assets.core.errors import PreflightError, TrainingError, TrainingKilledError
from codelewm_assets.preflight.clearance import require_clear_artifacts
from codelewm_assets.store.store import open_store
from codelewm_assets.training.progress import STREAM
from codelewm_assets.training.worker import PARENT, RANKS, EventStream, Outlet, WorkerSpec, main, spec_of_command_line

LOOPBACK = "lo"


def run(outlet: Outlet) -> None:
    """Train the spec of the command line with its number of processes.

    The cause of a rank's end is reported once, as the stream's `error` event and as this function's exception.

    Raises:
        PreflightError: refused, here or by a rank.
        TrainingError: a rank failed.
        TrainingKilledError: a rank or this process was killed.
    """
    spec, path = spec_of_command_line(), Path(sys.argv[1])
    require_clear_artifacts(open_store(spec.store_root, work=spec.work_folder), spec.digests, folds=spec.config.folds)
    with tempfile.TemporaryDirectory(prefix="ranks-", dir=path.parent) as folder:
        statuses = _torchrun(spec, path, Path(folder))
        if not statuses:
            return
        error = end_cause(Path(folder), statuses)
    stream = Path(spec.output_folder) / STREAM
    if stream.exists() or not isinstance(error, PreflightError):  # refused at once, nothing is written
        event = {"event": "error", "seed": spec.seed, "message": f"{type(error).__name__}: {error}"}
        EventStream(stream, outlet).emit(event)
    raise error


def end_cause(folder: Path, statuses: Mapping[int, int]) -> PreflightError | TrainingError:
    """Cause of the ranks' end: a refusal, else a rank's error, else a signal, else a fault.

    When one rank ends, the others lose their connection: such a fault is reported only without another cause.

    Args:
        folder: holds the notes of ranks, `rank<number>.json`.
        statuses: rank → exit status of the failed ranks; negative is a signal.
    """
    notes = {int(p.stem.removeprefix("rank")): json.loads(p.read_bytes()) for p in sorted(folder.glob("rank*.json"))}
    notes_by_event = {note["event"]: (rank, str(note["message"])) for rank, note in sorted(notes.items(), reverse=True)}
    if "refused" in notes_by_event:
        return PreflightError(notes_by_event["refused"][1])
    if "error" in notes_by_event:
        return TrainingError(notes_by_event["error"][1].removeprefix("TrainingError: "))
    for rank, status in sorted(statuses.items()):
        if status < 0 and status != -signal.SIGTERM:  # by which torchrun stops the others
            kind = TrainingKilledError if status == -signal.SIGKILL else TrainingError
            return kind(
                f"Rank {rank} was ended by {signal.Signals(-status).name}. Train again: it resumes from the last state."
            )
    if "fault" in notes_by_event:
        return TrainingError(f"Rank {notes_by_event['fault'][0]}: {notes_by_event['fault'][1]}")
    return TrainingError(f"Ranks ended with statuses {dict(sorted(statuses.items()))}, and none said why.")


def _torchrun(spec: WorkerSpec, path: Path, folder: Path) -> dict[int, int]:
    """Run the ranks to their end. Returns: rank → exit status of the failed ranks.

    Raises: TrainingKilledError: this process received SIGTERM, on which torchrun stops the ranks first.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as torchrun

    arguments = [
        "--nnodes=1",
        f"--nproc-per-node={spec.config.processes}",
        "--max-restarts=0",
        "--rdzv-backend=c10d",
        "--rdzv-conf=store_type=file",
        f"--rdzv-endpoint={folder / 'rendezvous'}",
        "--rdzv-id=training",
        "--local-addr=127.0.0.1",
        f"--log-dir={folder}",
        "-m",
        "codelewm_assets.training.worker",
        str(path),
    ]
    os.environ |= {  # which the ranks inherit
        PARENT: str(os.getpid()),
        RANKS: str(folder),
        "OMP_NUM_THREADS": str(spec.config.threads),
        "GLOO_SOCKET_IFNAME": LOOPBACK,
        "NCCL_SOCKET_IFNAME": LOOPBACK,
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
    }
    try:
        torchrun(arguments)
    except ChildFailedError as error:
        return {rank: failure.exitcode for rank, failure in error.failures.items()}
    except SignalException as error:
        if error.sigval != signal.SIGTERM:
            raise
        raise TrainingKilledError(
            "The ranks' agent was ended by SIGTERM from outside. Train again: it resumes from the last state."
        ) from error
    finally:
        del os.environ[RANKS]  # the agent is no rank
    return {}


if __name__ == "__main__":
    sys.exit(main(run))
