"""Training as a job of Hugging Face Jobs: the same worker on a rented machine.

The clearance is checked here before anything is sent, and again by the worker inside the job (`training.remote`). A job costs
money while it runs, so any early exit cancels it. docs/hf-jobs.md. No torch here.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codelewm_assets.core.errors import PreflightError, StoreError, TrainingError
from codelewm_assets.core.hub_calls import hub_api, matches_hash, one_line, retry_transient
from codelewm_assets.preflight.clearance import require_clear_artifacts
from codelewm_assets.store.store import open_store
from codelewm_assets.training.config import HfJobsSettings
from codelewm_assets.training.hf_files import JobFolder, fetch_outputs, input_files, portable, run_id_of
from codelewm_assets.training.progress import job_event
from codelewm_assets.training.worker import WorkerSpec

JOB_COMMAND = ("python", "-m", "codelewm_assets.training.remote")
MAX_CANCEL_TRIES = 4
ENDED = ("COMPLETED", "ERROR", "CANCELED", "DELETED")
MAX_FINAL_READS = 3  # of an ended job's log, which may lag behind the job


@dataclass(slots=True)
class JobEvents:
    """Events of a job's log, each passed on once and in order, however often the log is repeated.

    Events are identified by `seq` and `time_s`: a restarted job counts from 0 again.
    """

    on_event: Callable[[dict[str, Any]], None]
    attempt_events: list[dict[str, Any]] = field(default_factory=list)  # of the last attempt, in order
    _seen: set[tuple[int, str]] = field(default_factory=set)

    def take(self, line: str) -> None:
        """Read one line of the log; lines without an event are ignored."""
        event = job_event(line)
        if event is None or not isinstance(event.get("seq"), int):
            return
        key = event["seq"], str(event.get("time_s"))
        if key in self._seen:
            return
        self._seen.add(key)
        if event["event"] == "start":
            self.attempt_events.clear()
        self.attempt_events.append(event)
        self.on_event(event)

    @property
    def has_ended(self) -> bool:
        """True if the last attempt has reported its end."""
        return self.last("complete") is not None or self.last("error") is not None

    def last(self, kind: str) -> dict[str, Any] | None:
        """The last attempt's last event of a kind; None without one."""
        return next((event for event in reversed(self.attempt_events) if event["event"] == kind), None)


class HfJobs:
    """The training backend; `run` has the contract of `defs.training.run_worker`."""

    def __init__(self, settings: HfJobsSettings, *, token: str | None, endpoint: str | None = None) -> None:
        """Set up the backend; no request is sent.

        Args:
            token: may write to the repository and start jobs.
            endpoint: address of the Hub; None: the client's default.
        """
        self._settings, self._token, self._endpoint = settings, token, endpoint
        self._namespace = settings.repository.split("/")[0]

    def run(self, spec: WorkerSpec, *, on_event: Callable[[dict[str, Any]], None]) -> None:
        """Run the worker to its end in a job and download its verified files to `spec.output_folder`.

        Args:
            on_event: called with each event of the stream, once and in order.

        Raises:
            PreflightError: the guard refused, here or in the job.
            TrainingError: the Hub or the service refused, the job failed, was cancelled or ran too long, or its files were
                altered; the output folder stays empty.
        """
        if spec.config.processes > 1:
            raise TrainingError(
                f"training.processes is {spec.config.processes}, and a job of Hugging Face Jobs trains by one process. Set it "
                "to 1, or compute.backend to local."
            )
        try:
            require_clear_artifacts(
                open_store(spec.store_root, work=spec.work_folder), spec.digests, folds=spec.config.folds
            )
        except StoreError as error:
            raise TrainingError(f"Training of seed {spec.seed} cannot start: {error}") from error
        if not self._token:
            raise TrainingError(
                "Hugging Face Jobs need a token that may write to the repository and start jobs, and none was given. Set "
                "HF_TOKEN, or train with compute.backend local."
            )
        run_id = run_id_of(portable(spec))
        api = hub_api(self._token, self._endpoint)
        folder = JobFolder(api, self._settings.repository, run_id, pause_s=self._settings.poll_s)
        self._upload(folder, spec)
        job, events = self._start(api, run_id), JobEvents(on_event)
        try:
            status = _wait_for_job(
                api, job.id, self._namespace, events,
                timeout_s=self._settings.timeout_s, poll_s=self._settings.poll_s,
            )  # fmt: skip
        except BaseException as error:  # also an interrupt, since the job would keep running
            self._cancel(api, job, error)
            raise
        _require_completed(status, events, f"Job {job.id} ({job.url}) of seed {spec.seed}")
        fetch_outputs(folder, events.attempt_events, Path(spec.output_folder))

    def _upload(self, folder: JobFolder, spec: WorkerSpec) -> None:
        folder.require_private()
        remote_hashes = folder.listing().hashes
        with tempfile.TemporaryDirectory(prefix="codelewm-job-") as scratch:
            files = input_files(spec, Path(scratch) / "spec.json")
            absent = {name: path for name, path in files.items() if not matches_hash(path, remote_hashes.get(name))}
            if absent:
                folder.upload(absent)

    def _start(self, api: Any, run_id: str) -> Any:
        settings = self._settings
        environment = {"PYTHONUNBUFFERED": "1"} | ({"HF_ENDPOINT": self._endpoint} if self._endpoint else {})
        return retry_transient(
            lambda: api.run_job(
                image=settings.image,
                command=[*JOB_COMMAND, settings.repository, run_id],
                flavor=settings.flavor,
                timeout=settings.timeout_s,
                attempts=settings.attempts,
                env=environment,
                secrets={"HF_TOKEN": self._token},
                name=f"codelewm-{run_id[:16]}",
                namespace=self._namespace,
            ),
            f"start a job on {settings.flavor} in namespace {self._namespace}",
            pause_s=settings.poll_s,
            error=TrainingError,
            tries=1,  # a lost response may belong to a started job: a second one would cost twice
        )

    def _cancel(self, api: Any, job: Any, error: BaseException) -> None:
        """Cancel the job; if that fails too, add a note to the error."""
        try:
            retry_transient(
                lambda: api.cancel_job(job_id=job.id, namespace=self._namespace),
                f"cancel job {job.id}", pause_s=self._settings.poll_s, error=TrainingError, tries=MAX_CANCEL_TRIES,
            )  # fmt: skip
        except Exception as failed:  # whatever it is, it must not hide `error`
            note = f"The job may still run and cost money, end it at {job.url}. {one_line(failed)}"
            error.add_note(note)
            if isinstance(error, TrainingError):
                raise TrainingError(f"{error} {note}") from error


def _wait_for_job(api: Any, job_id: str, namespace: str, events: JobEvents, *, timeout_s: float, poll_s: float) -> Any:
    """Poll the job until it has ended and its log was read. Returns: its last status.

    The whole log is read at each poll: an open stream breaks off, repeats itself, or stays silent for hours.

    Args:
        timeout_s: maximum duration from now on, including waiting for a machine.
        poll_s: seconds between two polls.

    Raises: TrainingError: the timeout, or status or log cannot be read. The job still runs then.
    """
    until_s, readings_left = time.monotonic() + timeout_s, MAX_FINAL_READS
    while True:
        status = retry_transient(
            lambda: api.inspect_job(job_id=job_id, namespace=namespace), f"look at job {job_id}",
            pause_s=poll_s, error=TrainingError,
        ).status  # fmt: skip
        for line in _log(api, job_id, namespace, poll_s):
            events.take(line)
        if status.stage in ENDED:
            readings_left -= 1
            if events.has_ended or not readings_left:
                return status
        elif time.monotonic() > until_s:
            raise TrainingError(
                f"Job {job_id} is {status.stage} after timeout_s = {timeout_s:g} s. Raise compute.hf_jobs.timeout_s "
                "(and its spend cap), or train less."
            )
        time.sleep(poll_s)


def _log(api: Any, job_id: str, namespace: str | None, pause_s: float) -> list[str]:
    """The lines of the job's log so far."""
    try:
        return retry_transient(
            lambda: list(api.fetch_job_logs(job_id=job_id, namespace=namespace)), "read it",
            pause_s=pause_s, error=TrainingError,
        )  # fmt: skip
    except TrainingError as error:
        raise TrainingError(f"The log of job {job_id} cannot be read: {error}") from error


def job_state(api: Any, job_id: str, namespace: str | None, *, pause_s: float) -> tuple[str, list[str]]:
    """(stage, lines of the log so far) of any job, such as one of CodeLeWM's trainer. Args: namespace: None: the token's own.

    Raises: TrainingError: status or log cannot be read.
    """
    status = retry_transient(
        lambda: api.inspect_job(job_id=job_id, namespace=namespace), f"look at job {job_id}",
        pause_s=pause_s, error=TrainingError,
    ).status  # fmt: skip
    return str(status.stage), _log(api, job_id, namespace, pause_s)


def _require_completed(status: Any, events: JobEvents, job: str) -> None:
    """Raises: PreflightError: the guard refused in the job. TrainingError: the job did not complete."""
    error_event = events.last("error")
    if status.stage in ("CANCELED", "DELETED"):
        raise TrainingError(
            f"{job} was {status.stage.lower()} before it was complete. Train again, or ask who ended it."
        )
    if error_event is not None and error_event.get("refused") is True:
        raise PreflightError(str(error_event.get("message")))
    if status.stage == "ERROR" or error_event is not None:
        message = (error_event or {}).get("message") or status.message or "the service gives no reason; read its log"
        raise TrainingError(f"{job} failed: {message}")
    if events.last("complete") is None:
        raise TrainingError(
            f"{job} ended without the event `complete` in its log. Read the log there; nothing was kept."
        )
