"""The system calls that a program may not make, as a filter that the child loads with one prctl.

Built by libseccomp through pyseccomp, in the parent, once. A forbidden call ends the program (outcome `policy`); a thread
is refused with an error, as when the machine has no more.
"""

import errno
import tempfile
from dataclasses import dataclass
from functools import cache
from typing import Any

from codelewm_assets.sandbox.child import OWN_PID

FORBIDDEN = (
    # network
    *("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4"),
    # other programs and other processes
    *(
        "execve",
        "execveat",
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "process_madvise",
        "kcmp",
        "pidfd_getfd",
    ),
    # the file system's layout, other namespaces, privileges
    *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick"),
    *("mount_setattr", "unshare", "setns", "open_by_handle_at", "name_to_handle_at", "fanotify_init"),
    # the kernel's wider surface
    *("keyctl", "add_key", "request_key", "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf"),
    *(
        "perf_event_open",
        "userfaultfd",
        "init_module",
        "finit_module",
        "delete_module",
        "kexec_load",
        "kexec_file_load",
    ),
    *("reboot", "swapon", "swapoff", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "acct", "quotactl"),
    *(
        "syslog",
        "iopl",
        "ioperm",
        "personality",
        "landlock_create_ruleset",
        "seccomp",
        "memfd_secret",
        "shmget",
        "msgget",
    ),
    *("semget", "mq_open"),
)
# What the server itself needs, and its children may not have.
FORBIDDEN_TO_CHILDREN = (
    *("fork", "vfork", "pidfd_open", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tkill"),
)
CLONE_THREAD = 0x00010000


@dataclass(frozen=True, slots=True)
class Filters:
    """Classic BPF: loaded once by the server and inherited, and loaded by each child (a short one: it costs on each fork)."""

    server: bytes
    child: bytes


@cache
def filters() -> Filters | None:
    """The filters, None where libseccomp cannot be loaded.

    In a child `kill` and `tgkill` reach the process itself alone, and limits can be read, not set.
    """
    try:
        import pyseccomp as library
    except (ImportError, OSError, RuntimeError):
        return None
    server = _forbidding(library, FORBIDDEN)
    child = _forbidding(library, FORBIDDEN_TO_CHILDREN)
    child.add_rule(library.ERRNO(errno.EAGAIN), "clone", _flag(library, CLONE_THREAD))
    child.add_rule(library.KILL_PROCESS, "clone", _flag(library, 0))
    child.add_rule(library.ERRNO(errno.ENOSYS), "clone3")  # the C library falls back to clone
    for name in ("kill", "tgkill"):
        child.add_rule(library.KILL_PROCESS, name, library.Arg(0, library.NE, OWN_PID))
    child.add_rule(library.ERRNO(errno.EPERM), "setrlimit")
    child.add_rule(library.ERRNO(errno.EPERM), "prlimit64", library.Arg(2, library.NE, 0))
    return Filters(_code(server), _code(child))


def _forbidding(library: Any, names: tuple[str, ...]) -> Any:
    made = library.SyscallFilter(library.ALLOW)
    for name in names:
        if library.resolve_syscall(library.Arch.NATIVE, name) >= 0:  # not every architecture has every call
            made.add_rule(library.KILL_PROCESS, name)
    return made


def _flag(library: Any, value: int) -> Any:
    """The first argument of `clone` has the thread flag (`CLONE_THREAD`), or has not (0)."""
    return library.Arg(0, library.MASKED_EQ, CLONE_THREAD, value)


def _code(made: Any) -> bytes:
    with tempfile.TemporaryFile() as handle:
        made.export_bpf(handle)
        handle.seek(0)
        return handle.read()
