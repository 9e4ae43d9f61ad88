"""A server that speaks the Jobs API, and the repository routes that a job needs on its one repository `lab/runs`.

It "runs" a job by a `Scenario`: which lines the log has, which files the job leaves, how it ends, and what goes wrong on
the way.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from codelewm_assets_tests.hub_repository import Repository
from codelewm_assets_tests.hub_server import HubHandler, HubServer, serving

LONGEST_S = 20.0  # a job that keeps running ends by itself, so that no test hangs


@dataclass
class Scenario:
    """What a job does. Each list of failures is used up, one entry a request."""

    lines: list[str] = field(default_factory=list)
    outputs: dict[str, bytes] = field(default_factory=dict)  # name below output/ → content
    stage: str = "COMPLETED"  # how it ends, when its log was read to the end
    message: str | None = None
    keeps_running: bool = False  # until it is cancelled
    late_lines: int = 0  # last lines that the log has not yet when the job ends
    log_failures: list[int] = field(default_factory=list)  # 400 and more: a status; less: lines before it breaks off
    inspect_failures: list[int] = field(default_factory=list)  # statuses; 0 breaks the connection off
    cancel_failures: list[int] = field(default_factory=list)
    in_job: Callable[[list[str]], list[str]] | None = None  # runs the command in earnest; its lines


@dataclass
class Job:
    """A job that was started."""

    number: int
    asked: dict[str, Any]
    stage: str = "RUNNING"
    message: str | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def end(self, stage: str, message: str | None) -> None:
        """Once; a job that ended stays so."""
        if not self.ended.is_set():
            self.stage, self.message = stage, message
            self.ended.set()

    def info(self) -> dict[str, Any]:
        """As the service tells it."""
        return {
            "id": f"job{self.number}",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "dockerImage": self.asked["dockerImage"],
            "status": {"stage": self.stage, "message": self.message},
            "owner": {"id": "1", "name": "lab", "type": "org"},
        }


@dataclass
class JobsServer(HubServer):
    """The state behind the routes."""

    scenario: Scenario = field(default_factory=Scenario)
    runs: Repository = field(default_factory=Repository)  # the one repository
    jobs: list[Job] = field(default_factory=list)
    cancels: int = 0

    def __post_init__(self) -> None:
        self.repositories["datasets/lab/runs"] = self.runs

    @property
    def files(self) -> dict[str, bytes]:
        """Of the one repository."""
        return self.runs.files

    @files.setter
    def files(self, files: dict[str, bytes]) -> None:
        self.runs.files = files

    @property
    def committed(self) -> list[list[str]]:
        """Names of each commit."""
        return self.runs.committed

    def start(self, asked: dict[str, Any]) -> Job:
        """Start a job: it leaves its files at once, its log is served later."""
        job = Job(len(self.jobs) + 1, asked)
        self.jobs.append(job)
        run_id = asked["command"][-1]
        self.files |= {f"jobs/{run_id}/output/{name}": data for name, data in self.scenario.outputs.items()}
        if self.scenario.in_job is not None:
            self.scenario.lines = self.scenario.in_job(asked["command"])
        return job

    def end(self) -> None:
        """Jobs end with the server."""
        for job in self.jobs:
            job.end("DELETED", None)  # a stream that is still open ends


class _Handler(HubHandler):
    """The routes of jobs beside those of repositories."""

    hub: JobsServer

    def get(self, path: str, body: bytes) -> None:
        """Answer a GET or HEAD."""
        if not path.startswith("/api/jobs/"):
            super().get(path, body)
        elif path.endswith("/logs"):
            self._log(self._job(path))
        else:
            self._inspect(self._job(path))

    def post(self, path: str, body: bytes) -> None:
        """Answer a POST."""
        if not path.startswith("/api/jobs/"):
            super().post(path, body)
        elif path.endswith("/cancel"):
            self._cancel(self._job(path))
        else:
            self.reply(self.hub.start(json.loads(body)).info())

    def _job(self, path: str) -> Job:
        return self.hub.jobs[int(path.split("/")[4].removeprefix("job")) - 1]

    def _inspect(self, job: Job) -> None:
        failures = self.hub.scenario.inspect_failures
        if not failures:
            self.reply(job.info())
        elif status := failures.pop(0):
            self.reply({}, status)
        else:
            self._break_off()

    def _cancel(self, job: Job) -> None:
        self.hub.cancels += 1
        if self.hub.scenario.cancel_failures:
            self.reply({}, self.hub.scenario.cancel_failures.pop(0))
            return
        job.end("CANCELED", None)
        self.reply({})

    def _log(self, job: Job) -> None:
        scenario = self.hub.scenario
        failure = scenario.log_failures.pop(0) if scenario.log_failures else None
        if failure is not None and failure >= 400:
            self.reply({}, failure)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        there = len(scenario.lines) - (0 if job.ended.is_set() else scenario.late_lines)
        for line in ["===== Job started", *scenario.lines][: 1 + (there if failure is None else failure)]:
            data = json.dumps({"data": line, "timestamp": "2026-01-01T00:00:00.000Z"})
            self._chunk(f"data: {data}\n\n".encode())
        if failure is not None:
            self._break_off()
            return
        if scenario.keeps_running:
            job.ended.wait(LONGEST_S)
        job.end(scenario.stage, scenario.message)
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _break_off(self) -> None:
        self.close_connection = True


@contextmanager
def jobs_server() -> Iterator[JobsServer]:
    """The running server."""
    found = JobsServer()
    with serving(found, _Handler):
        yield found
