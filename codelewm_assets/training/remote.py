"""Entry point of a job of Hugging Face Jobs: `python -m codelewm_assets.training.remote NAMESPACE/NAME RUN_ID`.

Compares the code with the sender's, downloads the job's folder, verifies it against the run id and the manifests, and runs the
worker with its guard. The cause of the job's end is an event, since only the log reaches the sender. Exit statuses are the
worker's: 0 done, 3 refused, 1 anything else.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.core.errors import AssetsError, PreflightError, ReportError, TrainingError
from codelewm_assets.core.hub_calls import hub_api, one_line
from codelewm_assets.core.package import package_sha256
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets.training import worker
from codelewm_assets.training.hf_files import OUTPUT, PACKAGE_SHA256, SPEC, STORE, JobFolder
from codelewm_assets.training.progress import STREAM, job_event_line, read_events

PAUSE_S = 5.0  # first pause after a transient failure of the Hub


def run(repository: str, run_id: str, *, work: Path) -> None:
    """Train the spec of `jobs/<run id>/`, and upload the output to its `output/`.

    Args:
        work: an empty folder; the worker writes to its `output`.

    Raises: PreflightError: refused. TrainingError, StoreError: different code, altered files, the Hub, or as the worker.
    """
    token = os.environ.get("HF_TOKEN")
    if not token:
        raise TrainingError("The job has no secret HF_TOKEN. Start it with one that may write to the repository.")
    api = hub_api(token, os.environ.get("HF_ENDPOINT"))
    folder = JobFolder(api, repository, run_id, pause_s=PAUSE_S)
    inputs, output = work / "inputs", work / OUTPUT
    inputs.mkdir()
    output.mkdir()
    listing = folder.listing()
    sent = set(listing.hashes) - set(listing.below(OUTPUT))
    folder.fetch(sorted(sent & {SPEC}), listing.commit, inputs)
    spec = _checked_spec(inputs, output, run_id)  # first, so that a wrong image transfers no data
    folder.fetch(sorted(sent - {SPEC}), listing.commit, inputs)
    _require_intact(inputs / STORE)
    worker.train(spec)
    complete = [event for event in read_events(output / STREAM)[0] if event["event"] == "complete"][-1]
    written = {f"{OUTPUT}/{name}": output / name for name in (*complete["files"], STREAM)}  # its states stay behind
    folder.upload(written, stale=set(folder.listing().below(OUTPUT)) - set(written))


def _checked_spec(inputs: Path, output: Path, run_id: str) -> worker.WorkerSpec:
    """The spec with this machine's paths. Raises: TrainingError: it was altered, or sent by different code."""
    path = inputs / SPEC
    actual = sha256_bytes(path.read_bytes()) if path.exists() else "missing"
    if actual != run_id:
        raise TrainingError(f"{SPEC} of the job is {actual[:12]}, its run id says {run_id[:12]}. Start the job again.")
    fields = json.loads(path.read_text(encoding="ascii"))
    local_code, sender_code = package_sha256(), str(fields.pop(PACKAGE_SHA256, "absent"))
    if local_code != sender_code:
        raise TrainingError(
            f"The job's image holds different code than the sender: the source of codelewm_assets is {local_code[:12]} in the "
            f"image, {sender_code[:12]} at the sender. Build the image from these sources (revision {fields.get('revision')}) and "
            "name its digest in compute.hf_jobs.image."
        )
    paths = {"store_root": str(inputs / STORE), "output_folder": str(output)}
    return worker.WorkerSpec.model_validate(fields | paths)


def _require_intact(store: Path) -> None:
    """Raises: TrainingError: an artifact is not what its manifest says."""
    faults = [f"{f.artifact} {f.file} is {f.found[:12]}" for f in ArtifactStore(store).verify_all()[1]]
    if faults:
        raise TrainingError(f"Artifacts of the job are not what was sent: {'; '.join(faults)}. Start it again.")


def _emit_error(error: Exception, output: Path) -> None:
    """Print the error as the stream's next event; `refused` marks the guard's refusal."""
    try:
        events = read_events(output / STREAM)[0]
    except ReportError:
        events = []  # no stream yet
    refused = isinstance(error, PreflightError)
    if events and events[-1]["event"] == "error" and not refused:
        return  # the worker emitted it
    message = str(error) if isinstance(error, AssetsError) else one_line(error)
    seq = 1 + max((event["seq"] for event in events), default=-1)
    event = {"event": "error", "message": message, "refused": refused, "seq": seq, "time_s": time.time()}
    print(job_event_line(event), end="", flush=True)


def main(arguments: list[str]) -> int:
    """Run from the command line with the repository and the run id."""
    if len(arguments) != 2:
        print("usage: python -m codelewm_assets.training.remote NAMESPACE/NAME RUN_ID", file=sys.stderr)
        return 2
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with tempfile.TemporaryDirectory(prefix="codelewm-job-") as work:
        try:
            run(*arguments, work=Path(work))
        except Exception as error:
            _emit_error(error, Path(work) / OUTPUT)
            if not isinstance(error, AssetsError | OSError | ValueError):
                raise  # not expected: the log gets its traceback
            return worker.REFUSED if isinstance(error, PreflightError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
