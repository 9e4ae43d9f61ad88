"""What a release is made of: built once, and a copy for each test to change."""

from pathlib import Path

import pytest

from codelewm_assets_tests.release.hub_world import HubWorld


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> HubWorld:
    """Everything that a release is made of; not to be changed."""
    return HubWorld(tmp_path_factory.mktemp("release"))


@pytest.fixture
def world(built: HubWorld, tmp_path: Path) -> HubWorld:
    """The same, in a store of its own."""
    return built.copied(tmp_path / "world")
