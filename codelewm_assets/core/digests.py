"""Canonical JSON and sha256 digests. No I/O except reading one file to hash it."""

import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from codelewm_assets.core.errors import StoreError

MIN_AGE_NS = (
    2_000_000_000  # a file changed more recently may change again without a new time: clocks of file systems are coarse
)
CACHE_TTL_S = 600.0  # lifetime of a cached digest; a disk may corrupt bytes without a new mtime
_HASHED: dict[tuple[int, ...], tuple[str, float]] = {}


def sha256_bytes(data: bytes) -> str:
    """Hex sha256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_text(text: str) -> str:
    """Hex sha256 of `text` as UTF-8; lone surrogates are kept."""
    return sha256_bytes(text.encode("utf-8", "surrogatepass"))


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's bytes. Raises: OSError when it cannot be read."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def digest_of_files(folder: Path, files: Iterable[Path]) -> str:
    """Digest of the names and the bytes of files in a folder."""
    return digest_of(sorted([str(file.relative_to(folder)), sha256_file(file)] for file in files))


def sha256_unchanged(path: Path) -> str:
    """As `sha256_file`, cached for ten minutes while the file is unchanged.

    Writing, replacing or renaming a file changes its device, inode, size, mtime or ctime, and no program can set the ctime. A
    file that was changed in the last two seconds is hashed each time.
    Raises: OSError: the file cannot be read.
    """
    with path.open("rb") as handle:
        state = _state(os.fstat(handle.fileno()))
        digest, hashed_s = _HASHED.get(state, ("", -CACHE_TTL_S))
        if time.monotonic() - hashed_s < CACHE_TTL_S:
            return digest
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        is_settled = max(state[-2:]) < time.time_ns() - MIN_AGE_NS
        if is_settled and _state(os.fstat(handle.fileno())) == state:
            _HASHED[state] = digest, time.monotonic()
    return digest


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, ASCII only; the same value gives the same bytes on every machine.

    Raises: StoreError: the value holds a non-finite number, or a type that JSON has not.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"Not writable as JSON: {error}. Records hold finite numbers, texts, lists and maps only."
        ) from error


def pretty_json(value: Any) -> bytes:
    """Indented JSON with sorted keys and a final newline, for reports that people open.

    Raises: StoreError: as `canonical_json`.
    """
    canonical_json(value)
    return (json.dumps(value, sort_keys=True, indent=2, allow_nan=False) + "\n").encode("ascii")


def digest_of(value: Any) -> str:
    """Hex sha256 of the canonical JSON of `value`. Raises: StoreError as `canonical_json`."""
    return sha256_bytes(canonical_json(value))


def unit_interval(*parts: str) -> float:
    """A number in [0, 1) from a hash of the texts, independent of the order of calls."""
    return int(sha256_text("\x1f".join(parts))[:13], 16) / float(16**13)
