"""A world that is made once, and a fresh store and instance for each test."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets_tests.defs.stored_world import StoredWorld
from codelewm_assets_tests.factories import World, make_world


@pytest.fixture(scope="session")
def world() -> World:
    """Consistent records in which every data rule is green."""
    return make_world()


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[StoredWorld]:
    """An empty store and an instance that lives in memory."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield StoredWorld(tmp_path / "artifacts", instance)
