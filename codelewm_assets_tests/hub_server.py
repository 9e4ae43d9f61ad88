"""A local server that speaks the Hub's API for repositories, as `huggingface_hub` 2.4 asks it, and keeps what it was asked.

Repositories, commits, tags, listings, files, and large files (Parquet, safetensors, PNG) by way of LFS. A `Fault` makes a
request go wrong. What else a service has (jobs) belongs to subclasses of `HubServer` and `HubHandler`.
"""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import unquote

from codelewm_assets_tests.hub_repository import LARGE, Repository, row_of

FIRST_FILE = {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"}  # the Hub's first commit
REPOSITORY = re.compile(r"/api/(datasets|models)/([\w.-]+/[\w.-]+)(?:/([\w-]+)(?:/(.*))?)?$")


@dataclass
class Fault:
    """What goes wrong with requests whose `METHOD path` holds `pattern`, a regular expression, so many `times`."""

    pattern: str
    status: int = 0  # answered without anything being done
    how: Literal["status", "half", "lost"] = "status"  # half of the body is read, or all is done and no answer comes
    times: int = 1
    after: int = 0  # so many go well first
    body: str = ""  # of the answer


@dataclass
class HubServer:
    """The state behind the routes."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)  # as datasets/lab/runs
    requests: list[str] = field(default_factory=list)  # method and path
    faults: list[Fault] = field(default_factory=list)
    token: str | None = None  # that every request to the API must bear
    large: dict[str, bytes] = field(default_factory=dict)  # sha256 → bytes, of all repositories

    def asked(self, part: str) -> list[str]:
        """Requests whose method and path hold a part."""
        return [request for request in self.requests if part in request]

    def end(self) -> None:
        """Called when the server stops."""


class HubHandler(BaseHTTPRequestHandler):
    """The routes of repositories."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = (
        True  # head and body are two writes: the second would wait for the first to be acknowledged
    )
    hub: HubServer
    _is_lost = False

    def do_GET(self) -> None:
        self._take(self.get)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self._take(self.post)

    def do_PUT(self) -> None:
        self._take(self._put)

    def get(self, path: str, body: bytes) -> None:
        """Answer a GET or HEAD."""
        if "/resolve/" in path:
            self._resolve(path)
            return
        found = self._repository(path)
        if found is None:
            self.reply({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            return
        name, repository, what, rest = found
        if what == "tree":
            self._tree(repository, rest)
        elif what == "refs":
            tags = [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": c} for n, c in repository.tags.items()]
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.head()}
            self.reply({"branches": [main], "converts": [], "tags": tags})
        else:
            self.reply({"id": name, "sha": repository.head(), "private": repository.private})

    def post(self, path: str, body: bytes) -> None:
        """Answer a POST."""
        if path == "/api/repos/create":
            self._create(json.loads(body))
        elif path == "/api/validate-yaml":
            self.reply({"errors": [], "warnings": []})
        elif path.endswith("/objects/batch"):
            self._batch(json.loads(body)["objects"])
        elif found := self._repository(path):
            name, repository, what, rest = found
            if what == "preupload":
                self._preupload(repository, [row["path"] for row in json.loads(body)["files"]])
            elif what == "tag":
                self._tag(repository, rest, json.loads(body)["tag"])
            else:
                assert what == "commit", path
                self._commit(name, repository, body)
        else:
            self.reply({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})

    def _put(self, path: str, body: bytes) -> None:
        oid = path.split("/")[-1]
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.large[oid] = body
        self.reply({})

    def _take(self, answer: Any) -> None:
        path = unquote(self.path.split("?")[0])
        request = f"{self.command} {path}"
        self.hub.requests.append(request)
        length = int(self.headers.get("Content-Length") or 0)
        fault = self._fault(request)
        if fault is not None and fault.how == "half":
            self.rfile.read(length // 2)
            self.close_connection = True
            return
        body = self._chunks() if self.headers.get("Transfer-Encoding") == "chunked" else self.rfile.read(length)
        if fault is not None and fault.how == "status":
            self.reply(fault.body.encode() or {"error": f"told to fail with {fault.status}"}, fault.status)
        elif (
            self.hub.token and path.startswith("/api/") and self.headers["Authorization"] != f"Bearer {self.hub.token}"
        ):
            self.reply({"error": "Invalid credentials"}, 401)
        else:
            self._is_lost = fault is not None
            answer(path, body)
            self._is_lost = False

    def _fault(self, request: str) -> Fault | None:
        for fault in self.hub.faults:
            if fault.times and re.search(fault.pattern, request):
                if fault.after:
                    fault.after -= 1
                    return None
                fault.times -= 1
                return fault
        return None

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _repository(self, path: str) -> tuple[str, Repository, str, str] | None:
        match = REPOSITORY.match(path)
        repository = self.hub.repositories.get(f"{match[1]}/{match[2]}") if match else None
        return None if match is None or repository is None else (match[2], repository, match[3] or "", match[4] or "")

    def _create(self, asked: dict[str, Any]) -> None:
        kind = "datasets" if asked.get("type") == "dataset" else "models"
        name = f"{asked['organization']}/{asked['name']}"
        address = {"url": f"{self.hub.address}/{'datasets/' if kind == 'datasets' else ''}{name}"}
        if f"{kind}/{name}" in self.hub.repositories:
            self.reply(address | {"error": "You already created this repo"}, 409)
            return
        made = Repository(private=asked.get("visibility") == "private", files=dict(FIRST_FILE))
        self.hub.repositories[f"{kind}/{name}"] = made
        self.reply(address)

    def _preupload(self, repository: Repository, names: list[str]) -> None:
        there = {name: row_of(name, data) for name, data in repository.files.items()}
        rows = []
        for name in names:
            row = there.get(name, {})
            oid = row["lfs"]["oid"] if "lfs" in row else row.get("oid")
            mode = "lfs" if name.endswith(LARGE) else "regular"
            rows.append({"path": name, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self.reply({"files": rows})

    def _batch(self, objects: list[dict[str, Any]]) -> None:
        address = f"{self.hub.address}/large"
        absent = [
            row | {"actions": {"upload": {"href": f"{address}/{row['oid']}"}}}
            for row in objects
            if row["oid"] not in self.hub.large
        ]
        self.reply({"transfer": "basic", "objects": absent + [r for r in objects if r["oid"] in self.hub.large]})

    def _commit(self, name: str, repository: Repository, body: bytes) -> None:
        parent = json.loads(body.decode().splitlines()[0])["value"].get("parentCommit")
        if parent not in (None, repository.head()):
            self.reply({"error": "A commit has happened since. Please refresh and try again."}, 412)
            return
        repository.commit(body, self.hub.large)
        address = f"{self.hub.address}/datasets/{name}/commit/{repository.head()}"
        self.reply({"commitUrl": address, "commitOid": repository.head(), "hookOutput": ""})

    def _tag(self, repository: Repository, revision: str, tag: str) -> None:
        commit = repository.resolve(revision)
        if commit is None:
            self.reply({"error": "Invalid rev id"}, 404, {"X-Error-Code": "RevisionNotFound"})
        elif tag in repository.tags:
            self.reply({"error": f"Tag reference exists already: {tag}"}, 409)
        else:
            repository.tags[tag] = commit
            self.reply({})

    def _tree(self, repository: Repository, rest: str) -> None:
        revision, _, folder = rest.partition("/")
        commit = repository.resolve(revision)
        rows = repository.tree(commit, folder) if commit else []
        if commit is None:
            self.reply({"error": "Invalid rev id"}, 404, {"X-Error-Code": "RevisionNotFound"})
        elif folder and not rows:
            self.reply({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        else:
            self.reply(rows)

    def _resolve(self, path: str) -> None:
        before, _, after = path.partition("/resolve/")
        commit, _, name = after.partition("/")
        kind = before.strip("/") if before.startswith("/datasets/") else f"models{before}"
        data = self.hub.repositories[kind].at(commit)[name]
        etag = hashlib.sha256(data).hexdigest()
        self.reply(data, 200, {"ETag": f'"{etag}"', "X-Repo-Commit": commit})

    def reply(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Send an answer: bytes as they are, anything else as JSON."""
        if self._is_lost:
            self.close_connection = True
            return
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
def serving(found: HubServer, handler: type[HubHandler] = HubHandler) -> Iterator[None]:
    """The server runs; its address is set."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"hub": found}))
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        found.end()
        server.shutdown()
        server.server_close()
        thread.join()
