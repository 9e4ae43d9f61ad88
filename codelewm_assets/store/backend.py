"""What the store asks of a place that keeps bytes. `local_backend` and `object_backend` are the two; neither knows of recipes.

Names are below the store's root with `/` between their parts; a folder's name is `<kind>/<partition or "all">/<digest>`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from codelewm_assets.store.manifest import ManifestFile

MANIFEST = "manifest.json"
DIGEST = re.compile(r"[0-9a-f]{64}")  # what lies below a folder of another name is not the store's, whatever it is


class Backend(Protocol):
    """Bytes by name. Object storage raises StoreAccessError in each method: the server refused or stays away."""

    @property
    def address(self) -> str:
        """Path or URL of the root, by which `open_store` opens it again."""

    @property
    def work(self) -> Path:
        """Local folder for what is no artifact: partial results, progress, downloads, Data Docs."""

    def read(self, name: str) -> bytes | None:
        """One file's bytes; None: there is none. Raises: StoreAccessError: whether there is one is not known now."""

    def write(self, name: str, data: bytes) -> None:
        """Replace one file, whole or not at all. Raises: StoreError."""

    def publish(self, folder: str, files: Mapping[str, bytes | Path], manifest: bytes) -> None:
        """Store the files (name → bytes, or a file to copy) and then the manifest, which makes them visible.

        A folder that has a manifest stays as it is: its name is a digest, so the same files lie there.
        Raises: OSError, StoreError: nothing became visible.
        """

    def sha256(self, name: str) -> str | None:
        """Digest of the bytes that are stored now; None: there are none."""

    def delete(self, name: str) -> None:
        """Delete one file; it may be gone already. Raises: OSError: it cannot be deleted."""

    def withdraw(self, folder: str) -> bool:
        """Delete a folder; no reader sees a part of it, also after a kill. Returns: False where no such folder is published.

        Raises: OSError: it cannot be deleted.
        """

    def folder(self, name: str) -> Path:
        """Local path of a folder, whether or not anything lies there yet."""

    def local(self, folder: str, entry: ManifestFile) -> Path:
        """Local path of a published file. Raises: ManifestError: a copy had to be made and is not what `entry` says."""

    def names(self, folder: str) -> list[str]:
        """Files below a folder, relative to it, sorted; the manifest is one of them."""

    def published(self) -> list[str]:
        """Folders of a digest that have a manifest, in any order."""

    def leftovers(self) -> list[str]:
        """Folders of writes that have not ended: the writer died, or is still at it. Sorted."""

    def cut_off(self, *, before_s: float) -> dict[str, int]:
        """Folder → bytes, of leftovers outside the work folder in which nothing was written since a time (epoch seconds)."""

    def drop(self, folder: str, *, before_s: float) -> None:
        """Delete what `cut_off` told of, unless something was written there since."""
