"""One server for all tests of a module, so that each program follows the one before it in the same box."""

import os
from collections.abc import Iterator

import pytest

from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.sandbox.programs import CANARY
from codelewm_assets_tests.tiers import slow


@pytest.fixture(scope="module")
@slow
def pool() -> Iterator[SandboxPool]:
    """A pool of one server, started by a process whose environment holds a canary."""
    os.environ[CANARY] = "seen"
    try:
        with SandboxPool(1) as pool:
            yield pool
    finally:
        del os.environ[CANARY]
