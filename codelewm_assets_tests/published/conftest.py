"""Published files beside the repository, where they lie there; otherwise the tests that read them are skipped."""

from pathlib import Path

import pytest

from codelewm_assets_tests.benchmarks.release_files import BESIDE_THE_REPOSITORY
from codelewm_assets_tests.factories import World, make_world


@pytest.fixture(scope="session")
def published_folder() -> Path:
    """The folder of CodeLeWM's published files."""
    folder = BESIDE_THE_REPOSITORY / "codelewm"
    if not folder.is_dir():
        pytest.skip("CodeLeWM's published files do not lie beside the repository")
    return folder


@pytest.fixture(scope="session")
def world() -> World:
    """Consistent records of both benchmarks."""
    return make_world(12)
