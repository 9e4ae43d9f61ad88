"""Runs a file of tests inside namespaces made for it, so that whatever its programs do reaches nothing outside them.

As root the file can be run as a normal user too: in a mount namespace in which the interpreter and the project are open to
that user.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

WITHOUT, IN_NAMESPACE = "CODELEWM_TEST_WITHOUT", "CODELEWM_TEST_IN_NAMESPACE"
PROJECT = Path(__file__).parents[2]
NORMAL_USER = 12345
TIMEOUT_S = 600


@cache
def unshare_command(*, in_mounts: bool = False) -> tuple[str, ...] | None:
    """The start of a command that runs in a process namespace of its own; None where none can be made."""
    program = shutil.which("unshare")
    if program is None:
        return None
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user"]
    command = [program, *user, "--pid", "--fork", "--mount-proc", "--kill-child"]
    command += ["--mount"] if in_mounts else []
    works = subprocess.run([*command, "true"], capture_output=True, timeout=20, check=False).returncode == 0
    return tuple(command) if works else None


needs_namespace = pytest.mark.skipif(
    unshare_command() is None,
    reason="isolation: no process namespace can be made here, so hostile programs are not run",
)


def skip_outside_namespace() -> None:
    """Skip a file of tests that was not started by `run_in_namespace`."""
    if IN_NAMESPACE not in os.environ:
        pytest.skip("started in a namespace by test_hostile.py", allow_module_level=True)


def disabled() -> tuple[str, ...]:
    """Parts of the sandbox that this run does without."""
    return tuple(part for part in os.environ.get(WITHOUT, "").split(",") if part)


def run_in_namespace(
    file: str, *, disabled: Sequence[str], folder: Path, as_normal_user: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a file of tests in namespaces of its own, with a temporary folder of its own."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-x", "--no-header", f"{PROJECT}/{file}"]
    environment = os.environ | {
        WITHOUT: ",".join(disabled),
        IN_NAMESPACE: "1",
        "TMPDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    start = unshare_command(in_mounts=as_normal_user)
    assert start is not None
    if as_normal_user:
        folder.chmod(0o777)
        command = ["sh", "-euc", OPEN_TO_ALL, "sh", *_hidden_folders(folder), "--", *command]
    return subprocess.run(
        [*start, *command], cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


# Each pair is a folder that other users may not enter and a path below it: the path is bound back into an empty folder.
OPEN_TO_ALL = f"""
mount --make-rprivate /
stage=$(mktemp -d /tmp/stage-XXXXXX)
mount -t tmpfs -o mode=0755 stage "$stage"
number=0
for word in "$@"; do
  [ "$word" != -- ] || break
  path=${{word#*::}}
  number=$((number + 1))
  mkdir "$stage/$number"
  mount --rbind "$path" "$stage/$number"
done
number=0
covered=
while [ "$1" != -- ]; do
  folder=${{1%%::*}} path=${{1#*::}}
  number=$((number + 1))
  case " $covered " in *" $folder "*) ;; *) mount -t tmpfs -o mode=0755 open "$folder"; covered="$covered $folder" ;; esac
  mkdir -p "$path"
  mount --rbind "$stage/$number" "$path"
  shift
done
shift
umount -R "$stage"
rmdir "$stage"
exec setpriv --reuid {NORMAL_USER} --regid {NORMAL_USER} --clear-groups "$@"
"""


def _hidden_folders(folder: Path) -> list[str]:
    """`FOLDER::PATH` for each path that a normal user needs and cannot reach."""
    needed = {Path(sys.base_prefix), Path(sys.prefix), PROJECT, folder}
    pairs = []
    for path in sorted(needed):
        closed = next((parent for parent in [*path.parents][::-1] if not parent.stat().st_mode & 0o001), None)
        if closed is not None:
            pairs.append(f"{closed}::{path}")
    return pairs
