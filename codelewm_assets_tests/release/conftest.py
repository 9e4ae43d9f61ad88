"""What a release is made of: built once, and a copy for each test to change."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from codelewm_assets_tests.hub_server import HubServer, serving
from codelewm_assets_tests.release.hub_world import TOKEN, HubWorld, tell_folder
from codelewm_assets_tests.tiers import slow


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> HubWorld:
    """Everything that a release is made of; not to be changed."""
    return HubWorld(tmp_path_factory.mktemp("release"))


@pytest.fixture
def world(built: HubWorld, tmp_path: Path) -> HubWorld:
    """The same, in a store of its own."""
    return built.copied(tmp_path / "world")


@pytest.fixture
def folder(built: HubWorld, tmp_path: Path) -> Path:
    """Where the command runs: a store and an instance with a release that nothing stands against."""
    world = built.copied(tmp_path)
    world.stored()
    tell_folder(tmp_path, world)
    return tmp_path


@pytest.fixture
@slow
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """The server that the command reaches, with its token set."""
    monkeypatch.setattr(pytest.importorskip("huggingface_hub.constants"), "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("codelewm_assets.release.hub_upload.PAUSE_S", 0.001)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = HubServer(token=TOKEN)
    with serving(found):
        monkeypatch.setenv("HF_ENDPOINT", found.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield found
