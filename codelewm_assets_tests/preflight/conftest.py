"""The green world, made once."""

import pytest

from codelewm_assets_tests.factories import World, make_world


@pytest.fixture(scope="package")
def world() -> World:
    """Forty problems of each benchmark; every rule is green."""
    return make_world()
