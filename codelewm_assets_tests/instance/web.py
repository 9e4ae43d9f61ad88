"""A web server of the product on a free loopback port, as `make` starts it, and how to ask it."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
WORKSPACE = str(ROOT / "workspace.yaml")
SERVER = ("-m", "codelewm_assets.instance.web_server", "--workspace", WORKSPACE)
REVIEW = (*SERVER, "--read-only", "--port")
UI = (*SERVER, "--with-daemon", "--port")


class Served(NamedTuple):
    """Where a server answers, its own process, and the session that its processes are in."""

    address: str
    session: int
    process: "subprocess.Popen[bytes]"


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(
    home: Path, command: Sequence[str] = REVIEW, *, log: Path | None = None, **environment: str
) -> Iterator[Served]:
    """A server with `home` as DAGSTER_HOME and working folder, in a session of its own; the port ends the command.

    Args: log: what the server says; server.txt in `home` when left out.
    """
    log = log or home / "server.txt"
    if not (home / "dagster.yaml").exists():
        (home / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    port = free_port()
    known = os.environ | {"DAGSTER_HOME": str(home), "CODELEWM_ARTIFACTS": str(home / "artifacts")} | environment
    with log.open("a") as told:
        server = subprocess.Popen(
            [sys.executable, *command, str(port)], cwd=home, env=known, stdout=told, stderr=told, start_new_session=True
        )
        try:
            for _ in range(600):
                assert server.poll() is None, log.read_text()
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=2).close()
                    break
                except OSError:
                    time.sleep(0.2)
            else:
                pytest.fail("the web server did not answer: " + log.read_text())
            yield Served(f"http://127.0.0.1:{port}", server.pid, server)
        finally:
            stop_session(server.pid)
            server.wait()


def session_processes(session: int) -> list[int]:
    """Processes of a session that run, wherever their parents are now."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended while it was looked at
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def stop_session(session: int) -> None:
    """Kill every process of a session."""
    for process in session_processes(session):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


def listening(session: int) -> set[str]:
    """Addresses, as `host:port` in /proc's hexadecimal, that processes of a session listen on by TCP."""
    sockets = set()
    for process in session_processes(session):
        for link in Path(f"/proc/{process}/fd").glob("*"):
            try:
                target = os.readlink(link)
            except OSError:
                continue
            if target.startswith("socket:["):
                sockets.add(target.removeprefix("socket:[").removesuffix("]"))
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:  # 0A: listening
                found.add(fields[1])
    return found


def post(address: str, query: str, variables: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """Status and body of a GraphQL request, errors and all."""
    body = json.dumps({"query": query, "variables": dict(variables or {})}).encode()
    request = urllib.request.Request(f"{address}/graphql", data=body, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def graphql(address: str, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Data of a GraphQL request that must succeed."""
    status, answer = post(address, query, variables)
    assert status == 200 and "errors" not in answer, answer
    return dict(answer["data"])


def content(folder: Path) -> dict[str, Any]:
    """Rows of each database and bytes of each other file."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".db":
            with sqlite3.connect(path) as database:
                found[str(path)] = list(database.iterdump())
        elif path.is_file() and path.suffix not in {".db-wal", ".db-shm", ".pyc"}:
            found[str(path)] = path.read_bytes()
    return found
