"""Which layers of isolation are in force, and the command that starts a fork server inside them."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from codelewm_assets.core.errors import SandboxError
from codelewm_assets.sandbox.seccomp import filters

REQUIRED_LAYERS = ("network_namespace", "no_new_privs", "private_folder", "process_group", "rlimits")
"""Labels made without one of these are not called isolated."""

BUBBLEWRAP_LAYERS = ("ipc_namespace", "mount_namespace", "network_namespace", "pid_namespace", "user_namespace")
STRICT_LAYERS = tuple(sorted({*REQUIRED_LAYERS, *BUBBLEWRAP_LAYERS, "seccomp"}))
"""With all of these in force the host's files and processes cannot be seen, and nothing can be started or reached."""

REMEDIES = {
    "seccomp": "install libseccomp (Debian: libseccomp2)",
    "network_namespace": "install bubblewrap, or allow user namespaces",
}
BOX_FILES = ("__init__", "sandbox/__init__", "sandbox/child", "sandbox/codec", "sandbox/frames", "sandbox/zygote")
TMPFS_BYTES = 64 << 20
SCRATCH = "scratch"  # without bubblewrap, where programs get their private folders; goes with the box
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
        """Whether every layer there is was in force."""
        return not self.missing_for_strict

    @property
    def missing_for_strict(self) -> tuple[str, ...]:
        """Layers that were not in force, of all there are."""
        return tuple(sorted(set(STRICT_LAYERS) - set(self.layers)))


def remedy(missing: Sequence[str]) -> str:
    """What to do to get these layers."""
    wanted = {REMEDIES.get(layer, "install bubblewrap and allow user namespaces") for layer in missing}
    return "; ".join(sorted(wanted))


def copy_box_files(folder: Path) -> None:
    """Copy the few files that the server needs into `folder`: all of the project that the box can see."""
    (folder / SCRATCH).mkdir(parents=True)
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


def module_folders(modules: Sequence[str]) -> dict[str, Path]:
    """Folder name → folder of each package that a warm server imports besides the standard library, its libraries too.

    Raises: SandboxError: a module is not installed, or is not a folder of its own.
    """
    found: dict[str, Path] = {}
    for name in modules:
        spec = find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise SandboxError(f"The module {name!r} is not installed here; install it or do not ask for it.")
        folder = Path(next(iter(spec.submodule_search_locations)))
        found[folder.name] = folder
        if (libraries := folder.with_name(f"{folder.name}.libs")).is_dir():
            found[libraries.name] = libraries
    return found


def server_command(
    box: Path, *, hash_seed: int, use_bubblewrap: bool, modules: Sequence[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Command and environment of one fork server.

    Args: modules: packages to import besides the standard library.
    Raises: SandboxError: a module is not installed.
    """
    python = str(Path(sys.executable).resolve())
    environment = {"PYTHONHASHSEED": str(hash_seed), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    if modules:  # no threads in the server: a fork copies none
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    start = [python, "-s", "-S", "-B", "-P", "-c", START]
    packages, calls = module_folders(modules), filters()
    codes = [calls.server.hex(), calls.child.hex()] if calls else ["", ""]
    if not use_bubblewrap:
        folders = ",".join(sorted({str(folder.parent) for folder in packages.values()}))
        told = ["", *codes, str(box), str(box / SCRATCH), folders, ",".join(modules)]
        return [*start, str(box), *told], environment
    told = [",".join(BUBBLEWRAP_LAYERS), *codes, "/box", "/tmp", "/modules" if packages else "", ",".join(modules)]
    seen = {"/usr", sys.base_prefix, str(Path(python).parent.parent)}
    shown = [part for path in sorted(seen) for part in ("--ro-bind", path, path)]
    for path in ("/bin", "/lib", "/lib64", "/lib32"):
        if Path(path).is_symlink():
            shown += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).is_dir():
            shown += ["--ro-bind", path, path]
    for name, folder in packages.items():
        shown += ["--ro-bind", str(folder), f"/modules/{name}"]
    wrap = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
    wrap += ["--cap-drop", "ALL", *shown, "--proc", "/proc", "--dev", "/dev"]
    wrap += ["--size", str(TMPFS_BYTES), "--tmpfs", "/tmp"]
    wrap += ["--ro-bind", str(box), "/box", "--remount-ro", "/dev", "--remount-ro", "/"]
    return [*wrap, "--chdir", "/tmp", "--", *start, "/box", *told], environment
