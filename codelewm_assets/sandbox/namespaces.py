"""Namespaces and an unprivileged user, set up by the server itself without bubblewrap.

Standard library only: this file is copied into the box.
"""

import contextlib
import ctypes
import os
import signal
import stat
from collections.abc import Collection, Sequence

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 0x1000, 0x4000, 0x40000
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
PR_SET_PDEATHSIG, CAPSET = 1, 126
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class MountAttributes(ctypes.Structure):
    """`struct mount_attr` of linux/mount.h."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user_namespace")]


def enter(
    readable: Sequence[str], hidden: Sequence[str], temporary: str, size_bytes: int, uid: int | None
) -> tuple[str, ...]:
    """Continue in new mount, pid, network, ipc and uts namespaces: file systems are read-only but for an empty `temporary`.

    The calling process waits outside; this function returns in its child, which is process 1 of the namespace.

    Args:
        readable: paths that `uid` must reach; inaccessible parent folders are covered.
        hidden: folders that become empty, except for the readable paths in them.
        temporary: folder that becomes an empty file system of `size_bytes`.
        uid: user that the server will become when it is root; None: unchanged.

    Returns: names of the active layers.
    Raises: OSError: namespaces cannot be created; the process must exit.
    """
    spaces = NEWNS | NEWPID | NEWNET | NEWIPC | NEWUTS
    own_uid, own_gid = os.getuid(), os.getgid()
    _check(_libc.unshare(spaces if own_uid == 0 else spaces | NEWUSER))
    if own_uid != 0:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{own_uid} {own_uid} 1")
        _write("/proc/self/gid_map", f"{own_gid} {own_gid} 1")
    _become_first_process()
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    if uid is not None:
        _cover({covered for path in readable if (covered := _covering(path))}, readable)
    _cover({folder for folder in hidden if os.path.isdir(folder)}, readable)
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    attributes = MountAttributes(set=MOUNT_ATTR_RDONLY)
    _check(
        _libc.syscall(MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, ctypes.byref(attributes), ctypes.sizeof(attributes))
    )
    _mount("tmpfs", temporary, "tmpfs", MS_NOSUID | MS_NODEV, f"size={size_bytes},mode=1777")
    return ("ipc_namespace", "mount_namespace", "network_namespace", "pid_namespace")


def lower(uid: int) -> bool:
    """Drop root for `uid`, with every group and capability. Returns: False if not permitted."""
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError:
        return False
    return True


def drop_capabilities() -> None:
    """Drop every capability."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _libc.syscall(CAPSET, ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def end_with_parent() -> None:
    """Have this process killed when its parent ends. A change of user resets this."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def is_reachable(path: str) -> bool:
    """True if any user may enter every folder above `path`."""
    return not _covering(path)


def _covering(path: str) -> str:
    """The topmost folder above `path` that others may not enter; empty when there is none."""
    parts = os.path.abspath(path).split("/")[1:-1]
    for number in range(1, len(parts) + 1):
        folder = "/" + "/".join(parts[:number])
        if os.path.exists(folder) and not os.stat(folder).st_mode & stat.S_IXOTH:
            return folder
    return ""


def _cover(folders: Collection[str], paths: Sequence[str]) -> None:
    """Mount an empty folder over each of these, and bind the paths below them into it."""
    inside = [
        (path, os.open(path, os.O_PATH | os.O_CLOEXEC))
        for path in paths
        if os.path.exists(path) and any(path.startswith(f"{folder}/") for folder in folders)
    ]
    for folder in sorted(folders):
        _mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")
    for path, place in inside:
        is_folder = stat.S_ISDIR(os.fstat(place).st_mode)
        os.makedirs(path if is_folder else os.path.dirname(path), mode=0o755, exist_ok=True)
        if not is_folder and not os.path.exists(path):
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
        _mount(f"/proc/self/fd/{place}", path, None, MS_BIND | MS_REC)
        os.close(place)


def _become_first_process() -> None:
    """Fork; the parent waits for the child, ends as it does, and the child ends with it."""
    pid = os.fork()
    if pid == 0:
        end_with_parent()
        return
    _, status = os.waitpid(pid, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    parts = [None if part is None else part.encode() for part in (source, target, kind)]
    _check(_libc.mount(*parts, ctypes.c_ulong(flags), data.encode()))


def _write(path: str, text: str) -> None:
    with contextlib.suppress(OSError), open(path, "w", encoding="ascii") as handle:
        handle.write(text)


def _check(result: int) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
