"""The folder `jobs/<run id>/` of a dataset repository: its contents, uploads and downloads.

spec.json   the worker's spec, without this machine's paths, and the digest of the code; the digest of this file is the run id
store/      the artifacts that the worker reads, in the layout of the artifact store
output/     the files that the worker wrote
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from codelewm_assets.core.digests import canonical_json, digest_of
from codelewm_assets.core.errors import ReportError, TrainingError
from codelewm_assets.core.hub_calls import file_hashes, retry_transient
from codelewm_assets.core.package import package_sha256
from codelewm_assets.preflight.clearance import TRAINING_INPUTS
from codelewm_assets.store.store import Artifact, open_store
from codelewm_assets.training.progress import STREAM, event_line, read_events
from codelewm_assets.training.sidecar import altered_files
from codelewm_assets.training.worker import WorkerSpec

LOCAL_FIELDS = {"store_root", "work_folder", "output_folder", "partial_folder"}
READ_BY_WORKER = ("preflight_report", "tokenized_pack", *TRAINING_INPUTS)
SPEC, STORE, OUTPUT = "spec.json", "store", "output"
PACKAGE_SHA256 = "package_sha256"  # field of spec.json beside the worker's own
Answer = TypeVar("Answer")


def portable(spec: WorkerSpec) -> dict[str, Any]:
    """The spec without this machine's paths, and the digest of this machine's code, which the job must run too."""
    return spec.model_dump(mode="json", exclude=LOCAL_FIELDS) | {PACKAGE_SHA256: package_sha256()}


def run_id_of(portable_spec: Mapping[str, Any]) -> str:
    """Digest of the spec: the same training by the same code has the same folder."""
    return digest_of(dict(portable_spec))


def input_files(spec: WorkerSpec, written_spec: Path) -> dict[str, Path]:
    """Name in the job's folder → file: the spec, written to `written_spec`, and whole artifacts with their lineage.

    Raises: StoreError: an artifact is not stored.
    """
    written_spec.write_bytes(canonical_json(portable(spec)))
    store, lineage = open_store(spec.store_root, work=spec.work_folder), dict[str, Artifact]()
    for name in READ_BY_WORKER:
        lineage |= store.lineage(store.load(name, spec.digests[name]))
    files = {name: path for artifact in lineage.values() for name, path in store.local_files(artifact).items()}
    return {SPEC: written_spec} | {f"{STORE}/{name}": path for name, path in sorted(files.items())}


@dataclass(frozen=True, slots=True)
class Listing:
    """The job's folder at one commit."""

    commit: str
    hashes: dict[str, str]  # name → sha256 of a large file, git's blob hash of another

    def below(self, folder: str) -> list[str]:
        """Names in a folder, sorted."""
        return sorted(name for name in self.hashes if name.startswith(f"{folder}/"))


class JobFolder:
    """`jobs/<run id>/` in a dataset repository. Each method raises TrainingError when the Hub refuses or is unreachable."""

    def __init__(self, api: Any, repository: str, run_id: str, *, pause_s: float) -> None:
        """Refer to the folder of a run.

        Args:
            pause_s: first pause after a transient failure.
        """
        self._api, self._repository, self._pause_s = api, repository, pause_s
        self.path = f"jobs/{run_id}"

    def require_private(self) -> None:
        """Create the repository if it does not exist. Raises: TrainingError: it is public."""
        self._ask(
            "make", lambda: self._api.create_repo(self._repository, repo_type="dataset", private=True, exist_ok=True)
        )
        if self._info().private is not True:
            raise TrainingError(
                f"{self._repository} is public, and a job's inputs hold programs that are not published. Make the "
                "repository private, or name another one in compute.hf_jobs.repository."
            )

    def listing(self) -> Listing:
        """Current contents; empty when nothing was uploaded."""
        commit = str(self._info().sha)
        hashes = self._ask(
            "list", lambda: file_hashes(self._api, self._repository, "dataset", revision=commit, folder=self.path)
        )
        return Listing(commit, {name.removeprefix(self.path + "/"): value for name, value in hashes.items()})

    def upload(self, files: Mapping[str, Path], *, stale: Iterable[str] = ()) -> None:
        """Commit the files (name → file) and delete the stale names, in one commit."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        def commit() -> None:
            operations = [
                *(CommitOperationAdd(f"{self.path}/{name}", str(path)) for name, path in sorted(files.items())),
                *(CommitOperationDelete(f"{self.path}/{name}") for name in sorted(stale)),
            ]
            self._api.create_commit(self._repository, operations, commit_message=self.path, repo_type="dataset")

        self._ask("upload to", commit)

    def fetch(self, names: Sequence[str], commit: str, into: Path) -> None:
        """Download files of one commit under their names. Raises: TrainingError: also for a name that leaves the folder."""
        for name in names:
            if ".." in PurePosixPath(name).parts:
                raise TrainingError(f"{self._repository} has a file {name!r} that leaves {self.path}. Delete it there.")
        with tempfile.TemporaryDirectory(dir=into.parent, prefix=".fetching-") as scratch:
            for name in names:
                self._ask("download from", partial(self._download, name, commit, scratch))
                (into / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(scratch) / self.path / name, into / name)

    def _download(self, name: str, commit: str, folder: str) -> None:
        self._api.hf_hub_download(
            self._repository, f"{self.path}/{name}", repo_type="dataset", revision=commit, local_dir=folder
        )

    def _info(self) -> Any:
        return self._ask("read", lambda: self._api.repo_info(self._repository, repo_type="dataset"))

    def _ask(self, action: str, call: Callable[[], Answer]) -> Answer:
        about = f"{action} the dataset repository {self._repository}"
        return retry_transient(call, about, pause_s=self._pause_s, error=TrainingError)


def fetch_outputs(folder: JobFolder, events: Sequence[Mapping[str, Any]], into: Path) -> None:
    """Download the worker's files into an empty folder and verify them.

    Args:
        events: of the job's log; the last `complete` names each file with its sha256. The event stream itself, which holds that
            event and so not its own digest, is compared with the events instead.

    Raises: TrainingError: files are missing, altered or not in the event; `into` is unchanged.
    """
    expected = _files_of([event for event in events if event["event"] == "complete"][-1])
    listing = folder.listing()
    names = [name.removeprefix(f"{OUTPUT}/") for name in listing.below(OUTPUT)]
    faults = [f"{name} is missing" for name in sorted(set(expected) - set(names))]
    faults += [f"{name} is not among the files of the event" for name in sorted(set(names) - set(expected) - {STREAM})]
    _require_no_faults(folder, faults)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".fetching-") as scratch:
        folder.fetch([f"{OUTPUT}/{name}" for name in names], listing.commit, Path(scratch))
        downloaded = Path(scratch) / OUTPUT
        faults = altered_files(downloaded, expected)
        if STREAM in names and STREAM not in expected:
            faults += _missing_events(downloaded / STREAM, events)
        _require_no_faults(folder, faults)
        for name in names:
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(downloaded / name, into / name)


def _files_of(complete: Mapping[str, Any]) -> dict[str, str]:
    files = complete.get("files")  # of strings, where there are any: other lines are no events
    if not files:
        raise TrainingError(
            f"The job's complete event names no files ({files!r}); expected name → sha256. Its image holds another version "
            "of codelewm_assets; build the image from this one."
        )
    return dict(files)


def _missing_events(stream: Path, events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Fault of the first event of the log that the stored stream lacks."""
    try:
        stored = {event_line(event) for event in read_events(stream)[0]}
    except ReportError as error:
        return [str(error)]
    absent = [event for event in events if event_line(event) not in stored]
    return [f"{STREAM} has no event {absent[0].get('seq')} ({absent[0]['event']}) of the job's log"] if absent else []


def _require_no_faults(folder: JobFolder, faults: list[str]) -> None:
    if faults:
        raise TrainingError(
            f"The job's output in {folder.path}/{OUTPUT} is not what its worker wrote: {'; '.join(faults)}. "
            "Nothing was kept; train again."
        )
