"""The content-addressed artifact store. Artifacts appear atomically and are never rewritten.

Layout: `<root>/<artifact_kind>/<partition or "all">/<digest>/{manifest.json, files…}`,
`<root>/recipes/<cache key>.json`, the digest built for a cache key (parents, config, code version), and
`<root>/findings/<digest>/<key>.json`, cached results about the artifact of that digest.

Publication: all files first, the manifest last; removal: the manifest first. A folder without a manifest is no artifact. A
cache entry is written after the manifest and is checked against the artifact that it names.
"""

import json
import logging
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from codelewm_assets.core.digests import pretty_json, sha256_bytes, sha256_file
from codelewm_assets.core.errors import ManifestError, StoreAccessError, StoreError
from codelewm_assets.core.ids import artifact_id, kind_and_partition
from codelewm_assets.store.backend import DIGEST, FILE, MANIFEST, Backend, Entry
from codelewm_assets.store.cache_key import CacheKey, cache_key_digest
from codelewm_assets.store.findings import Findings
from codelewm_assets.store.layout import (
    CACHE_KEYS,
    Folders,
    Mismatch,
    folder_name,
    group_by_folder,
    is_artifact_folder,
    is_published,
    is_unfinished,
    published,
    unexpected_files,
)
from codelewm_assets.store.local_backend import LocalBackend
from codelewm_assets.store.manifest import Manifest, ManifestFile, parse_manifest
from codelewm_assets.store.object_backend import ObjectBackend

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored artifact: its location, manifest and digest."""

    folder: Path  # local; of object storage, the folder of cached copies
    manifest: Manifest
    digest: str
    name: str  # of its folder, below the store's root
    address: str  # path or URL of that folder
    _local: Callable[[str, ManifestFile], Path] = field(compare=False, repr=False)

    def path(self, name: str) -> Path:
        """Local path of one of its files; on object storage a verified copy, downloaded when missing.

        Raises: StoreError: the manifest names no such file. ManifestError: the object is damaged.
        """
        for file in self.manifest.files:
            if file.path == name:
                return self._local(self.name, file)
        raise StoreError(
            f"{self.manifest.artifact_id} {self.digest[:12]} has no file {name!r}; it has "
            f"{[file.path for file in self.manifest.files]}."
        )

    def copied(self, folder: Path) -> "Artifact":
        """A verified copy of all of its files in a private folder.

        Raises: ManifestError: a file's digest is not the manifest's.
        """
        for file in self.manifest.files:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.path(file.path), target)
            if (actual := sha256_file(target)) != file.sha256:
                raise ManifestError(
                    f"{self.manifest.artifact_id} {self.digest[:12]} {file.path} is {actual[:12]}, expected {file.sha256[:12]}. "
                    "It was altered; run `codelewm-assets verify`, then materialize it again."
                )
        return replace(self, folder=folder, _local=lambda _, file: folder / file.path)

    def read_json(self, name: str) -> Any:
        """Parsed JSON of one of its files."""
        return json.loads(self.path(name).read_text(encoding="utf-8"))


class CacheEntry(NamedTuple):
    """The artifact built for a cache key. Both are None when the entry is damaged."""

    key: str
    artifact_id: str | None
    digest: str | None


def open_store(
    root: str | Path, *, work: str | Path = "work", source_git_sha: str = "unknown", command: str = ""
) -> "ArtifactStore":
    """The store at a path, or at a URL such as s3://bucket/prefix.

    Args:
        work: local folder for object storage; a store at a path uses its root.
        source_git_sha: written into manifests, not into digests.
        command: as `source_git_sha`.

    Raises: StoreError: the URL cannot be used. No request is sent.
    """
    is_url = "://" in str(root)
    backend = ObjectBackend(str(root), Path(work).resolve()) if is_url else LocalBackend(Path(root).resolve())
    return ArtifactStore(backend, source_git_sha=source_git_sha, command=command)


class ArtifactStore:
    """Artifacts under one root. Each method raises StoreAccessError when the disk or the server is unreachable."""

    def __init__(self, root: Path | Backend, *, source_git_sha: str = "unknown", command: str = "") -> None:
        """Open a store on a folder or a backend.

        Args:
            root: a folder or a backend. The other arguments go into manifests, not into digests.
        """
        self._backend = LocalBackend(root) if isinstance(root, Path) else root
        self._source_git_sha = source_git_sha
        self._command = command

    @property
    def findings(self) -> Findings:
        """Cached results about artifacts, by their digests."""
        return Findings(self._backend, self.address)

    @property
    def address(self) -> str:
        """Path or URL of the root, as `open_store` takes it."""
        return self._backend.address

    @property
    def work(self) -> Path:
        """Local folder for partial results, progress, downloads and Data Docs: a local store's root."""
        return self._backend.work

    @property
    def root(self) -> Path:
        """Root of a local store. Raises: StoreError: the store is object storage; see `address` and `work`."""
        if isinstance(self._backend, LocalBackend):
            return self._backend.root
        raise StoreError(f"{self.address} is no local folder. Take the files by Artifact.path, and write to `work`.")

    def find(self, cache_key: CacheKey) -> Artifact | None:
        """The artifact built for this cache key. None: none, or it is missing or damaged, which is logged."""
        note = self._note(cache_key.digest)
        if note is None:
            return None
        artifact = note.digest and self._intact(cache_key.kind, note.digest, cache_key.partition)
        if artifact and _key_of(artifact.manifest) == cache_key.digest:
            return artifact
        LOG.warning(
            f"{CACHE_KEYS}/{cache_key.digest}.json names no intact artifact of its key; {cache_key.artifact_id} is rebuilt."
        )
        return None

    def _intact(self, kind: str, digest: str, partition: str | None) -> Artifact | None:
        """The stored artifact; None: missing or damaged, which is logged."""
        try:
            artifact = self.load(kind, digest, partition=partition)
        except StoreError as error:
            LOG.warning(str(error))
            return None
        for fault in self.verify(artifact):
            LOG.warning(f"{fault.artifact} is damaged: {fault.file} is {fault.found}, expected {fault.wanted}.")
            return None
        return artifact

    def folder(self, kind: str, digest: str, *, partition: str | None = None) -> Path:
        """Local folder of an artifact's files, which need not exist."""
        return self._backend.folder(folder_name(kind, partition, digest))

    def load(self, kind: str, digest: str, *, partition: str | None = None) -> Artifact:
        """One artifact by its digest. Raises: StoreError: not stored. ManifestError: the manifest is another artifact's."""
        folder = folder_name(kind, partition, digest)
        data = self._backend.read(f"{folder}/{MANIFEST}")
        if data is None:
            name = artifact_id(kind, partition)
            raise StoreError(f"{name} {digest[:12]} is not in the store. Materialize {kind} again.")
        text = data.decode("utf-8", errors="replace")
        manifest = parse_manifest(text, where=f"{kind}/{digest[:12]}/{MANIFEST}")
        if manifest.digest != digest:
            raise ManifestError(
                f"{manifest.artifact_id}: the manifest's digest is {manifest.digest[:12]}, the folder says {digest[:12]}. "
                "The manifest was altered; build again."
            )
        if folder != _folder_of(manifest):
            raise ManifestError(f"{self.address}/{folder} holds {manifest.artifact_id}. Delete it and build again.")
        home = self._backend.folder(folder)
        return Artifact(home, manifest, digest, folder, f"{self.address}/{folder}", self._backend.local)

    def write(self, cache_key: CacheKey, files: Mapping[str, bytes | Path], metadata: Mapping[str, Any]) -> Artifact:
        """Store `files` (name → bytes, or a file to copy) atomically; a damaged artifact of the same digest is replaced.

        Raises: StoreError: the disk is full or not writable, or a name is not allowed. Nothing is published and stored
            artifacts are unchanged.
        """
        try:
            manifest = Manifest(
                artifact_id=cache_key.artifact_id,
                artifact_kind=cache_key.kind,
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                source_git_sha=self._source_git_sha,
                command=self._command,
                config_sha256=cache_key.config_sha256,
                parent_artifacts=dict(sorted(cache_key.parents.items())),
                files=tuple(_entry(name, files[name]) for name in sorted(files)),
                metadata=dict(metadata),
            )
            digest = manifest.digest
            is_published = self._backend.read(f"{_folder_of(manifest)}/{MANIFEST}") is not None
            if not is_published or self._intact(cache_key.kind, digest, cache_key.partition) is None:
                self._publish(manifest, files, replaces=is_published)
            note = pretty_json({"artifact_id": cache_key.artifact_id, "digest": digest})
            self._backend.put(CACHE_KEYS, {f"{cache_key.digest}.json": note})
        except OSError as error:
            raise StoreError(
                f"Could not store {cache_key.artifact_id}: {error.strerror or error}. No reader sees a part of it and earlier "
                f"artifacts are untouched; free space or make {self.address} writable, then run again."
            ) from error
        return self.load(cache_key.kind, digest, partition=cache_key.partition)

    def _publish(self, manifest: Manifest, files: Mapping[str, bytes | Path], *, replaces: bool) -> None:
        """Files first, the manifest last. Unexpected files are deleted before, an older manifest first of all.

        A concurrent writer of the same digest writes the same bytes, so its files and its manifest can stay.
        """
        folder, present = _folder_of(manifest), self._entries(_folder_of(manifest))
        for name in sorted(present, key=lambda name: name != MANIFEST):
            if present[name].kind != FILE or (replaces if name == MANIFEST else name not in files):
                self._backend.delete(f"{folder}/{name}".rstrip("/"))
        self._backend.put(folder, files)
        self._backend.create(f"{folder}/{MANIFEST}", pretty_json(manifest.model_dump(mode="json")))

    def _entries(self, folder: str) -> dict[str, Entry]:
        """Name below an artifact's folder → entry."""
        return {name[len(folder) + 1 :]: entry for name, entry in self._backend.listing(folder).items()}

    def local_files(self, artifact: Artifact) -> dict[str, Path]:
        """Name below the root → local path, of an artifact's manifest and files, for a copy in another store."""
        manifest = self._backend.read(f"{artifact.name}/{MANIFEST}") or b""
        itself = ManifestFile(path=MANIFEST, sha256=sha256_bytes(manifest), bytes=len(manifest))
        entries = (itself, *artifact.manifest.files)
        return {f"{artifact.name}/{entry.path}": self._backend.local(artifact.name, entry) for entry in entries}

    def lineage(self, *artifacts: Artifact) -> dict[str, Artifact]:
        """These and every artifact that they were made from, by digest. Raises: StoreError: one is missing."""
        found: dict[str, Artifact] = {}
        waiting = list(artifacts)
        while waiting:
            current = waiting.pop()
            if current.digest not in found:
                found[current.digest] = current
                waiting += self.parents(current).values()
        return found

    def parents(self, artifact: Artifact, kinds: Collection[str] | None = None) -> dict[str, Artifact]:
        """Artifact id → artifact, of those that an artifact was made from. Args: kinds: None = of every kind.

        Raises: StoreError: one is not stored.
        """
        found = {}
        for name, digest in artifact.manifest.parent_artifacts.items():
            kind, partition = kind_and_partition(name)
            if kinds is None or kind in kinds:
                found[name] = self.load(kind, digest, partition=partition)
        return found

    def artifacts(self) -> Iterator[tuple[str, str | None, str]]:
        """(kind, partition, digest) of everything stored, sorted."""
        yield from published(self._folders())

    def _folders(self) -> Folders:
        return group_by_folder(self._backend.listing())

    def cache_entries(self) -> Iterator[CacheEntry]:
        """Every cache entry, sorted by key."""
        for name in sorted(self._backend.listing(CACHE_KEYS)):
            key = name.removeprefix(f"{CACHE_KEYS}/").removesuffix(".json")
            if name == f"{CACHE_KEYS}/{key}.json" and not key.startswith("."):
                yield self._note(key) or CacheEntry(key, None, None)

    def _note(self, key: str) -> CacheEntry | None:
        """The cache entry of a key; None without one."""
        data = self._backend.read(f"{CACHE_KEYS}/{key}.json")
        if data is None:
            return None
        with suppress(ValueError, KeyError, TypeError):
            note = json.loads(data)
            if DIGEST.fullmatch(note["digest"]):
                return CacheEntry(key, str(note["artifact_id"]), note["digest"])
        return CacheEntry(key, None, None)

    def invalidate(self, key: str) -> None:
        """Delete a cache entry: the next build rebuilds its artifact. Raises: OSError: it cannot be deleted."""
        self._backend.delete(f"{CACHE_KEYS}/{key}.json")

    def remove(self, kind: str, digest: str, *, partition: str | None = None) -> None:
        """Delete one artifact and its findings, the manifest first: a reader sees all of it or nothing, even after a kill.

        Raises: StoreError: not stored. OSError: it cannot be deleted.
        """
        folder = folder_name(kind, partition, digest)
        entries = self._entries(folder)
        if MANIFEST not in entries:
            raise StoreError(f"{kind} {digest[:12]} is not in the store. Another prune may be at work: run it again.")
        for name in sorted(entries, key=lambda name: name != MANIFEST):
            self._backend.delete(f"{folder}/{name}")
        self.findings.delete(digest)

    def unfinished(self) -> list[str]:
        """Path or URL of the folder of each unfinished write or removal, sorted. Readers do not see them."""
        folders = sorted(folder for folder, entries in self._folders().items() if is_unfinished(folder, entries))
        return [f"{self.address}/{folder}" for folder in folders]

    def incomplete(self, *, before_s: float) -> dict[str, int]:
        """Address → bytes, of artifacts without a manifest in which nothing was written since a time (epoch seconds)."""
        return {
            f"{self.address}/{folder}": sum(entry.bytes for entry in entries.values())
            for folder, entries in self._folders().items()
            if is_artifact_folder(folder, entries) and self._is_incomplete(entries, before_s)
        }

    def delete_incomplete(self, address: str, *, before_s: float) -> None:
        """Delete an artifact that `incomplete` named, unless it was written since. Raises: OSError: it cannot be deleted."""
        folder = address.removeprefix(f"{self.address}/")
        entries = self._entries(folder)
        if self._is_incomplete(entries, before_s):
            for name in entries:
                self._backend.delete(f"{folder}/{name}".rstrip("/"))

    def _is_incomplete(self, entries: Mapping[str, Entry], before_s: float) -> bool:
        """Raises: StoreAccessError: the server does not report the time of a write."""
        times = [entry.modified_s for entry in entries.values() if MANIFEST not in entries]
        if None in times:
            raise StoreAccessError(
                f"{self.address} does not report when {', '.join(entries)} was written, so its writer may still run. Delete "
                "it with the bucket's own tools while no build runs."
            )
        return bool(times) and max(time for time in times if time is not None) < before_s

    def verify(self, artifact: Artifact) -> Iterator[Mismatch]:
        """Files of one artifact that are missing, altered, irregular, or not in its manifest.

        Of `created_at`, `source_git_sha` and `command`, which the digest does not cover, only the form is checked.
        """
        name = f"{artifact.manifest.artifact_id} {artifact.digest[:12]}"
        for field_name, actual, form in artifact.manifest.malformed():
            yield Mismatch(name, f"{MANIFEST} {field_name}", repr(actual), form)
        entries = self._entries(artifact.name)
        for file in artifact.manifest.files:
            actual = entries[file.path].kind if file.path in entries else "missing"
            if actual == FILE:
                actual = self._backend.sha256(f"{artifact.name}/{file.path}") or "missing"
            if actual != file.sha256:
                yield Mismatch(name, file.path, actual, file.sha256)
        for relative in sorted(entries.keys() - {file.path for file in artifact.manifest.files} - {MANIFEST}):
            kind = entries[relative].kind
            yield Mismatch(name, relative, "present" if kind == FILE else kind, "not in the manifest")

    def missing(self) -> list[Mismatch]:
        """Each cache entry that is damaged, or whose artifact is not stored or has another key."""
        return list(self._entry_faults(self._folders()))

    def _entry_faults(self, folders: Folders, only: frozenset[str] = frozenset()) -> Iterator[Mismatch]:
        for key, named, digest in self.cache_entries():
            note = f"{CACHE_KEYS}/{key}.json"
            if named is None or digest is None:
                if not only:
                    yield Mismatch("cache entry", note, "damaged", "an artifact_id and a digest")
                continue
            if only and not _is_named(named, digest, only):
                continue
            kind, partition = kind_and_partition(named)
            entries = folders.get(folder_name(kind, partition, digest), {})
            if not is_published(entries):
                actual = entries[MANIFEST].kind if MANIFEST in entries else "missing"
                yield Mismatch(f"{named} {digest[:12]}", MANIFEST, actual, f"the artifact that {note} names")
                continue
            with suppress(StoreError):  # a damaged manifest is reported where it is checked
                actual = _key_of(self.load(kind, digest, partition=partition).manifest)
                if actual != key:
                    yield Mismatch(f"{named} {digest[:12]}", note, actual, "the key of its artifact")

    def verify_all(self, only: frozenset[str] = frozenset()) -> tuple[int, list[Mismatch]]:
        """Check everything, or the artifacts whose kind, id or digest is in `only` with their ancestors.

        Returns: number of artifacts checked, and the mismatches.
        """
        folders = self._folders()
        rows = published(folders)
        stored = {(artifact_id(kind, part), digest) for kind, part, digest in rows}
        selected = self._with_parents(rows, only)
        checked, faults = 0, list[Mismatch]()
        for kind, partition, digest in rows:
            name = artifact_id(kind, partition)
            if only and digest not in selected:
                continue
            checked += 1
            try:
                artifact = self.load(kind, digest, partition=partition)
            except StoreError as error:
                faults.append(Mismatch(f"{name} {digest[:12]}", MANIFEST, str(error), "a manifest of this digest"))
                continue
            faults += self.verify(artifact)
            for parent, parent_digest in artifact.manifest.parent_artifacts.items():
                if (parent, parent_digest) not in stored:
                    faults.append(Mismatch(f"{name} {digest[:12]}", f"parent {parent}", "missing", parent_digest))
        faults += self._entry_faults(folders, only)
        if not only:
            faults += unexpected_files(folders, self._backend.listing(CACHE_KEYS))
            if not rows and not self._backend.exists():
                faults.append(Mismatch("store", self.address, "missing", "an artifact store"))
        return checked, faults

    def _with_parents(self, rows: list[tuple[str, str | None, str]], only: frozenset[str]) -> set[str]:
        """Digests of the artifacts that `only` names and of their stored ancestors."""
        home = {digest: (kind, partition) for kind, partition, digest in rows}
        pending = [digest for kind, part, digest in rows if _is_named(f"{kind}[{part}]", digest, only)]
        selected: set[str] = set()
        while pending:
            digest = pending.pop()
            if digest in selected or digest not in home:
                continue
            selected.add(digest)
            with suppress(StoreError):  # a damaged manifest is reported where it is checked
                kind, partition = home[digest]
                pending += self.load(kind, digest, partition=partition).manifest.parent_artifacts.values()
        return selected


def _folder_of(manifest: Manifest) -> str:
    return folder_name(*kind_and_partition(manifest.artifact_id), manifest.digest)


def _key_of(manifest: Manifest) -> str:
    return cache_key_digest(manifest.artifact_id, manifest.parent_artifacts, manifest.config_sha256)


def _is_named(artifact_id: str, digest: str, only: frozenset[str]) -> bool:
    """True when `only` has its kind, its id or at least 8 digits of its digest."""
    names = {artifact_id, artifact_id.partition("[")[0]}
    return bool(names & only) or any(digest.startswith(name) for name in only if len(name) >= 8)


def _entry(name: str, content: bytes | Path) -> ManifestFile:
    if isinstance(content, Path):
        sha256, size = sha256_file(content), content.stat().st_size
    else:
        sha256, size = sha256_bytes(content), len(content)
    try:
        return ManifestFile(path=name, sha256=sha256, bytes=size)
    except ValidationError as error:
        raise ManifestError(
            f"Could not store {name!r}: {error.errors()[0]['msg']}. Name the file otherwise."
        ) from error
