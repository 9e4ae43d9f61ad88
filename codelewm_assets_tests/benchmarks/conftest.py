"""A runner as the asset makes it: real sandbox, one worker."""

from collections.abc import Iterator

import pytest

from codelewm_assets.benchmarks.published_tests import Runner
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import Program
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.tiers import slow


@pytest.fixture(scope="package")
@slow
def run() -> Iterator[Runner]:
    """(code, entry point, inputs) → output literals, isolated."""
    with SandboxPool(1) as pool:

        def runner(code: str, entry_point: str, inputs: tuple[str, ...]) -> list[str | None]:
            return [
                r.output
                for r in pool.run(
                    Program(code, entry_point, inputs), Limits(input_cpu_s=20, cpu_s=20, wall_s=90)
                ).inputs
            ]

        yield runner
