"""What lies in a store's work folder and is no artifact: cut-off writes, work of runs that never came back, pages, copies."""

import errno
import math
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from codelewm_assets.core.cleanup import remove_tree
from codelewm_assets.core.files import WRITE_PREFIX

REMOVED_PREFIX = ".removed-"  # begins the name of a folder that a prune of version 0.2 or older was deleting
DAY_S = 24 * 3600.0
INCOMPLETE_AFTER_S = DAY_S  # no single write takes as long
UNREADABLE_ERRNOS = (errno.ENOENT, errno.ENOTDIR, errno.EACCES)  # gone, a file, or closed to us
MAX_PATH_BYTES = 4096 - 256 - 2  # the kernel names none longer: what lies in it has a name of 255 bytes at most
ABANDONED_AFTER_S = 7 * DAY_S  # a build that was killed goes on from its partial work: time to notice it


@dataclass(frozen=True, slots=True)
class OrphanedFile:
    """A file or folder that nothing refers to.

    Attributes:
        path: relative to the work folder.
        bytes: of all that is in it.
        why: why it can go.
    """

    path: str
    bytes: int
    why: str


def find_orphaned_files(root: Path, kept: Collection[str], *, now_s: float) -> list[OrphanedFile]:
    """What can go besides artifacts, sorted by path.

    Args:
        root: the store's work folder, which is the root of a local store.
        kept: digests of the artifacts that stay; pages about others go.
        now_s: seconds since the epoch, which ages are counted from.
    """
    return [
        OrphanedFile(path.relative_to(root).as_posix(), _total_bytes(path), why)
        for path, why in sorted(
            [*_incomplete_writes(root, now_s), *_abandoned(root, now_s), *_pages(root, kept), *_copies(root, kept)]
        )
    ]


def remove_orphaned_file(root: Path, leftover: OrphanedFile) -> None:
    """Delete it; it may be gone already. Raises: OSError: it cannot be deleted."""
    path = root / leftover.path
    if not remove_tree(str(path)):
        raise OSError(errno.ENOTEMPTY, "not all of it could be deleted", str(path))


def _incomplete_writes(root: Path, now_s: float) -> Iterator[tuple[Path, str]]:
    for path in _below(root):
        if path.name.startswith(REMOVED_PREFIX):
            yield path, "removed before, its files were not all deleted"
        elif path.name.startswith(WRITE_PREFIX) and _last_change_s(path) < now_s - INCOMPLETE_AFTER_S:
            yield path, "a write that was cut off more than a day ago"


def _abandoned(root: Path, now_s: float) -> Iterator[tuple[Path, str]]:
    for path in (root / "partial").glob("*"):
        if _last_change_s(path) < now_s - ABANDONED_AFTER_S:
            yield path, "partial work that nothing has touched for a week"


def _pages(root: Path, kept: Collection[str]) -> Iterator[tuple[Path, str]]:
    for path in (root / "data_docs").glob("*/*/*"):
        if path.name not in kept:
            yield path, "Data Docs of an artifact that goes or is gone"


def _copies(root: Path, kept: Collection[str]) -> Iterator[tuple[Path, str]]:
    for path in (root / "cache").glob("*/*/*"):
        if path.name not in kept:
            yield path, "copies of an artifact that goes or is gone"


def _last_change_s(path: Path) -> float:
    """When anything in it was written last, seconds since the epoch; infinite when it is gone: it is no leftover then."""
    return max((status.st_mtime for status in _statuses(path)), default=math.inf)


def _total_bytes(path: Path) -> int:
    return sum(status.st_size for status in _statuses(path) if not stat.S_ISDIR(status.st_mode))


def _statuses(path: Path) -> Iterator[os.stat_result]:
    """Of it and of all that is in it. What others rename or delete meanwhile is left out."""
    for part in (path, *_below(path)):
        with suppress(FileNotFoundError):
            yield part.lstat()


def _below(folder: Path) -> Iterator[Path]:
    """All that is in it, as deep as a path can name; nothing where it is a file, or gone. `os.walk` recurses in Python 3.11."""
    folders = [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                entries = list(found)
        except OSError as error:
            if error.errno not in UNREADABLE_ERRNOS:
                raise  # part of it was not seen, so its age is not known
            continue
        for entry in entries:
            yield Path(entry)
            if entry.is_dir(follow_symlinks=False) and len(entry.path) < MAX_PATH_BYTES:
                folders.append(Path(entry))
