"""Following a job to its end: its log in a thread of its own, its stage between the lines, each event once.

The log's stream drops, repeats itself and may stay silent for hours, so nothing here waits on it: lines come through a
queue, and the clock and the stage are looked at meanwhile.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.core.hub_calls import is_transient, one_line, patiently, pause_after
from codelewm_assets.training.progress import job_event

ENDED = ("COMPLETED", "ERROR", "CANCELED", "DELETED")
LAST_LINES_S = 180.0  # how long the last lines of an ended job's log are waited for


@dataclass(slots=True)
class JobEvents:
    """Events of a job's log, each handed on once and in order, however often the log is told again.

    An event is known by `seq`, and by `time_s`: a job that the service starts again counts from 0 again.
    """

    on_event: Callable[[dict[str, Any]], None]
    of_attempt: list[dict[str, Any]] = field(default_factory=list)  # of the last attempt, in order
    _seen: set[tuple[int, str]] = field(default_factory=set)

    def take(self, line: str) -> None:
        """Read one line of the log; other lines than events are dropped."""
        event = job_event(line)
        if event is None or not isinstance(event.get("seq"), int):
            return
        key = event["seq"], str(event.get("time_s"))
        if key in self._seen:
            return
        self._seen.add(key)
        if event["event"] == "start":
            self.of_attempt.clear()
        self.of_attempt.append(event)
        self.on_event(event)

    def last(self, kind: str) -> dict[str, Any] | None:
        """The last attempt's last event of a kind, None without one."""
        return next((event for event in reversed(self.of_attempt) if event["event"] == kind), None)


class JobLog:
    """The lines of one job's log, read in a thread until the job ends."""

    def __init__(self, api: Any, job_id: str, namespace: str, *, pause_s: float) -> None:
        self._api, self._job_id, self._namespace, self._pause_s = api, job_id, namespace, pause_s
        self._lines: Queue[str | Exception | None] = Queue()
        self._is_left = Event()
        self.is_open = False

    def open(self) -> None:
        """Read from the first line on."""
        self.is_open = True
        Thread(target=self._read, name=f"log of job {self._job_id}", daemon=True).start()

    def leave(self) -> None:
        """Ask for no more."""
        self._is_left.set()

    def take(self, into: JobEvents, *, for_s: float) -> None:
        """Hand over what comes within so many seconds, or until the log ends. Raises: TrainingError: it cannot be read."""
        until_s = time.monotonic() + for_s
        while self.is_open and (left_s := until_s - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left_s)
            except Empty:
                return
            if line is None:
                self.is_open = False
            elif isinstance(line, Exception):
                raise TrainingError(f"The log of job {self._job_id} cannot be read: {one_line(line)}.") from line
            else:
                into.take(line)

    def _read(self) -> None:
        failures = 0
        while not self._is_left.is_set():
            try:
                for line in self._api.fetch_job_logs(job_id=self._job_id, namespace=self._namespace, follow=True):
                    failures = 0
                    self._lines.put(line)
                break
            except Exception as error:  # it belongs to the thread that takes the lines
                failures += 1
                if not is_transient(error):
                    self._lines.put(error)
                    return
                self._is_left.wait(pause_after(failures, self._pause_s))
        self._lines.put(None)


def follow(api: Any, job_id: str, namespace: str, events: JobEvents, *, timeout_s: float, poll_s: float) -> Any:
    """The job's last status, when it has ended and its log was read.

    Args: timeout_s: how long it may take from now on, waiting for a machine included. poll_s: seconds between two looks.
    Raises: TrainingError: it takes too long, or status or log cannot be read. The job still runs then.
    """
    until_s = time.monotonic() + timeout_s
    log = JobLog(api, job_id, namespace, pause_s=poll_s)

    def look() -> Any:
        return patiently(
            lambda: api.inspect_job(job_id=job_id, namespace=namespace), f"look at job {job_id}",
            pause_s=poll_s, error=TrainingError,
        ).status  # fmt: skip

    try:
        log.open()
        while (status := look()).stage not in ENDED:
            if time.monotonic() > until_s:
                raise TrainingError(
                    f"Job {job_id} is {status.stage} after timeout_s = {timeout_s:g} s. Raise compute.hf_jobs.timeout_s "
                    "(and its spend cap), or train less."
                )
            if not log.is_open:  # cut off although the job runs
                time.sleep(poll_s)
                log.open()
            log.take(events, for_s=poll_s)
        log.take(events, for_s=LAST_LINES_S)
        if not log.is_open and not (events.last("complete") or events.last("error")):
            log.open()  # the log's end may have come after the job's
            log.take(events, for_s=LAST_LINES_S)
        return status
    finally:
        log.leave()
