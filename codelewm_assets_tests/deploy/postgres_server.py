"""A real PostgreSQL server in a temporary folder, on loopback, that asks for a password."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from codelewm_assets_tests.instance.web import free_port

DATABASE, USER = "codelewm", "codelewm"


def find_binaries() -> Path | None:
    """Folder of the newest `initdb` and `pg_ctl`; None: no server is installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    if on_path and not found:
        found = [Path(on_path).resolve().parent]
    return max(found, key=lambda folder: [int(part) for part in folder.parts if part.isdigit()], default=None)


class PostgresServer:
    """A server that can be stopped, killed and started again; its files and port stay."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._folder, self._data = binaries, folder, folder / "data"
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:  # postgres refuses to run as root
            owner = pwd.getpwnam("nobody")
            self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        self.password, self.port = secrets.token_urlsafe(16), free_port()

    def create(self) -> None:
        """Make the cluster of databases."""
        secret = self._folder / "password"
        secret.write_text(self.password, encoding="utf-8")
        secret.chmod(0o644)  # the folder is the owner's alone
        how = ["--auth=scram-sha-256", f"--username={USER}", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C"]
        self._run("initdb", f"--pgdata={self._data}", *how)
        secret.unlink()

    def start(self) -> None:
        """Start, or start again, and wait until it takes connections."""
        # without fsync a crash of the server loses nothing, a crash of the machine would
        listen = f"-h 127.0.0.1 -p {self.port} -k {self._folder} -c fsync=off"
        self._run(
            "pg_ctl", "start", "--wait", f"--pgdata={self._data}", f"--log={self._folder}/log", f"--options={listen}"
        )

    def stop(self, mode: str = "fast") -> None:
        """Args: mode: `fast` ends connections; `immediate` is a crash, after which the server recovers from its log."""
        self._run("pg_ctl", "stop", "--wait", f"--pgdata={self._data}", f"--mode={mode}")

    def new_database(self, name: str = DATABASE) -> dict[str, str]:
        """An empty database. Returns: the variables with which deploy/postgres/dagster.yaml reaches it."""
        environment = {**os.environ, "PGPASSWORD": self.password}
        for program, more in (("dropdb", ["--if-exists", "--force"]), ("createdb", [])):
            where = ["--host=127.0.0.1", f"--port={self.port}", f"--username={USER}"]
            self._run(program, *where, *more, name, env=environment)
        return {
            "CODELEWM_POSTGRES_HOST": "127.0.0.1",
            "CODELEWM_POSTGRES_PORT": str(self.port),
            "CODELEWM_POSTGRES_DB": name,
            "CODELEWM_POSTGRES_USER": USER,
            "CODELEWM_POSTGRES_PASSWORD": self.password,
        }

    def url(self, name: str = DATABASE) -> str:
        """Of a database, for a client that is not Dagster's."""
        return f"postgresql+psycopg2://{USER}:{self.password}@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str, env: dict[str, str] | None = None) -> None:
        # to a file: a server that is started keeps the pipe of who started it open
        with (self._folder / "commands").open("a+b") as told:
            command = [str(self._binaries / program), *arguments]
            ended = subprocess.run(
                command, stdout=told, stderr=told, env=env, cwd=self._folder, timeout=120, check=False, **self._as
            )
            told.seek(0)
            assert ended.returncode == 0, f"{command}: {told.read().decode()[-2000:]}"


@contextmanager
def running_server(binaries: Path) -> Iterator[PostgresServer]:
    """A server with no database of ours yet; it is ended and its files removed with the context."""
    folder = Path(tempfile.mkdtemp(prefix="codelewm-postgres-"))  # not pytest's, which other users may not enter
    server = PostgresServer(binaries, folder)
    try:
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
