"""Landlock, the kernel's access control for unprivileged processes, by three system calls.

Two rulesets are built before the server restricts itself: the server's, and a nested one that each child enters with one call.
The numbers are those of linux/landlock.h. Standard library only: this file is copied into the box.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable, Sequence

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
CREATE_RULESET_VERSION, RULE_PATH_BENEATH = 1, 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
FILES_ABI_1, REFER, TRUNCATE, IOCTL_DEV = (1 << 13) - 1, 1 << 13, 1 << 14, 1 << 15
NETWORK_TCP = 0b11  # bind and connect
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1, 2
FILE_RIGHTS = 1 << 0 | 1 << 1 | READ_FILE | TRUNCATE | IOCTL_DEV  # the rights that a rule on a file may name
RULESET, PATH_BENEATH = struct.Struct("=QQQ"), struct.Struct("=Qi")

_libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """Version of the kernel's Landlock; 0: missing or turned off."""
    return max(0, int(_libc.syscall(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)))


def layers(version: int) -> tuple[str, ...]:
    """Layers of this version: files since 1 (truncating since 3), network since 4, signals since 6."""
    parts = (("landlock_files", 3), ("landlock_network", 4), ("landlock_signals", 6))
    return tuple(name for name, since in parts if version >= since)


class Ruleset:
    """Access rules of a process: files to read and write; no signals, TCP or abstract sockets to the outside.

    Args:
        read: readable files and folders, recursively.
        listed: folders that may only be listed.
        write: folders with full access.

    Raises: OSError: the kernel refused it.
    """

    def __init__(self, *, read: Iterable[str], listed: Iterable[str], write: Sequence[str]) -> None:
        version = abi()
        self._files = FILES_ABI_1 | (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
        self._files |= IOCTL_DEV if version >= 5 else 0
        scoped = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if version >= 6 else 0
        attributes = RULESET.pack(self._files, NETWORK_TCP if version >= 4 else 0, scoped)
        size = RULESET.size if version >= 6 else 16 if version >= 4 else 8
        self._descriptor = _checked(_libc.syscall(CREATE_RULESET, attributes, size, 0))
        for path in read:
            self._allow(path, READ_FILE | READ_DIR)
        for path in listed:
            self._allow(path, READ_DIR)
        for path in write:
            self._allow(path, self._files)

    def _allow(self, path: str, rights: int) -> None:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:  # not every system has every folder
            return
        try:
            if not stat.S_ISDIR(os.fstat(place).st_mode):
                rights &= FILE_RIGHTS
            rule = PATH_BENEATH.pack(rights & self._files, place)
            _checked(_libc.syscall(ADD_RULE, self._descriptor, RULE_PATH_BENEATH, rule, 0))
        finally:
            os.close(place)

    def restrict(self) -> None:
        """Apply it to this process and its children, irrevocably. Raises: OSError: the kernel refused it."""
        _checked(_libc.syscall(RESTRICT_SELF, self._descriptor, 0))


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
