"""A world that is made once, and a store and instance for each test: empty, or with every check green."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

from codelewm_assets.defs import training
from codelewm_assets.defs.guards import blocking_statuses
from codelewm_assets.defs.inputs import AssetOutput, Inputs
from codelewm_assets_tests.defs.deployment import Deployment, deployed
from codelewm_assets_tests.defs.stored_world import SIDECAR_NAMES, StoredWorld, checkpoint_files
from codelewm_assets_tests.factories import World, make_world
from codelewm_assets_tests.tiers import slow


@lru_cache(maxsize=64)
def _engine(address: str, options: tuple[tuple[str, Any], ...]) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(
        address, **{name: dict(value) if isinstance(value, tuple) else value for name, value in options}
    )


@pytest.fixture(scope="session", autouse=True)
def _one_engine_a_database() -> Iterator[None]:
    """Dagster makes an engine for each query of an SQLite file, which takes longer than the query.

    An engine without a pool holds no connection, so one for each file does the same: each query still opens the file.
    """

    def create_engine(address: str, **options: Any) -> sqlalchemy.Engine:
        hashable = {name: tuple(value.items()) if isinstance(value, dict) else value for name, value in options.items()}
        return _engine(address, tuple(hashable.items()))

    with pytest.MonkeyPatch.context() as patch:
        for module in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
            patch.setattr(module, "create_engine", create_engine)
        yield
    _engine.cache_clear()


@pytest.fixture(scope="session")
def world() -> World:
    """Consistent records in which every data rule is green."""
    return make_world()


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[StoredWorld]:
    """An empty store and an instance that lives in memory."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield StoredWorld(tmp_path / "artifacts", instance)


@pytest.fixture(scope="session")
@slow
def worlds(tmp_path_factory: pytest.TempPathFactory, world: World) -> dict[str, Path]:
    """Folders with a store and an instance: `green`, and `unchecked`, where the tokens' check alone has never run.

    Made once, also when several processes share the tests: the first makes them, the others wait for it.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "worlds"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = own / "worlds-making"
            _make_worlds(making, world)
            making.rename(folder)
    return {name: folder / name for name in ("green", "unchecked")}


def _make_worlds(folder: Path, world: World) -> None:
    (folder / "green" / "home").mkdir(parents=True)
    with deployed(folder / "green") as made:
        made.stored.put_data(world)
        made.stored.put_preflight()
        made.stored.put_tokens(world)
        made.stored.run_all_gating_checks(but=("tokenized_pack",))
        shutil.copytree(made.folder, folder / "unchecked")
        made.stored.run_checks("tokenized_pack")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Seeds whose worker was started. Nothing is trained: a stub hands back weights that no training made."""
    seeds: list[str] = []

    def stub(context: dg.AssetExecutionContext, inputs: Inputs, store: Any, seed: int) -> AssetOutput:
        seeds.append(str(seed))
        made_from = {name: inputs.artifact(name) for name in SIDECAR_NAMES}
        judged = {name: artifact.digest for name, artifact in made_from.items()}
        return AssetOutput(checkpoint_files(made_from, seed), {"judged": judged})

    monkeypatch.setattr(training, "_train", stub)
    return seeds


@pytest.fixture
def green(worlds: dict[str, Path], tmp_path: Path, started: list[str]) -> Iterator[Deployment]:
    """A deployment in which every check is green on the latest data."""
    with deployed(Path(shutil.copytree(worlds["green"], tmp_path / "green"))) as found:
        assert {status.state for status in blocking_statuses(found.instance)} == {"GREEN"}
        yield found
