"""Artifacts in a folder of this machine or of a shared volume: written beside, fsynced, renamed."""

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from codelewm_assets.core.cleanup import remove_tree
from codelewm_assets.core.digests import sha256_file
from codelewm_assets.core.errors import StoreAccessError
from codelewm_assets.core.files import WRITING, fsync_folder, write_atomically
from codelewm_assets.store.backend import DIGEST, MANIFEST
from codelewm_assets.store.manifest import ManifestFile

REMOVED = ".removed-"  # begins the name of a folder that was an artifact's, until its files are deleted


class LocalBackend:
    """A folder; `codelewm_assets.store.backend.Backend` says what each method does."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def address(self) -> str:
        """Path of the root."""
        return str(self.root)

    @property
    def work(self) -> Path:
        """The root itself."""
        return self.root

    def read(self, name: str) -> bytes | None:
        """Raises: StoreAccessError: the file may be there and cannot be read now."""
        try:
            return (self.root / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StoreAccessError(
                f"{self.root / name} cannot be read ({error.strerror or error}); wanted a readable file, or none. Check the "
                "disk or mount, the file's permissions and the limit of open files, then run again."
            ) from error

    def write(self, name: str, data: bytes) -> None:
        """Raises: StoreError: the disk is full or not writable."""
        write_atomically(self.root / name, data)

    def publish(self, folder: str, files: Mapping[str, bytes | Path], manifest: bytes) -> None:
        """One rename makes the whole folder visible. Raises: OSError: as the disk."""
        target = self.root / folder
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=WRITING))
        try:
            for name in sorted(files):
                _write_file(temporary / name, files[name])
            _write_file(temporary / MANIFEST, manifest)
            fsync_folder(temporary)
            if not target.exists():
                _rename(temporary, target)
                fsync_folder(target.parent)
        finally:
            remove_tree(str(temporary))

    def sha256(self, name: str) -> str | None:
        """Raises: OSError: the file cannot be read."""
        path = self.root / name
        return sha256_file(path) if path.is_file() else None

    def delete(self, name: str) -> None:
        """One file."""
        (self.root / name).unlink(missing_ok=True)

    def withdraw(self, folder: str) -> bool:
        """It is renamed first."""
        home = self.root / folder
        if not home.is_dir():
            return False
        gone = Path(tempfile.mkdtemp(dir=home.parent, prefix=REMOVED))
        os.rename(home, gone)  # onto an empty folder, which it replaces
        fsync_folder(home.parent)
        if not remove_tree(str(gone)):
            raise OSError(errno.ENOTEMPTY, "not all of it could be deleted", str(gone))
        return True

    def folder(self, name: str) -> Path:
        """Where its files lie; there is no copy."""
        return self.root / name

    def local(self, folder: str, entry: ManifestFile) -> Path:
        """The file itself, which is not looked at."""
        return self.root / folder / entry.path

    def names(self, folder: str) -> list[str]:
        """Hidden files too."""
        home = self.root / folder
        return [path.relative_to(home).as_posix() for path in sorted(home.rglob("*")) if path.is_file()]

    def published(self) -> list[str]:
        """A folder that is still being written has another name."""
        folders = [name for name in self._folders() if DIGEST.fullmatch(name.rpartition("/")[2])]
        return [name for name in folders if (self.root / name / MANIFEST).is_file()]

    def leftovers(self) -> list[str]:
        """Temporary folders of writers."""
        return sorted(name for name in self._folders() if name.rpartition("/")[2].startswith(WRITING))

    def cut_off(self, *, before_s: float) -> dict[str, int]:
        """None: all lie in the work folder, which is the root."""
        return {}

    def drop(self, folder: str, *, before_s: float) -> None:
        """Nothing, as `cut_off` tells of nothing."""

    def _folders(self) -> list[str]:
        """What lies three folders deep. Raises: StoreAccessError: a folder on the way cannot be listed now."""
        found = [""]
        for _ in range(3):
            found = [name for above in found for name in self._listing(above)]
        return found

    def _listing(self, folder: str) -> list[str]:
        """Folders in a folder, which may be gone. `glob` would pass over one that it may not list."""
        try:
            with os.scandir(self.root / folder) as entries:
                return [f"{folder}/{entry.name}".lstrip("/") for entry in entries if entry.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StoreAccessError(
                f"{self.root / folder} cannot be listed ({error.strerror or error}); wanted a readable folder, or none. Check "
                "the disk or mount, the folder's permissions and the limit of open files, then run again."
            ) from error


def _rename(temporary: Path, target: Path) -> None:
    try:
        os.rename(temporary, target)
    except OSError:
        if not target.exists():  # else another writer of the same digest was first
            raise


def _write_file(path: Path, content: bytes | Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        if isinstance(content, Path):
            with content.open("rb") as source:
                shutil.copyfileobj(source, handle)
        else:
            handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
