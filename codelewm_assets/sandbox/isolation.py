"""Isolation layers, and the command that starts a fork server inside them."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from codelewm_assets.core.errors import SandboxError
from codelewm_assets.sandbox.namespaces import is_reachable
from codelewm_assets.sandbox.seccomp import filters

REMEDIES = {
    "ipc_namespace": "install bubblewrap, or allow unprivileged user namespaces",
    "landlock_files": "use a kernel with Landlock (Linux 6.2, with landlock among the LSMs)",
    "landlock_network": "use Linux 6.7 or later",
    "landlock_signals": "use Linux 6.12 or later",
    "seccomp": "install libseccomp (Debian: libseccomp2)",
    "unprivileged_user": "label as a normal user, or allow root of this container to change its user (CAP_SETUID, CAP_SETGID)",
}
REMEDIES |= dict.fromkeys(("mount_namespace", "network_namespace", "pid_namespace"), REMEDIES["ipc_namespace"])
BASIC_LAYERS = ("no_new_privs", "private_folder", "process_group", "rlimits")
STRICT_LAYERS = tuple(sorted({*REMEDIES, *BASIC_LAYERS}))
"""All layers: the host's files and processes are invisible, and nothing can be started, signalled or reached."""

PARTS = ("bubblewrap", "namespaces", "landlock", "seccomp", "unprivileged_user")
"""Mechanisms that a pool can disable."""

BOX_MODULES = ("child", "codec", "frames", "landlock", "namespaces", "zygote")
BOX_FILES = ("__init__", "core/__init__", "core/cleanup", *(f"sandbox/{name}" for name in ("__init__", *BOX_MODULES)))
TMPFS_BYTES = 64 << 20
SCRATCH = "scratch"  # parent of the private folders without namespaces; removed with the box
NOBODY = 65534  # user of the programs when the parent is root
START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from codelewm_assets.sandbox.zygote import main; main()"
SYSTEM_PATHS = (
    *("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo", "/usr/share/locale", "/etc/localtime"),
    *("/etc/ld.so.cache", "/etc/mime.types"),
)


@dataclass(frozen=True, slots=True)
class Isolation:
    """The active layers, as the servers reported them."""

    layers: tuple[str, ...]

    @property
    def is_isolated(self) -> bool:
        """True if every layer is active."""
        return not self.missing_for_strict

    @property
    def missing_for_strict(self) -> tuple[str, ...]:
        """Inactive layers."""
        return tuple(sorted(set(STRICT_LAYERS) - set(self.layers)))


def required_layers(layers: Collection[str], *, is_strict: bool) -> tuple[str, ...]:
    """Layers that labels require: all when strict; else the basic ones, and seccomp without bubblewrap.

    Args:
        layers: the active ones.
    """
    if is_strict:
        return STRICT_LAYERS
    return BASIC_LAYERS if "bubblewrap" in layers else (*BASIC_LAYERS, "seccomp")


def remedy(missing: Sequence[str]) -> str:
    """Remedies for these missing layers."""
    return "; ".join(sorted({REMEDIES.get(layer, "use Linux") for layer in missing}))


def copy_box_files(folder: Path) -> None:
    """Copy the files that the server needs into `folder`: the only part of the project inside the box."""
    package = files("codelewm_assets")
    for name in BOX_FILES:
        target = folder / "codelewm_assets" / f"{name}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((package / f"{name}.py").read_bytes())
    (folder / SCRATCH).mkdir()
    folder.chmod(0o711)  # the server may be another user


@cache
def bubblewrap_works() -> bool:
    """True if `bwrap` is installed and can create its namespaces on this machine."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    probe = [program, *_unshared(), "--ro-bind", "/", "/", "--", "/bin/true"]
    return subprocess.run(probe, capture_output=True, timeout=20, check=False).returncode == 0


def module_folders(modules: Sequence[str]) -> dict[str, Path]:
    """Folder name → folder of each package (and its libraries) that a warm server imports besides the standard library.

    Raises: SandboxError: a module is not installed, or is not a package folder.
    """
    folders: dict[str, Path] = {}
    for name in modules:
        try:
            spec = find_spec(name) if name.isidentifier() else None
        except (ImportError, ValueError):
            spec = None
        if spec is None or not spec.submodule_search_locations:
            raise SandboxError(
                f"The module {name!r} is not an installed package; install it or remove it from the modules."
            )
        folder = Path(next(iter(spec.submodule_search_locations)))
        folders[folder.name] = folder
        if (libraries := folder.with_name(f"{folder.name}.libs")).is_dir():
            folders[libraries.name] = libraries
    return folders


def server_command(
    box: Path, *, hash_seed: int, disabled: Collection[str] = (), modules: Sequence[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Command and environment of one fork server.

    Args:
        disabled: the unused ones of `PARTS`.
        modules: packages to import besides the standard library.

    Raises: SandboxError: a module is not installed.
    """
    python = str(Path(sys.executable).resolve())
    environment = {
        "PYTHONHASHSEED": str(hash_seed),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "MALLOC_ARENA_MAX": "1",
    }
    if modules:  # no threads in the server: a fork copies none
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    packages, calls = module_folders(modules), None if "seccomp" in disabled else filters()
    has_bubblewrap = "bubblewrap" not in disabled
    has_namespaces = not has_bubblewrap and "namespaces" not in disabled
    folders = ["/modules"] if packages else []
    readable = [*_interpreter(python), *SYSTEM_PATHS, *(f"/modules/{name}" for name in packages)]
    if not has_bubblewrap:
        folders = sorted({str(folder.parent) for folder in packages.values()})
        readable = [*_interpreter(python), *SYSTEM_PATHS, *map(str, packages.values())]
    can_lower = os.geteuid() == 0 and "unprivileged_user" not in disabled
    if not has_bubblewrap and not has_namespaces:  # without a mount namespace the way to all of it must be open already
        can_lower = can_lower and all(map(is_reachable, [*readable, str(box / SCRATCH)]))
    config = {
        "layers": ["bubblewrap", *NAMESPACES] if has_bubblewrap else [],
        "namespaces": has_namespaces,
        "uid": NOBODY if can_lower else None,
        "landlock": "landlock" not in disabled,
        "filters": {name: code.hex() for name, code in asdict(calls).items()} if calls else None,
        "box": "/box" if has_bubblewrap else str(box),
        "temporary": "/tmp" if has_bubblewrap or has_namespaces else str(box / SCRATCH),
        "size_bytes": TMPFS_BYTES,
        "readable": readable,
        "hidden": list(_other_packages(_seen(python))),
        "module_folders": folders,
        "modules": list(modules),
    }
    start = [python, "-s", "-S", "-B", "-P", "-c", START, str(config["box"]), json.dumps(config)]
    return [*(_bubblewrap(box, python, packages) if has_bubblewrap else []), *start], environment


NAMESPACES = ("ipc_namespace", "mount_namespace", "network_namespace", "pid_namespace")


def _interpreter(python: str) -> Iterator[str]:
    """Paths of the interpreter and its libraries."""
    yield python
    yield from sorted({str(Path(sys.base_prefix) / "lib"), str(Path(sysconfig.get_path("stdlib")).parent)})


def _unshared() -> list[str]:
    """Namespaces of the box. Root creates no user namespace, since it becomes another user of the host."""
    if os.geteuid() != 0:
        return ["--unshare-all", "--cap-drop", "ALL"]
    spaces = [f"--unshare-{name}" for name in ("pid", "net", "ipc", "uts", "cgroup-try")]
    return [*spaces, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]


def _bubblewrap(box: Path, python: str, packages: dict[str, Path]) -> list[str]:
    wrap = [shutil.which("bwrap") or "bwrap", *_unshared(), "--die-with-parent", "--new-session", "--as-pid-1"]
    seen = _seen(python)
    for path in sorted(seen):
        wrap += [*_parents(path), "--ro-bind", path, path]
    for path in ("/bin", "/lib", "/lib64", "/lib32"):
        if Path(path).is_symlink():
            wrap += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).is_dir():
            wrap += ["--ro-bind", path, path]
    for path in ("/etc/localtime", "/etc/ld.so.cache", "/etc/mime.types"):
        wrap += ["--ro-bind-try", path, path]
    for packages_folder in _other_packages(seen):
        wrap += ["--tmpfs", packages_folder, "--remount-ro", packages_folder]
    wrap += ["--perms", "0755", "--dir", "/modules"]
    for name, folder in packages.items():
        wrap += ["--ro-bind", str(folder), f"/modules/{name}"]
    wrap += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    wrap += ["--size", str(TMPFS_BYTES), "--perms", "1777", "--tmpfs", "/tmp"]
    return [*wrap, "--ro-bind", str(box), "/box", "--remount-ro", "/", "--chdir", "/tmp", "--"]


def _seen(python: str) -> set[str]:
    """Folders of the host that the interpreter uses."""
    return {"/usr", sys.base_prefix, str(Path(python).parent.parent)}


def _parents(path: str) -> Iterator[str]:
    """Options that make the parent folders of a path accessible to every user."""
    for parent in [*reversed(Path(path).parents)][1:]:
        yield from ("--perms", "0755", "--dir", str(parent))


def _other_packages(seen: Collection[str]) -> Iterator[str]:
    """Package folders below these, which are hidden: they may contain the benchmarks' answers."""
    for top in sorted(seen):
        for pattern in ("lib/python3*", "local/lib/python3*"):
            for folder in sorted(Path(top).glob(pattern)):
                yield from (
                    str(folder / name) for name in ("site-packages", "dist-packages") if (folder / name).is_dir()
                )
