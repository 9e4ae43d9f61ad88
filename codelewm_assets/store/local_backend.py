"""Artifacts in a folder of this machine or of a shared volume: each file is written beside, fsynced and renamed."""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from codelewm_assets.core.cleanup import remove_tree
from codelewm_assets.core.digests import sha256_unchanged
from codelewm_assets.core.errors import StoreAccessError
from codelewm_assets.core.files import WRITE_PREFIX, fsync_folder
from codelewm_assets.store.backend import FILE, Entry
from codelewm_assets.store.layout import is_store_name
from codelewm_assets.store.manifest import ManifestFile

ABSENT = (FileNotFoundError, NotADirectoryError)
NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
KINDS = {
    stat.S_IFREG: FILE, stat.S_IFLNK: "symbolic link", stat.S_IFIFO: "FIFO", stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "block device", stat.S_IFCHR: "character device", stat.S_IFDIR: "hidden folder",
}  # fmt: skip
DEPTH = 3  # of an artifact's folder: kind, partition, digest


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

    def exists(self) -> bool:
        """True when the root is a folder."""
        return self.root.is_dir()

    def read(self, name: str) -> bytes | None:
        """Links and FIFOs are not followed or opened: they count as missing."""
        path = self.root / name
        with _access(path, "read", "file"):
            return path.read_bytes() if _is_regular(path) else None

    def put(self, folder: str, files: Mapping[str, bytes | Path]) -> None:
        """All files are on the disk before the first gets its name, so a full disk leaves nothing."""
        home = self.root / folder
        with _staging(home.parent) as staging:
            for name in sorted(files):
                _write_file(staging / name, files[name])
            changed = {home.parent}
            for name in sorted(files):
                path = home / name
                path.parent.mkdir(parents=True, exist_ok=True)
                os.replace(staging / name, path)
                changed |= {path.parent, home}
        for parent in changed:
            fsync_folder(parent)

    def create(self, name: str, data: bytes) -> None:
        """By a hard link, which fails where a file is; by a rename where the file system has no hard links."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with _staging(path.parent.parent) as staging:
            _write_file(staging / path.name, data)
            try:
                os.link(staging / path.name, path)
            except FileExistsError:
                return
            except OSError as error:
                if error.errno not in NO_HARD_LINKS:
                    raise
                os.replace(staging / path.name, path)
        fsync_folder(path.parent)

    def delete(self, name: str) -> None:
        """Empty folders of the artifact are removed too."""
        path = self.root / name
        with suppress(*ABSENT):
            if stat.S_ISDIR(path.lstat().st_mode):
                path.rmdir()
            else:
                path.unlink()
            fsync_folder(path.parent)
        for parent in list(path.relative_to(self.root).parents)[:-DEPTH]:
            with suppress(OSError):  # not empty
                (self.root / parent).rmdir()

    def sha256(self, name: str) -> str | None:
        """Of a regular file."""
        path = self.root / name
        with _access(path, "read", "file"):
            return sha256_unchanged(path) if _is_regular(path) else None

    def listing(self, folder: str = "") -> dict[str, Entry]:
        """Of the root: each `<kind>/<partition>` with a digest or an unfinished write in it."""
        entries: dict[str, Entry] = {}
        pending = [folder] if folder else list(self._partition_folders())
        while pending:
            above = pending.pop()
            names = self._names(above)
            with suppress(*ABSENT):  # deleted meanwhile
                if not names and above != folder:
                    entries[above] = Entry(0, os.stat(self.root / above).st_mtime, "empty folder")
            for name in names:
                path = f"{above}/{name}"
                with _access(self.root / path, "read", "file"), suppress(*ABSENT):
                    status = os.lstat(self.root / path)
                    # down to the digest a folder may be a link, such as to another disk
                    is_link = path.count("/") < DEPTH and os.path.isdir(self.root / path)
                    is_unfinished = path.count("/") == DEPTH - 1 and name.startswith(".")
                    if (is_link or stat.S_ISDIR(status.st_mode)) and not is_unfinished:
                        pending.append(path)
                    else:
                        kind = KINDS.get(stat.S_IFMT(status.st_mode), "special file")
                        entries[path] = Entry(status.st_size, status.st_mtime, kind)
        return entries

    def folder(self, name: str) -> Path:
        """The folder itself; there is no copy."""
        return self.root / name

    def local(self, folder: str, entry: ManifestFile) -> Path:
        """The file itself; its bytes are not checked."""
        return self.root / folder / entry.path

    def _partition_folders(self) -> Iterator[str]:
        """Each `<kind>/<partition>` with a digest or an unfinished write in it."""
        for kind in self._names(""):
            for partition in self._names(kind):
                home = f"{kind}/{partition}"
                if any(map(is_store_name, self._names(home))):
                    yield home

    def _names(self, folder: str) -> list[str]:
        """Sorted names in a folder; none for a file. `glob` would skip an unreadable folder."""
        path = self.root / folder
        with _access(path, "listed", "folder"), suppress(*ABSENT), os.scandir(path) as entries:
            return sorted(entry.name for entry in entries)
        return []


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except ABSENT:
        return False


@contextmanager
def _access(path: Path, action: str, expected: str) -> Iterator[None]:
    """Raises: StoreAccessError: in place of an OSError, which does not say whether something is stored there."""
    try:
        yield
    except OSError as error:
        raise StoreAccessError(
            f"{path} cannot be {action} ({error.strerror or error}); expected a readable {expected}, or none. Check the disk "
            "or mount, the permissions and the limit of open files, then run again."
        ) from error


@contextmanager
def _staging(parent: Path) -> Iterator[Path]:
    """Temporary folder for incomplete files, removed on exit; a killed writer leaves it behind."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=WRITE_PREFIX))
    try:
        yield folder
    finally:
        remove_tree(str(folder))


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
