"""What a program leaves behind: no process, no file, nothing changed for the next one."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.sandbox.programs import needs_bubblewrap, needs_seccomp, only, run, value
from codelewm_assets_tests.tiers import slow

NAME = f"left-{os.getpid()}"  # what a descendant calls itself, so that no other process is taken for it
LEAVE_TWO = f"""
import ctypes, os, time
def f():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
        ctypes.CDLL(None).prctl(15, b"{NAME}")  # PR_SET_NAME
        os.close(3)
        time.sleep(60)
    for _ in range(200):
        if count() == 2:
            break
        time.sleep(0.01)
    return count()
"""
COUNT = f"""
import os
def count():
    names = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            names.append(open(f"/proc/{{number}}/comm").read().strip())
        except OSError:
            pass
    return names.count("{NAME}")
"""


@pytest.fixture
@slow
def open_pool() -> Iterator[SandboxPool]:
    """As on a machine where root's programs can fork and see their processes."""
    with SandboxPool(1, disabled=("seccomp", "landlock", "unprivileged_user")) as found:
        yield found


@needs_seccomp
@pytest.mark.parametrize("call", ["os.fork()", "os.system('true')", "__import__('subprocess').run(['true'])"])
def test_no_process_can_be_started(call: str, pool: SandboxPool) -> None:
    assert only(pool, f"import os\ndef f():\n    return {call}").outcome == "policy"


def test_descendants_that_leave_their_session_are_killed(open_pool: SandboxPool) -> None:
    pool = open_pool
    if os.geteuid() != 0:
        pytest.skip("the limit on processes holds here, and no program can fork")
    # 2: the programs must be able to leave some and to see them, else the 0 would show nothing
    assert value(pool, COUNT + LEAVE_TWO, limits=Limits(cpu_s=2.0, wall_s=10.0)) == 2
    assert value(pool, COUNT + "def f(): return count()") == 0


def test_a_descendant_that_holds_the_pipe_does_not_delay_the_verdict(open_pool: SandboxPool) -> None:
    pool = open_pool
    code = """
    import os, time
    def f():
        if os.fork() == 0:
            os.setsid()
            time.sleep(60)
        return 1
    """
    started = time.monotonic()
    run(pool, code, "[]", limits=Limits(cpu_s=0.3, wall_s=0.5))
    assert time.monotonic() - started < 4.0
    assert value(pool, "def f(): return 2") == 2


@needs_bubblewrap
@each_case("folder", ["..", "/tmp", "/dev/shm", "/dev", "/"])
def test_nothing_that_a_program_writes_outside_its_folder_reaches_the_next_one(folder: str, pool: SandboxPool) -> None:
    path = f"{folder}/planted"
    only(pool, f"def f():\n    open({path!r}, 'w').close()")
    assert value(pool, f"import os\ndef f(): return os.path.exists({path!r})") is False


def test_nothing_that_a_program_patches_reaches_the_next_one(pool: SandboxPool) -> None:
    code = """
    import builtins, json, math, sys
    builtins.len = lambda _: 99
    json.dumps = lambda *_, **__: "{}"
    math.sqrt = lambda _: 99
    sys.modules["random"] = None
    def f(): return 1
    """
    only(pool, code)
    after = "import json, math, random\ndef f(): return len([1]), json.dumps([1]), math.sqrt(4)"
    assert value(pool, after) == (1, "[1]", 2.0)


@pytest.mark.parametrize(
    "disabled", [(), ("bubblewrap",), ("bubblewrap", "namespaces")], ids=["all", "no bubblewrap", "no namespaces"]
)
def test_a_pool_leaves_no_folder_of_its_own(
    disabled: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with SandboxPool(1, disabled=disabled) as pool:
        assert value(pool, "def f():\n    open('mine', 'w').close()\n    return 1") == 1
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []
