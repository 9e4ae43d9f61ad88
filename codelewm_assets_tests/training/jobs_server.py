"""A server that speaks the Jobs API and the repository routes that a job needs, and keeps what it was asked.

It "runs" a job by a `Scenario`: which lines the log has, which files the job leaves, how it ends, and what goes wrong on
the way. Large files (Parquet, safetensors) go the way of LFS, as on the Hub.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

LARGE = (".parquet", ".safetensors")
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
class JobsServer:
    """The state behind the routes."""

    address: str = ""
    scenario: Scenario = field(default_factory=Scenario)
    private: bool = True
    files: dict[str, bytes] = field(default_factory=dict)  # of the one repository
    committed: list[list[str]] = field(default_factory=list)  # names of each commit
    jobs: list[Job] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)  # method and path
    cancels: int = 0
    _large: dict[str, bytes] = field(default_factory=dict)
    _commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def head(self) -> str:
        """The commit that the repository is at."""
        digest = hashlib.sha1(repr(sorted((n, hashlib.sha1(d).digest()) for n, d in self.files.items())).encode())
        self._commits[digest.hexdigest()] = dict(self.files)
        return digest.hexdigest()

    def at(self, commit: str) -> dict[str, bytes]:
        """Files of a commit."""
        return self._commits[commit]

    def start(self, asked: dict[str, Any]) -> Job:
        """Start a job: it leaves its files at once, its log is served later."""
        job = Job(len(self.jobs) + 1, asked)
        self.jobs.append(job)
        run_id = asked["command"][-1]
        self.files |= {f"jobs/{run_id}/output/{name}": data for name, data in self.scenario.outputs.items()}
        if self.scenario.in_job is not None:
            self.scenario.lines = self.scenario.in_job(asked["command"])
        return job

    def commit(self, body: bytes) -> None:
        """Apply a commit."""
        names = []
        for row in map(json.loads, body.decode().splitlines()):
            value = row["value"]
            if row["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif row["key"] == "lfsFile":
                self.files[value["path"]] = self._large[value["oid"]]
            elif row["key"] == "deletedFile":
                del self.files[value["path"]]
            names += [value["path"]] if row["key"] in ("file", "lfsFile") else []
        self.committed.append(names)

    def tree(self, commit: str, folder: str) -> list[dict[str, Any]] | None:
        """Files below a folder, None when there is none."""
        rows = [_row(n, d) for n, d in sorted(self.at(commit).items()) if n.startswith(f"{folder}/")]
        return rows or None


def _row(name: str, data: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    row: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": blob}
    if name.endswith(LARGE):
        oid = hashlib.sha256(data).hexdigest()
        row |= {"oid": "0" * 40, "lfs": {"oid": oid, "size": len(data), "pointerSize": 130}}
    return row


class _Handler(BaseHTTPRequestHandler):
    """The routes."""

    protocol_version = "HTTP/1.1"
    hub: JobsServer

    def do_GET(self) -> None:
        path = self._note()
        if "/resolve/" in path:
            self._resolve(path)
        elif path.startswith("/api/jobs/") and path.endswith("/logs"):
            self._log(self._job(path))
        elif path.startswith("/api/jobs/"):
            self._inspect(self._job(path))
        elif "/tree/" in path:
            commit, folder = path.split("/tree/")[1].split("/", 1)
            rows = self.hub.tree(commit, folder)
            self._reply(rows) if rows else self._reply({}, 404, {"X-Error-Code": "EntryNotFound"})
        else:
            self._reply({"id": "lab/runs", "sha": self.hub.head(), "private": self.hub.private})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        path = self._note()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path.endswith("/cancel"):
            self._cancel(self._job(path))
        elif path.startswith("/api/jobs/"):
            self._reply(self.hub.start(json.loads(body)).info())
        elif path == "/api/repos/create":
            self._reply({"url": f"{self.hub.address}/datasets/lab/runs"})
        elif "/preupload/" in path:
            names = [row["path"] for row in json.loads(body)["files"]]
            modes = {name: "lfs" if name.endswith(LARGE) else "regular" for name in names}
            self._reply({"files": [{"path": n, "uploadMode": m, "shouldIgnore": False} for n, m in modes.items()]})
        elif path.endswith("/objects/batch"):
            address = f"{self.hub.address}/large"
            asked = json.loads(body)["objects"]
            objects = [row | {"actions": {"upload": {"href": f"{address}/{row['oid']}"}}} for row in asked]
            self._reply({"transfer": "basic", "objects": objects})
        else:
            assert "/commit/" in path, path
            self.hub.commit(body)
            address = f"{self.hub.address}/datasets/lab/runs/commit/1"
            self._reply({"commitUrl": address, "commitOid": self.hub.head(), "hookOutput": ""})

    def do_PUT(self) -> None:
        oid = self._note().split("/")[-1]
        self.hub._large[oid] = self.rfile.read(int(self.headers["Content-Length"]))
        self._reply({})

    def _note(self) -> str:
        path = unquote(self.path.split("?")[0])
        self.hub.requests.append(f"{self.command} {path}")
        return path

    def _job(self, path: str) -> Job:
        return self.hub.jobs[int(path.split("/")[4].removeprefix("job")) - 1]

    def _inspect(self, job: Job) -> None:
        failures = self.hub.scenario.inspect_failures
        if not failures:
            self._reply(job.info())
        elif status := failures.pop(0):
            self._reply({}, status)
        else:
            self._break_off()

    def _cancel(self, job: Job) -> None:
        self.hub.cancels += 1
        if self.hub.scenario.cancel_failures:
            self._reply({}, self.hub.scenario.cancel_failures.pop(0))
            return
        job.end("CANCELED", None)
        self._reply({})

    def _log(self, job: Job) -> None:
        scenario = self.hub.scenario
        failure = scenario.log_failures.pop(0) if scenario.log_failures else None
        if failure is not None and failure >= 400:
            self._reply({}, failure)
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

    def _resolve(self, path: str) -> None:
        commit, name = path.split("/resolve/")[1].split("/", 1)
        data = self.hub.at(commit)[name]
        etag = hashlib.sha256(data).hexdigest()
        self._reply(data, 200, {"ETag": f'"{etag}"', "X-Repo-Commit": commit})

    def _reply(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(data))} | (headers or {})
        ).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def jobs_server() -> Iterator[JobsServer]:
    """The running server."""
    found = JobsServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": found}))
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        for job in found.jobs:
            job.end("DELETED", None)  # a stream that is still open ends
        server.shutdown()
        server.server_close()
        thread.join()
