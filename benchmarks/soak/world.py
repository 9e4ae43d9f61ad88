"""The deployment under soak: a database, a small disk, a daemon, a web server and a receiver of messages; each can fail."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from codelewm_assets_tests.deploy.postgres_server import find_binaries, running_server  # noqa: E402
from codelewm_assets_tests.instance.web import free_port, stop_session  # noqa: E402

DISK_MB = 400
PROFILE: dict[str, Any] = {
    "name": "soak",
    "description": "Few completions of 40 problems a benchmark, floors that are easily met, a model that is hardly one.",
    "sources": {"humaneval": "wheel", "mbpp_plus": "stand_in", "max_inputs_per_problem": 3},
    "completions": {"bugs": 1, "pairs_per_bug": 2, "seed": 0},
    "sandbox": {"workers": 2, "cpu_floor_s": 0.5},
    "splits": {"near_duplicate_threshold": 0.7, "seed": 0, "seed_search": 4},
    "decoys": {"pairs_per_problem": 1, "pool_pairs": 2},
    "preflight": {
        "floors": {
            name: {
                "passed": 1,
                "failed": 1,
                "magnitude": dict.fromkeys(("negative", "zero", "small", "medium", "large", "not_a_number"), 0),
            }
            for name in ("humaneval", "mbpp_plus")
        }
        | {"decoy_category": {"pairs": 1, "problems": 1}},
        "control_ceiling": 0.999,
        "chance_margin": 0.999,
        "target_lift_points": 100.0,
    },
    "training": {
        "vocab_size": 512, "steps": 4, "log_every": 2, "checkpoint_every": 2, "completions_per_batch": 8, "threads": 1,
        "hidden": 16, "layers": 1, "heads": 2, "feedforward": 16, "latent": 16, "predictor_hidden": 16, "folds": [0, 1, 2, 3, 4],
    },
    "bootstrap_resamples": 100,
}  # fmt: skip


class Receiver:
    """Takes notices by HTTP and keeps the run of each; answers 503 while it is down."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.is_down = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not receiver.is_down:
                    receiver.keys.append(body["message"].rpartition("Run ")[2].rstrip("."))
                self.send_response(503 if receiver.is_down else 204)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/messages"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


class World:
    """A folder with everything of one soak in it."""

    def __init__(self, folder: Path, database: Any) -> None:
        self.folder, self.database, self.receiver = folder, database, Receiver()
        self.home, self.disk = folder / "home", folder / "disk"
        self.profile, self.imported = folder / "profile.yaml", folder / "imported.jsonl"
        self.trainings, self.port = folder / "trainings.jsonl", free_port()
        self.home.mkdir()
        self.disk.mkdir()
        (self.home / "dagster.yaml").write_bytes((ROOT / "deploy/postgres/dagster.yaml").read_bytes())
        self._code = Path(__file__).parent / "code_location.py"
        self.environment = (
            os.environ
            | database.new_database()
            | {
                "DAGSTER_HOME": str(self.home),
                "CODELEWM_ARTIFACTS": str(self.disk / "artifacts"),
                "CODELEWM_PROFILE": str(self.profile),
                "SOAK_TRAININGS": str(self.trainings),
                "PYTHONPATH": str(ROOT),
                "OMP_NUM_THREADS": "1",
            }
        )
        self._sessions: dict[str, subprocess.Popen[bytes]] = {}

    def write_profile(self, *, seed: int, is_on: bool) -> None:
        """Args: seed: of the completions, so that the data is new. is_on: whether the schedules run."""
        own = PROFILE | {
            "completions": PROFILE["completions"] | {"seed": seed, "imported": [{"file": str(self.imported)}]},
            "operations": {
                "schedules_on": is_on,
                "automation_on": is_on,
                "nightly_cron": "*/4 * * * *",
                "weekly_cron": "*/3 * * * *",
                "notify": [self.receiver.url.replace("http://", "json://")],
            },
        }
        replace(self.profile, yaml.safe_dump(own))

    def start(self, name: str) -> None:
        """Start `daemon` or `webserver`, in a session of its own."""
        program = {
            "daemon": ["dagster._daemon", "run"],
            "webserver": ["dagster_webserver", "-h", "127.0.0.1", "-p", str(self.port)],
        }[name]
        with (self.folder / f"{name}.txt").open("ab") as log:
            self._sessions[name] = subprocess.Popen(
                [sys.executable, "-m", *program, "-f", str(self._code)],
                cwd=self.home, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self, name: str) -> None:
        """Kill it with everything that it started."""
        stop_session(self._sessions[name].pid)
        self._sessions[name].wait()

    def kill_one(self, *parts: str) -> bool:
        """Kill a process of this deployment, in whatever session, whose command line holds all parts.

        Returns: whether there was one.
        """
        mark = f"SOAK_TRAININGS={self.trainings}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if all(part in command for part in parts) and mark in (folder / "environ").read_bytes():
                    os.kill(int(folder.name), signal.SIGKILL)
                    return True
        return False

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Not a byte more can be stored."""
        filler = self.disk / "filler"
        with filler.open("wb", buffering=0) as stream, suppress(OSError):
            while stream.write(b"\0" * 65536):
                pass
        try:
            yield
        finally:
            filler.unlink()

    def graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Ask the web server. Raises: OSError: it is not there."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return dict(json.loads(response.read()))


def replace(path: Path, text: str) -> None:
    """Write a file whole: what reads it sees the old or the new."""
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


@contextmanager
def made_world(folder: Path) -> Iterator[World]:
    """A deployment that is stopped, and its disk unmounted, at the end. Wants root, for the disk, and PostgreSQL."""
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("no PostgreSQL server is installed: apt-get install postgresql")
    with running_server(binaries) as database:
        world = World(folder, database)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", world.disk], check=True)
        try:
            yield world
        finally:
            for name in list(world._sessions):
                world.kill(name)
            time.sleep(1)
            subprocess.run(["umount", "--lazy", world.disk], check=False)
