"""The hostile suite, in namespaces of its own: as root and as a normal user, with every layer and without each part."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from codelewm_assets.sandbox import landlock
from codelewm_assets.sandbox.isolation import bubblewrap_works
from codelewm_assets.sandbox.seccomp import filters
from codelewm_assets_tests.sandbox.namespace import needs_namespace, run_in_namespace, unshare_command

SUITE = "codelewm_assets_tests/sandbox/hostile_suite.py"
CONFIGURATIONS = {
    "every layer": (),
    "own namespaces instead of bubblewrap": ("bubblewrap",),
    "Landlock and seccomp alone": ("bubblewrap", "namespaces"),
    "no seccomp": ("seccomp",),
    "no Landlock": ("landlock",),
    "seccomp alone": ("bubblewrap", "namespaces", "landlock"),
    "Landlock alone": ("bubblewrap", "namespaces", "seccomp"),
}
PARTS_HERE = {"bubblewrap": bubblewrap_works(), "seccomp": filters() is not None, "landlock": landlock.abi() >= 6}
USERS = ["normal user", pytest.param("root", marks=pytest.mark.skipif(os.geteuid() != 0, reason="not root here"))]


@needs_namespace
@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_no_hostile_program_gets_anywhere(configuration: str, user: str, tmp_path: Path) -> None:
    lacking = {part for part, is_there in PARTS_HERE.items() if not is_there} - {*CONFIGURATIONS[configuration]}
    if lacking:
        pytest.skip(f"isolation: {', '.join(sorted(lacking))} cannot be had here")
    folder = tmp_path / "tmp"
    folder.mkdir()
    found = run_in_namespace(
        SUITE,
        disabled=CONFIGURATIONS[configuration],
        folder=folder,
        as_normal_user=user == "normal user" and os.geteuid() == 0,
    )
    counts = {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|error|skipped)", found.stdout)}
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]
    assert counts["passed"] >= 60


@needs_namespace
def test_a_process_beside_the_suite_is_still_alive_when_a_program_signals_everybody() -> None:
    """The namespace holds what no layer of the sandbox does: here there is none at all."""
    beside = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    start = unshare_command()
    assert start is not None
    harm = "import os, signal\nif os.fork() == 0: os.kill(-1, signal.SIGKILL)\nos.wait()"
    ended = subprocess.run([*start, sys.executable, "-c", harm], timeout=60, check=False)
    assert beside.poll() is None
    assert ended.returncode == 0
    beside.kill()
    beside.wait()
