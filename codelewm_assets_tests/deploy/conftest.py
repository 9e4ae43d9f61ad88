"""A PostgreSQL server for the tests, and instances on it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets_tests.defs.conftest import _one_engine_a_database, started, world, worlds
from codelewm_assets_tests.deploy.postgres_server import PostgresServer, find_binaries, running_server
from codelewm_assets_tests.tiers import slow

ROOT = Path(__file__).parents[2]
__all__ = [
    "ROOT",
    "_one_engine_a_database",
    "started",
    "world",
    "worlds",
]  # fixtures of the tests of defs, used here as they are


@pytest.fixture(scope="session")
@slow
def postgres() -> Iterator[PostgresServer]:
    """A running server. Skips where none is installed."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed here: apt-get install postgresql")
    with running_server(binaries) as server:
        yield server


@pytest.fixture
def on_postgres(postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DAGSTER_HOME with deploy/postgres/dagster.yaml, whose variables name an empty database."""
    for name, value in postgres.new_database().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)  # relative folders in dagster.yaml
    home = tmp_path / "on-postgres"
    home.mkdir()
    shutil.copy(ROOT / "deploy/postgres/dagster.yaml", home)
    return home


@pytest.fixture
def instance(on_postgres: Path) -> Iterator[dg.DagsterInstance]:
    """An instance on an empty database of the server."""
    with dg.DagsterInstance.from_config(str(on_postgres)) as found:
        yield found
