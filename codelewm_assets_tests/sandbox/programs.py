"""Short ways to run a program whose entry point is `f`, under limits that keep the tests fast."""

import textwrap

import pytest

from codelewm_assets.core.literals import read_value
from codelewm_assets.sandbox.isolation import bubblewrap_works
from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.outcome import InputRun, Program, ProgramRun
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets.sandbox.seccomp import filters

SHORT = Limits(input_cpu_s=0.3, cpu_s=0.3, wall_s=5.0)
needs_seccomp = pytest.mark.skipif(filters() is None, reason="isolation: libseccomp is not installed")
CANARY = "CODELEWM_TEST_CANARY"
needs_bubblewrap = pytest.mark.skipif(
    not bubblewrap_works(), reason="isolation: bubblewrap is not installed, or may not make namespaces here"
)


def run(pool: SandboxPool, code: str, *inputs: str, limits: Limits = SHORT) -> ProgramRun:
    """Run a program on these inputs."""
    return pool.run(Program(textwrap.dedent(code), "f", inputs), limits)


def only(pool: SandboxPool, code: str, *, limits: Limits = SHORT) -> InputRun:
    """What one call without arguments showed."""
    (found,) = run(pool, code, "[]", limits=limits).inputs
    return found


def value(pool: SandboxPool, code: str, *, limits: Limits = SHORT) -> object:
    """What one call without arguments returned."""
    found = only(pool, code, limits=limits)
    assert found.outcome == "finished" and found.output is not None, found
    return read_value(found.output)


def outcomes(found: ProgramRun) -> list[str]:
    """The outcome of each call."""
    return [call.outcome for call in found.inputs]
