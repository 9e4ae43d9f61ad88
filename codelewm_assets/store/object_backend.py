"""Artifacts in object storage through fsspec, read through a cache of local copies.

Credentials and the server's address come from the client's environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL and so on) and
appear in no argument, manifest or message. The only module that imports fsspec, and only when a store is used.
"""

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from codelewm_assets.core.digests import sha256_file
from codelewm_assets.core.errors import ManifestError, StoreAccessError, StoreError
from codelewm_assets.core.files import WRITE_PREFIX
from codelewm_assets.store.backend import Entry
from codelewm_assets.store.manifest import ManifestFile

LOCAL_PROTOCOLS = ("file", "local")
ALREADY_EXISTS = ("PreconditionFailed", "412")  # responses to a conditional put
CONFLICT = ("ConditionalRequestConflict", "409")
UNSUPPORTED_CONDITION = ("NotImplemented", "501")
MAX_CREATE_TRIES = 5


class ObjectBackend:
    """A bucket, or a part of one; `codelewm_assets.store.backend.Backend` says what each method does."""

    def __init__(self, address: str, work: Path) -> None:
        """No request is sent.

        Args:
            address: such as s3://bucket/prefix.
            work: local folder; copies are cached in its `cache/`.

        Raises: StoreError: the address cannot be used.
        """
        protocol, _, place = address.partition("://")
        if "@" in place.partition("/")[0]:
            raise StoreError(
                f"The address of the {protocol}:// store holds credentials; expected {protocol}://bucket/prefix. Give them by "
                "the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE)."
            )
        if protocol in LOCAL_PROTOCOLS:
            raise StoreError(f"{address} is a folder of this machine. Set CODELEWM_ARTIFACTS to its path alone.")
        if not place.strip("/"):
            raise StoreError(f"{address} names no bucket. Set CODELEWM_ARTIFACTS to {protocol}://bucket/prefix.")
        self.address, self.work = address.rstrip("/"), work
        self._protocol = protocol

    def read(self, name: str) -> bytes | None:
        """Straight from the server."""
        with self._request("read", name) as server:
            try:
                return bytes(server.cat_file(self._key(name)))
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
                return None

    def exists(self) -> bool:
        """One listing."""
        return bool(self.listing())

    def put(self, folder: str, files: Mapping[str, bytes | Path]) -> None:
        """A put replaces an object whole."""
        for name in sorted(files):
            content, key = files[name], self._key(f"{folder}/{name}")
            with self._request("write", f"{folder}/{name}") as server:
                if isinstance(content, Path):
                    server.put_file(str(content), key)
                else:
                    server.pipe_file(key, content)

    def create(self, name: str, data: bytes) -> None:
        """Put an object unless it exists.

        A server without conditional puts gets a plain one: of two concurrent writers the last one's manifest stays, which
        lists the same files and differs in `created_at`, `source_git_sha` and `command` alone.
        """
        for attempt in range(MAX_CREATE_TRIES):
            with self._request("write", name) as server:
                try:
                    server.pipe_file(self._key(name), data, mode="create")
                    return
                except OSError as error:
                    if isinstance(error, FileExistsError) or _code(error) in ALREADY_EXISTS:
                        return
                    if _code(error) in UNSUPPORTED_CONDITION:
                        server.pipe_file(self._key(name), data)
                        return
                    if _code(error) not in CONFLICT or attempt == MAX_CREATE_TRIES - 1:
                        raise

    def sha256(self, name: str) -> str | None:
        """Digest of the server's object; cached copies are not read."""
        with self._downloaded(name) as copy:
            return None if copy is None else sha256_file(copy)

    def delete(self, name: str) -> None:
        """One object."""
        with self._request("delete", name) as server, suppress(FileNotFoundError):
            server.rm_file(self._key(name))

    def folder(self, name: str) -> Path:
        """Folder of the cached copies of its files."""
        return self.work / "cache" / name

    def local(self, folder: str, entry: ManifestFile) -> Path:
        """A copy with the digest of `entry`: verified at every call, downloaded when missing or altered.

        Raises: ManifestError: the server's object is missing or damaged; no copy is left.
        """
        path = self.folder(folder) / entry.path
        if path.is_file() and sha256_file(path) == entry.sha256:
            return path
        with self._downloaded(f"{folder}/{entry.path}") as copy:
            actual = "missing" if copy is None else sha256_file(copy)
            if copy is None or actual != entry.sha256:
                path.unlink(missing_ok=True)  # not earlier: another reader may have stored a valid copy
                raise ManifestError(
                    f"{self.address}/{folder}/{entry.path} is {actual[:12]}, its manifest says {entry.sha256[:12]}. Delete "
                    f"{self.address}/{folder} and build again."
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(copy, path)
        return path

    def listing(self, folder: str = "") -> dict[str, Entry]:
        """One request; of the root, all objects. Times are by the server's clock."""
        with self._request("list", folder) as server:
            try:
                objects = server.find(self._key(folder).rstrip("/"), detail=True)
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
                return {}
        return {key.removeprefix(f"{self._root}/"): Entry(int(facts["size"]), _modified_s(facts))
                for key, facts in objects.items()}  # fmt: skip

    @contextmanager
    def _downloaded(self, name: str) -> Iterator[Path | None]:
        """A temporary copy; None: the server has no such object."""
        with self._request("read", name) as server:
            cache = self.work / "cache"
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix=WRITE_PREFIX) as scratch:
                copy = Path(scratch) / "copy"
                try:
                    server.get_file(self._key(name), str(copy))
                except FileNotFoundError as error:
                    if _code(error) == "NoSuchBucket" or not copy.parent.is_dir():
                        raise
                yield copy if copy.is_file() else None

    def _key(self, name: str) -> str:
        return f"{self._root}/{name}"

    @cached_property
    def _root(self) -> str:
        return str(self._server._strip_protocol(self.address)).rstrip("/")

    @cached_property
    def _server(self) -> Any:
        """The fsspec file system, without a listing cache, since others write as well."""
        import fsspec

        try:
            return fsspec.filesystem(self._protocol, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise StoreError(
                f"{self.address} cannot be opened: {error}. For s3:// install codelewm_assets[s3]; for another kind of "
                "storage the package that fsspec names."
            ) from error

    @contextmanager
    def _request(self, doing: str, name: str) -> Iterator[Any]:
        """The server's file system. Raises: StoreAccessError: in place of the client's errors."""
        server = self._server
        try:
            yield server
        except _failures(self._protocol) as error:
            raise StoreAccessError(
                f"Could not {doing} {f'{self.address}/{name}'.rstrip('/')}: {self._reason(error)}, then run again. Published "
                "artifacts are unchanged."
            ) from error

    def _reason(self, error: BaseException) -> str:
        """Cause and remedy."""
        text = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, OSError) and (error.filename or error.errno in (errno.ENOSPC, errno.EDQUOT)):
            return f"the local folder failed ({text}). Free space or make {self.work} writable, or set CODELEWM_WORK"
        if _code(error) == "NoSuchBucket":
            return f"there is no such bucket ({text}). Create it, or correct CODELEWM_ARTIFACTS"
        if isinstance(error, PermissionError) or type(error).__name__ == "NoCredentialsError":
            return (
                f"access was refused ({text}). Give credentials that may list, read and write there (AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE)"
            )
        return f"the server failed or cannot be reached ({text}). Check it, AWS_ENDPOINT_URL and the network"


def _modified_s(facts: Mapping[str, Any]) -> float | None:
    """Time of the last write; None when the server does not report it."""
    instant = facts.get("LastModified") or facts.get("created") or facts.get("mtime")
    return instant.timestamp() if isinstance(instant, datetime) else None


def _code(error: BaseException) -> str:
    """The server's error code, such as NoSuchBucket; empty without one."""
    answer = getattr(error.__cause__, "response", None) or {}
    return str(answer.get("Error", {}).get("Code", ""))


def _failures(protocol: str) -> tuple[type[Exception], ...]:
    """Errors of an unreachable or refusing server; fsspec turns only responses of S3 into OSErrors."""
    if protocol not in ("s3", "s3a"):
        return (OSError,)
    from aiohttp import ClientError as BrokenAnswer
    from botocore.exceptions import BotoCoreError, ClientError

    return (OSError, BotoCoreError, ClientError, BrokenAnswer)
