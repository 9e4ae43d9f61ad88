"""Atomic file writes: write to a temporary file, fsync, rename."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from codelewm_assets.core.errors import StoreError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
WRITE_PREFIX = ".writing-"  # prefix of incomplete files; a kill leaves them behind


def fsync_folder(folder: Path) -> None:
    """Make a rename inside `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data` atomically.

    Raises: StoreError: the disk is full or not writable; nothing is left behind.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=WRITE_PREFIX)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
        fsync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise StoreError(
            f"Could not write {path.name}: {error.strerror or error}. "
            f"Nothing was stored; free space or make {path.parent} writable, then run again."
        ) from error


def json_lines(stream: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Number, from 1, and bytes of each line that is not blank; a byte order mark is removed."""
    for number, line in enumerate(stream, 1):
        line = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
        if line.strip():
            yield number, line
