"""Orphaned files of a work folder: interrupted writes, abandoned partial results, stale pages and cached copies."""

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
INCOMPLETE_AFTER_S = DAY_S  # longer than any single write
UNREADABLE_ERRNOS = (errno.ENOENT, errno.ENOTDIR, errno.EACCES)  # gone, not a folder, or not permitted
MAX_PATH_BYTES = 4096 - 256 - 2  # PATH_MAX, less one name of 255 bytes
ABANDONED_AFTER_S = 7 * DAY_S  # a killed build resumes from its partial results within this time


@dataclass(frozen=True, slots=True)
class OrphanedFile:
    """A file or folder without references.

    Attributes:
        path: relative to the work folder.
        bytes: total size.
        why: reason for its removal.
    """

    path: str
    bytes: int
    why: str


def find_orphaned_files(root: Path, kept: Collection[str], *, now_s: float) -> list[OrphanedFile]:
    """Orphaned files, sorted by path.

    Args:
        root: the store's work folder, which is the root of a local store.
        kept: digests of the artifacts that are kept; pages and copies of others are orphaned.
        now_s: current time, seconds since the epoch.
    """
    return [
        OrphanedFile(path.relative_to(root).as_posix(), _total_bytes(path), why)
        for path, why in sorted(
            [*_incomplete_writes(root, now_s), *_abandoned(root, now_s), *_pages(root, kept), *_copies(root, kept)]
        )
    ]


def remove_orphaned_file(root: Path, leftover: OrphanedFile) -> None:
    """Delete it, if it exists. Raises: OSError: it cannot be deleted."""
    path = root / leftover.path
    if not remove_tree(str(path)):
        raise OSError(errno.ENOTEMPTY, "not all of it could be deleted", str(path))


def _incomplete_writes(root: Path, now_s: float) -> Iterator[tuple[Path, str]]:
    for path in _below(root):
        if path.name.startswith(REMOVED_PREFIX):
            yield path, "remains of an earlier removal"
        elif path.name.startswith(WRITE_PREFIX) and _last_change_s(path) < now_s - INCOMPLETE_AFTER_S:
            yield path, "a write that was interrupted more than a day ago"


def _abandoned(root: Path, now_s: float) -> Iterator[tuple[Path, str]]:
    for path in (root / "partial").glob("*"):
        if _last_change_s(path) < now_s - ABANDONED_AFTER_S:
            yield path, "partial results unchanged for a week"


def _pages(root: Path, kept: Collection[str]) -> Iterator[tuple[Path, str]]:
    for path in (root / "data_docs").glob("*/*/*"):
        if path.name not in kept:
            yield path, "Data Docs of an artifact that is or will be removed"


def _copies(root: Path, kept: Collection[str]) -> Iterator[tuple[Path, str]]:
    for path in (root / "cache").glob("*/*/*"):
        if path.name not in kept:
            yield path, "copies of an artifact that is or will be removed"


def _last_change_s(path: Path) -> float:
    """Time of the last write below a path, seconds since the epoch; infinite when it no longer exists."""
    return max((status.st_mtime for status in _statuses(path)), default=math.inf)


def _total_bytes(path: Path) -> int:
    return sum(status.st_size for status in _statuses(path) if not stat.S_ISDIR(status.st_mode))


def _statuses(path: Path) -> Iterator[os.stat_result]:
    """Status of a path and of everything below it; files that vanish meanwhile are skipped."""
    for part in (path, *_below(path)):
        with suppress(FileNotFoundError):
            yield part.lstat()


def _below(folder: Path) -> Iterator[Path]:
    """Everything below a folder, up to the longest path; nothing for a file. `os.walk` recurses in Python 3.11."""
    folders = [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as listing:
                entries = list(listing)
        except OSError as error:
            if error.errno not in UNREADABLE_ERRNOS:
                raise  # unread parts leave its age unknown
            continue
        for entry in entries:
            yield Path(entry)
            if entry.is_dir(follow_symlinks=False) and len(entry.path) < MAX_PATH_BYTES:
                folders.append(Path(entry))
