"""What a job's worker wrote, taken home: exactly the files of its `complete` event, with their digests, or nothing."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codelewm_assets.core.errors import ReportError, TrainingError
from codelewm_assets.training.hf_files import OUTPUT, JobFolder
from codelewm_assets.training.progress import STREAM, event_line, read_events
from codelewm_assets.training.sidecar import altered_files


def fetch_outputs(folder: JobFolder, events: Sequence[Mapping[str, Any]], into: Path) -> None:
    """Download the worker's files into an empty folder, checked.

    Args: events: of the job's log; the last `complete` names each file with its sha256. The event stream itself may stand
        beside them: it holds that event, so its digest cannot be in it, and it is compared with the events instead.
    Raises: TrainingError: files are missing, altered or not in the event; `into` is left as it was.
    """
    wanted = _files_of([event for event in events if event["event"] == "complete"][-1])
    listing = folder.listing()
    names = [name.removeprefix(f"{OUTPUT}/") for name in listing.below(OUTPUT)]
    faults = [f"{name} is missing" for name in sorted(set(wanted) - set(names))]
    faults += [f"{name} is not among the files of the event" for name in sorted(set(names) - set(wanted) - {STREAM})]
    _refuse(folder, faults)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".fetching-") as scratch:
        folder.fetch([f"{OUTPUT}/{name}" for name in names], listing.commit, Path(scratch))
        came = Path(scratch) / OUTPUT
        faults = altered_files(came, wanted)
        if STREAM in names and STREAM not in wanted:
            faults += _unlike_the_log(came / STREAM, events)
        _refuse(folder, faults)
        for name in names:
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(came / name, into / name)


def _files_of(complete: Mapping[str, Any]) -> dict[str, str]:
    files = complete.get("files")
    if not isinstance(files, dict) or not files or not all(isinstance(value, str) for value in files.values()):
        raise TrainingError(
            f"The job's complete event names no files ({files!r}); wanted name → sha256. Its image holds another version "
            "of codelewm_assets; build the image from this one."
        )
    return files


def _unlike_the_log(stream: Path, events: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first event of the log that the stored stream has not."""
    try:
        stored = {event_line(event) for event in read_events(stream)[0]}
    except ReportError as error:
        return [str(error)]
    absent = [event for event in events if event_line(event) not in stored]
    return [f"{STREAM} has no event {absent[0].get('seq')} ({absent[0]['event']}) of the job's log"] if absent else []


def _refuse(folder: JobFolder, faults: list[str]) -> None:
    if faults:
        raise TrainingError(
            f"The job's output in {folder.path}/{OUTPUT} is not what its worker wrote: {'; '.join(faults)}. "
            "Nothing was kept; train again."
        )
