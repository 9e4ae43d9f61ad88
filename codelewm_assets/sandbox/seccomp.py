"""Filters of forbidden system calls, which a process loads with one prctl.

Built by libseccomp through pyseccomp, once, in the parent. A forbidden call ends the program (outcome `policy`), except calls
that the standard library tries and can do without: those return an error. docs/sandbox.md lists both.
"""

import errno
import fcntl
import socket
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from codelewm_assets.sandbox.child import PID_PLACEHOLDER, REFUSED_ERRNO

# Needed by neither the server nor a program: forbidden in the server, and inherited.
FORBIDDEN = (
    # network: a socket may be asked for, and not used; SOCKETS below
    *("connect", "bind", "listen", "accept", "accept4", "sendmsg", "sendmmsg"),
    # other programs and other processes
    *("execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease"),
    *("kcmp", "pidfd_getfd", "migrate_pages", "move_pages"),
    # the file system's layout, other namespaces, privileges
    *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick"),
    *("mount_setattr", "unshare", "setns", "open_by_handle_at", "name_to_handle_at", "fanotify_init"),
    *("inotify_init", "inotify_init1"),
    # the kernel's wider surface
    *("keyctl", "add_key", "request_key", "io_uring_setup", "io_uring_enter", "io_uring_register", "bpf"),
    *("perf_event_open", "userfaultfd", "init_module", "finit_module", "delete_module", "kexec_load"),
    *("kexec_file_load", "reboot", "swapon", "swapoff", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime"),
    *("acct", "quotactl", "syslog", "iopl", "ioperm", "personality", "landlock_create_ruleset", "seccomp"),
    *("memfd_secret", "quotactl_fd", "open_tree_attr", "shmget", "msgget", "semget", "mq_open", "vhangup"),
)
# Needed by the server, forbidden to its children.
FORBIDDEN_TO_CHILDREN = (*("fork", "pidfd_open", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tkill"),)
# Priority, affinity and class of a process, and which argument names it: 0 is the caller itself.
SCHEDULING = {
    "sched_setaffinity": 0, "sched_setscheduler": 0, "sched_setparam": 0, "sched_setattr": 0, "setpriority": 1,
    "ioprio_set": 1,
}  # fmt: skip
# Permissions, owners, times and attributes of files, which Landlock does not hold. Refused with an error where no read-only
# mount namespace protects the user's files.
FILE_ATTRIBUTES = (
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime", "utimes"),
    *("utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
    *("setxattrat", "removexattrat", "file_setattr"),
)
CLONE_VM, CLONE_THREAD = 0x00000100, 0x00010000
F_SETSIG, F_SETOWN_EX, O_ASYNC = 10, 15, 0x2000
FIOSETOWN, SIOCSPGRP, FIOASYNC = 0x8901, 0x8902, 0x5452
TIOCSCTTY, TIOCSPGRP, TIOCSTI, TIOCSIG = 0x540E, 0x5410, 0x5412, 0x40045436
PR_SCHED_CORE = 62
LOW_32 = 0xFFFFFFFF  # of an argument that the kernel reads as 32 bits, whatever the upper ones are


@dataclass(frozen=True, slots=True)
class Filters:
    """Classic BPF programs.

    Attributes:
        server: loaded once by the server and inherited.
        child: of a child in a read-only mount namespace; short, since loading it costs on each fork.
        child_in_host_files: of a child that sees the user's files; it may change no file's attributes.
    """

    server: bytes
    child: bytes
    child_in_host_files: bytes


@cache
def filters() -> Filters | None:
    """The filters, None where libseccomp cannot be loaded."""
    try:
        import pyseccomp as library
    except (ImportError, OSError, RuntimeError):
        return None
    return Filters(_bpf(_server(library)), _bpf(_child(library, ())), _bpf(_child(library, FILE_ATTRIBUTES)))


def _server(library: Any) -> Any:
    rules = _Rules(library)
    rules.kill(FORBIDDEN)
    for command in (fcntl.F_SETOWN, F_SETSIG, F_SETOWN_EX, fcntl.F_NOTIFY, fcntl.F_SETLEASE):
        rules.kill_where("fcntl", rules.is_(1, command))
    rules.kill_where("fcntl", rules.is_(1, fcntl.F_SETFL), library.Arg(2, library.MASKED_EQ, O_ASYNC, O_ASYNC))
    for request in (FIOSETOWN, SIOCSPGRP, FIOASYNC, TIOCSCTTY, TIOCSPGRP, TIOCSTI, TIOCSIG):
        rules.kill_where("ioctl", rules.is_(1, request))
    for name, place in SCHEDULING.items():
        rules.kill_where(name, library.Arg(place, library.NE, 0))
    for name in ("setpriority", "ioprio_set"):  # 0: which process; the others name a group or a user
        rules.kill_where(name, library.Arg(1, library.EQ, 0), library.Arg(0, library.GT, 1))
    rules.kill_where("prctl", rules.is_(0, PR_SCHED_CORE))
    rules.kill_where("sendto", library.Arg(4, library.NE, 0))  # to an address; a pair's own end has none
    for name in ("socket", "socketpair"):
        rules.kill_where(name, library.Arg(0, library.GT, socket.AF_INET6))
        for family in range(socket.AF_INET6):
            if family not in (socket.AF_UNIX, socket.AF_INET):
                rules.kill_where(name, rules.is_(0, family))
    rules.refuse("socket", errno.EACCES, rules.is_(0, socket.AF_UNIX))
    for family in (socket.AF_INET, socket.AF_INET6):
        rules.kill_where("socketpair", rules.is_(0, family))
    return rules.syscall_filter


def _child(library: Any, refused: Iterable[str]) -> Any:
    rules = _Rules(library)
    rules.kill(FORBIDDEN_TO_CHILDREN)
    # `subprocess` tries vfork, then fork, and `platform` goes on when both fail: an error that the child then knows again.
    rules.refuse("vfork", REFUSED_ERRNO)
    rules.refuse("clone", REFUSED_ERRNO, library.Arg(0, library.MASKED_EQ, CLONE_THREAD | CLONE_VM, 0))
    rules.kill_where("clone", library.Arg(0, library.MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_VM))
    rules.refuse("clone3", errno.ENOSYS)  # the C library falls back to clone, whose flags a filter can read
    for name in ("kill", "tgkill"):
        rules.kill_where(name, library.Arg(0, library.NE, PID_PLACEHOLDER))
    for name, place in SCHEDULING.items():
        rules.refuse(name, errno.EPERM, library.Arg(place, library.EQ, 0))
    rules.refuse("setrlimit", errno.EPERM)
    rules.refuse("prlimit64", errno.EPERM, library.Arg(2, library.NE, 0))
    for name in refused:
        rules.refuse(name, errno.EPERM)
    return rules.syscall_filter


# Calls newer than many a libseccomp; from 424 on every architecture has the same numbers.
NUMBERS = {
    "open_tree": 428, "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447, "process_mrelease": 448,
    "fchmodat2": 452, "setxattrat": 463, "removexattrat": 466, "open_tree_attr": 467, "file_setattr": 469,
}  # fmt: skip


class _Rules:
    """Builder of a filter; calls that this architecture lacks are skipped."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self.syscall_filter = library.SyscallFilter(library.ALLOW)

    def is_(self, place: int, value: int) -> Any:
        """Condition: the low 32 bits of the argument equal this number."""
        return self._library.Arg(place, self._library.MASKED_EQ, LOW_32, value)

    def kill(self, names: Iterable[str]) -> None:
        """End a program that makes one of these calls."""
        for name in names:
            self.kill_where(name)

    def kill_where(self, name: str, *arguments: Any) -> None:
        """End a program that makes this call with these arguments."""
        self._add(self._library.KILL_PROCESS, name, *arguments)

    def refuse(self, name: str, error: int, *arguments: Any) -> None:
        """Answer this call with an error."""
        self._add(self._library.ERRNO(error), name, *arguments)

    def _add(self, action: Any, name: str, *arguments: Any) -> None:
        number = self._library.resolve_syscall(self._library.Arch.NATIVE, name)
        number = number if number >= 0 else NUMBERS.get(name, -1)
        if number >= 0:
            self.syscall_filter.add_rule(action, number, *arguments)


def _bpf(syscall_filter: Any) -> bytes:
    with tempfile.TemporaryFile() as handle:
        syscall_filter.export_bpf(handle)
        handle.seek(0)
        return handle.read()
