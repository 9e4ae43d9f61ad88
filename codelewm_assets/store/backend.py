"""Interface between the store and a place that keeps bytes; `local_backend` and `object_backend` implement it.

A backend knows names and bytes. The publication protocol (files first, manifest last) is the store's, see `store`. Names are
below the store's root with `/` between their parts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from codelewm_assets.store.manifest import ManifestFile

MANIFEST = "manifest.json"
DIGEST = re.compile(r"[0-9a-f]{64}")  # name of an artifact's folder
FILE = "file"  # kind of a regular file; any other kind is named in words


@dataclass(frozen=True, slots=True)
class Entry:
    """Entry of a listing: a file, or an object that an artifact must not contain.

    Attributes:
        bytes: size.
        modified_s: time of the last write, seconds since the epoch; None: the server does not say.
        kind: `FILE`, or "symbolic link", "FIFO", "empty folder" and the like.
    """

    bytes: int
    modified_s: float | None
    kind: str = FILE


class Backend(Protocol):
    """Bytes by name. Each method raises StoreAccessError when the storage is unreachable or unreadable."""

    @property
    def address(self) -> str:
        """Path or URL of the root, as `open_store` takes it."""

    @property
    def work(self) -> Path:
        """Local folder for everything that is not an artifact: partial results, progress, downloads, Data Docs."""

    def exists(self) -> bool:
        """True when the root's folder is there; in object storage, when any object is below it."""

    def read(self, name: str) -> bytes | None:
        """Bytes of one regular file; None: there is none."""

    def put(self, folder: str, files: Mapping[str, bytes | Path]) -> None:
        """Write files (name → bytes, or a file to copy) into a folder, durably; each replaces an older one atomically.

        Raises: OSError: the disk is full or not writable, or a file to copy cannot be read.
        """

    def create(self, name: str, data: bytes) -> None:
        """Write one file atomically unless it exists. Raises: OSError: as `put`."""

    def delete(self, name: str) -> None:
        """Delete one entry of a listing, if it exists. Raises: OSError: it cannot be deleted."""

    def sha256(self, name: str) -> str | None:
        """Digest of the bytes that are stored now; None: there are none."""

    def listing(self, folder: str = "") -> dict[str, Entry]:
        """Name → entry of everything below a folder; of the root, everything in folders that hold artifacts, or more."""

    def folder(self, name: str) -> Path:
        """Local path of a folder, which need not exist."""

    def local(self, folder: str, entry: ManifestFile) -> Path:
        """Local path of a published file. Raises: ManifestError: the copy's digest is not `entry`'s."""
