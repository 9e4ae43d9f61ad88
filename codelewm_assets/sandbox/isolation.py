"""Which layers of isolation are in force, and the command that starts a fork server inside them."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

REQUIRED_LAYERS = ("network_namespace", "no_new_privs", "private_folder", "process_group", "rlimits")
"""Labels made without one of these are not called isolated."""

BUBBLEWRAP_LAYERS = ("ipc_namespace", "mount_namespace", "network_namespace", "pid_namespace", "user_namespace")
BOX_FILES = (
    "__init__",
    "core/__init__",
    "core/errors",
    "core/literals",
    "sandbox/__init__",
    "sandbox/child",
    "sandbox/zygote",
)
START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from codelewm_assets.sandbox.zygote import main; main()"


@dataclass(frozen=True, slots=True)
class Isolation:
    """The layers that were in force, as the servers reported them."""

    layers: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Required layers that were not in force."""
        return tuple(sorted(set(REQUIRED_LAYERS) - set(self.layers)))

    @property
    def is_isolated(self) -> bool:
        """Whether every required layer and all of bubblewrap's were in force: the host cannot be seen."""
        return not self.missing and set(BUBBLEWRAP_LAYERS) <= set(self.layers)


def copy_box_files(folder: Path) -> None:
    """Copy the few files that the server needs into `folder`: all of the project that the box can see."""
    package = files("codelewm_assets")
    for name in BOX_FILES:
        target = folder / "codelewm_assets" / f"{name}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((package / f"{name}.py").read_bytes())


@cache
def bubblewrap_works() -> bool:
    """Whether `bwrap` is installed and this machine lets it make its namespaces."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    probe = [program, "--unshare-all", "--ro-bind", "/", "/", "--", "/bin/true"]
    return subprocess.run(probe, capture_output=True, timeout=20, check=False).returncode == 0


def server_command(box: Path, *, hash_seed: int, use_bubblewrap: bool) -> tuple[list[str], dict[str, str]]:
    """Command and environment of one fork server."""
    python = str(Path(sys.executable).resolve())
    environment = {"PYTHONHASHSEED": str(hash_seed), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    start = [python, "-s", "-S", "-B", "-P", "-c", START]
    if not use_bubblewrap:
        return [*start, str(box), ""], environment
    seen = {"/usr", sys.base_prefix, str(Path(python).parent.parent)}
    shown = [part for path in sorted(seen) for part in ("--ro-bind", path, path)]
    for path in ("/bin", "/lib", "/lib64", "/lib32"):
        if Path(path).is_symlink():
            shown += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).is_dir():
            shown += ["--ro-bind", path, path]
    wrap = [
        shutil.which("bwrap") or "bwrap",
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ]
    wrap += [*shown, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    wrap += ["--ro-bind", str(box), "/box", "--remount-ro", "/dev", "--remount-ro", "/"]
    wrap += ["--chdir", "/tmp", "--", *start, "/box", ",".join(BUBBLEWRAP_LAYERS)]
    return wrap, environment
