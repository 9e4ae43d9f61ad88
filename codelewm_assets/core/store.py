"""The content-addressed artifact store. A reader never sees half an artifact; nothing stored is ever rewritten.

Layout: `<root>/<artifact_kind>/<partition or "all">/<digest>/{manifest.json, files…}`, and
`<root>/recipes/<recipe>.json` naming the digest that a recipe (parents, config, code version) gave. The root is a local
folder or object storage; how bytes get there is the backends' business.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from codelewm_assets.core.backend import MANIFEST, Backend
from codelewm_assets.core.digests import pretty_json, sha256_bytes, sha256_file
from codelewm_assets.core.errors import ManifestError, StoreError
from codelewm_assets.core.ids import artifact_id
from codelewm_assets.core.local_backend import LocalBackend
from codelewm_assets.core.manifest import Manifest, ManifestFile, parse_manifest
from codelewm_assets.core.object_backend import ObjectBackend
from codelewm_assets.core.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored artifact: where it lies, its manifest and its digest."""

    folder: Path  # local; of object storage, where copies of the files that were asked for lie
    manifest: Manifest
    digest: str
    name: str  # of its folder, below the store's root
    address: str  # path or URL of that folder
    _local: Callable[[str, ManifestFile], Path] = field(compare=False, repr=False)

    def path(self, name: str) -> Path:
        """Local path of one of its files. On object storage a copy, made when there is none, whose bytes are the manifest's.

        Raises: StoreError: the manifest names no such file. ManifestError: the copy was to be made of a damaged object.
        """
        for file in self.manifest.files:
            if file.path == name:
                return self._local(self.name, file)
        raise StoreError(
            f"{self.manifest.artifact_id} {self.digest[:12]} has no file {name!r}; it has "
            f"{[file.path for file in self.manifest.files]}."
        )

    def read_json(self, name: str) -> Any:
        """Parsed JSON of one of its files."""
        return json.loads(self.path(name).read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Something in the store that is not what a manifest says."""

    artifact: str
    file: str
    found: str
    wanted: str


def open_store(
    root: str | Path, *, work: str | Path = "work", source_git_sha: str = "unknown", command: str = ""
) -> "ArtifactStore":
    """The store at a path, or at a URL such as s3://bucket/prefix.

    Args: work: local folder beside object storage; a store at a path works in its own root. The others: as the store's.
    Raises: StoreError: the URL cannot be used. The server is not asked yet.
    """
    is_url = "://" in str(root)
    backend = ObjectBackend(str(root), Path(work).resolve()) if is_url else LocalBackend(Path(root).resolve())
    return ArtifactStore(backend, source_git_sha=source_git_sha, command=command)


class ArtifactStore:
    """Artifacts under one root. Each method raises StoreAccessError when the disk or the server refuses or stays away."""

    def __init__(self, root: Path | Backend, *, source_git_sha: str = "unknown", command: str = "") -> None:
        """Args: root: a folder, or what keeps the bytes. The others go into manifests, not into digests."""
        self._backend = LocalBackend(root) if isinstance(root, Path) else root
        self._source_git_sha = source_git_sha
        self._command = command

    @property
    def address(self) -> str:
        """Path or URL of the root, by which `open_store` opens it again."""
        return self._backend.address

    @property
    def work(self) -> Path:
        """Local folder for what is no artifact (partial results, progress, downloads, Data Docs): a local store's root."""
        return self._backend.work

    @property
    def root(self) -> Path:
        """Root of a local store. Raises: StoreError: it is object storage, which has none; see `address` and `work`."""
        if isinstance(self._backend, LocalBackend):
            return self._backend.root
        raise StoreError(f"{self.address} is no local folder. Take the files by Artifact.path, and write to `work`.")

    def find(self, recipe: Recipe) -> Artifact | None:
        """The artifact that this recipe gave before, or None. Raises: ManifestError: it is stored but damaged."""
        note = f"recipes/{recipe.key}.json"
        data = self._backend.read(note)
        if data is None:
            return None
        try:
            digest = json.loads(data.decode("utf-8"))["digest"]
        except (ValueError, KeyError, TypeError) as error:
            raise ManifestError(
                f"{note} of {recipe.artifact_id} is damaged. Delete {self.address}/{note} and build again."
            ) from error
        if self._backend.read(f"{_folder(recipe.kind, recipe.partition, digest)}/{MANIFEST}") is None:
            return None
        artifact = self.load(recipe.kind, digest, partition=recipe.partition)
        self._require_whole(artifact)
        return artifact

    def folder(self, kind: str, digest: str, *, partition: str | None = None) -> Path:
        """Local folder of an artifact's files, or where they would lie."""
        return self._backend.folder(_folder(kind, partition, digest))

    def load(self, kind: str, digest: str, *, partition: str | None = None) -> Artifact:
        """One artifact by its digest. Raises: StoreError: not stored. ManifestError: its manifest is not its own."""
        folder = _folder(kind, partition, digest)
        data = self._backend.read(f"{folder}/{MANIFEST}")
        if data is None:
            name = artifact_id(kind, partition)
            raise StoreError(f"{name} {digest[:12]} is not in the store. Materialize {kind} again.")
        text = data.decode("utf-8", errors="replace")
        manifest = parse_manifest(text, where=f"{kind}/{digest[:12]}/{MANIFEST}")
        if manifest.digest != digest:
            raise ManifestError(
                f"{manifest.artifact_id}: the manifest's digest is {manifest.digest[:12]}, the folder says {digest[:12]}. "
                "The manifest was altered; delete the folder and build again."
            )
        home = self._backend.folder(folder)
        return Artifact(home, manifest, digest, folder, f"{self.address}/{folder}", self._backend.local)

    def write(self, recipe: Recipe, files: Mapping[str, bytes | Path], metadata: Mapping[str, Any]) -> Artifact:
        """Store `files` (name → bytes, or a file to copy) whole or not at all.

        Raises: StoreError: the disk is full or not writable, or the server refuses; no reader sees anything of it, and what
            was stored stays. ManifestError: the same artifact is stored already, and is damaged.
        """
        try:
            manifest = Manifest(
                artifact_id=recipe.artifact_id,
                artifact_kind=recipe.kind,
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                source_git_sha=self._source_git_sha,
                command=self._command,
                config_sha256=recipe.config_sha256,
                parent_artifacts=dict(sorted(recipe.parents.items())),
                files=tuple(_entry(name, files[name]) for name in sorted(files)),
                metadata=dict(metadata),
            )
            folder = _folder(recipe.kind, recipe.partition, manifest.digest)
            was_there = self._backend.read(f"{folder}/{MANIFEST}") is not None
            self._backend.publish(folder, files, pretty_json(manifest.model_dump(mode="json")))
        except OSError as error:
            raise StoreError(
                f"Could not store {recipe.artifact_id}: {error.strerror or error}. Nothing was stored and earlier "
                f"artifacts are untouched; free space or make {self.address} writable, then run again."
            ) from error
        written = self.load(recipe.kind, manifest.digest, partition=recipe.partition)
        if was_there:
            self._require_whole(written)
        note = pretty_json({"artifact_id": recipe.artifact_id, "digest": manifest.digest})
        self._backend.write(f"recipes/{recipe.key}.json", note)
        return written

    def _require_whole(self, artifact: Artifact) -> None:
        """Raises: ManifestError: a file is not what the manifest says."""
        for fault in self.verify(artifact):
            raise ManifestError(
                f"{artifact.manifest.artifact_id} {artifact.digest[:12]} is damaged: {fault.file} is {fault.found}, wanted "
                f"{fault.wanted}. Delete {artifact.address} and build again."
            )

    def local_files(self, artifact: Artifact) -> dict[str, Path]:
        """Name below the root → local path, of an artifact's manifest and files: what another store needs to hold it."""
        manifest = self._backend.read(f"{artifact.name}/{MANIFEST}") or b""
        itself = ManifestFile(path=MANIFEST, sha256=sha256_bytes(manifest), bytes=len(manifest))
        entries = (itself, *artifact.manifest.files)
        return {f"{artifact.name}/{entry.path}": self._backend.local(artifact.name, entry) for entry in entries}

    def lineage(self, artifact: Artifact) -> dict[str, Artifact]:
        """Every artifact that this one was made from, itself included, by digest. Raises: StoreError: one is missing."""
        found: dict[str, Artifact] = {}
        waiting = [artifact]
        while waiting:
            current = waiting.pop()
            if current.digest not in found:
                found[current.digest] = current
                for name, digest in current.manifest.parent_artifacts.items():
                    kind, _, partition = name.removesuffix("]").partition("[")
                    waiting.append(self.load(kind, digest, partition=partition or None))
        return found

    def artifacts(self) -> Iterator[tuple[str, str | None, str]]:
        """(kind, partition, digest) of everything stored, sorted."""
        for kind, partition, digest in sorted(folder.split("/") for folder in self._backend.published()):
            yield kind, None if partition == "all" else partition.replace("+", "|"), digest

    def recipes(self) -> Iterator[tuple[str, str | None]]:
        """(recipe key, digest that it gave) of every recipe that is remembered, sorted; None where the note is damaged."""
        for name in sorted(self._backend.names("recipes")):
            if name.startswith(".") or not name.endswith(".json"):
                continue
            key = name.removesuffix(".json")
            try:
                yield key, str(json.loads(self._backend.read(f"recipes/{name}") or b"")["digest"])
            except (ValueError, KeyError, TypeError):
                yield key, None

    def forget(self, key: str) -> None:
        """Forget what a recipe gave: the next build makes it anew. Raises: OSError: the note cannot be removed."""
        self._backend.delete(f"recipes/{key}.json")

    def remove(self, kind: str, digest: str, *, partition: str | None = None) -> None:
        """Remove one artifact. A reader sees all of it or nothing, also after a kill.

        Raises: StoreError: not stored. OSError: it cannot be removed.
        """
        if not self._backend.withdraw(_folder(kind, partition, digest)):
            raise StoreError(f"{kind} {digest[:12]} is not in the store. Another prune may be at work: run it again.")

    def leftovers(self) -> list[str]:
        """Path or URL of each folder of a write that has not ended, sorted. No reader sees what lies there."""
        return [f"{self.address}/{folder}" for folder in self._backend.leftovers()]

    def cut_off(self, *, before_s: float) -> dict[str, int]:
        """Address → bytes, of leftovers outside `work` in which nothing was written since a time (seconds since the epoch)."""
        found = self._backend.cut_off(before_s=before_s)
        return {f"{self.address}/{folder}": size for folder, size in found.items()}

    def drop(self, address: str, *, before_s: float) -> None:
        """Delete what `cut_off` told of, unless something was written there since. Raises: OSError: it cannot be deleted."""
        self._backend.drop(address.removeprefix(f"{self.address}/"), before_s=before_s)

    def verify(self, artifact: Artifact) -> Iterator[Mismatch]:
        """Files of one artifact that are missing, altered, or not in its manifest."""
        name = f"{artifact.manifest.artifact_id} {artifact.digest[:12]}"
        for entry in artifact.manifest.files:
            found = self._backend.sha256(f"{artifact.name}/{entry.path}") or "missing"
            if found != entry.sha256:
                yield Mismatch(name, entry.path, found, entry.sha256)
        known = {entry.path for entry in artifact.manifest.files} | {MANIFEST}
        for relative in self._backend.names(artifact.name):
            if relative not in known:
                yield Mismatch(name, relative, "present", "not in the manifest")

    def verify_all(self, only: frozenset[str] = frozenset()) -> tuple[int, list[Mismatch]]:
        """Check every artifact, or those whose kind, id or digest is in `only` with all they were made from.

        Returns: how many were checked, and the mismatches.
        """
        rows = list(self.artifacts())
        stored = {(artifact_id(kind, part), digest) for kind, part, digest in rows}
        wanted = self._with_parents(rows, only)
        checked, faults = 0, list[Mismatch]()
        for kind, partition, digest in rows:
            name = artifact_id(kind, partition)
            if only and digest not in wanted:
                continue
            checked += 1
            try:
                artifact = self.load(kind, digest, partition=partition)
            except StoreError as error:
                faults.append(
                    Mismatch(f"{name} {digest[:12]}", "manifest.json", str(error), "a manifest of this digest")
                )
                continue
            faults += self.verify(artifact)
            for parent, parent_digest in artifact.manifest.parent_artifacts.items():
                if (parent, parent_digest) not in stored:
                    faults.append(Mismatch(f"{name} {digest[:12]}", f"parent {parent}", "missing", parent_digest))
        return checked, faults

    def _with_parents(self, rows: list[tuple[str, str | None, str]], only: frozenset[str]) -> set[str]:
        """Digests of the artifacts that `only` names, and of all they were made from as far as it is stored."""
        home = {digest: (kind, partition) for kind, partition, digest in rows}
        waiting = [
            digest
            for kind, partition, digest in rows
            if {kind, f"{kind}[{partition}]", digest} & only or any(digest.startswith(o) for o in only if len(o) >= 8)
        ]
        found: set[str] = set()
        while waiting:
            digest = waiting.pop()
            if digest in found or digest not in home:
                continue
            found.add(digest)
            with suppress(StoreError):  # a damaged manifest is reported where it is checked
                kind, partition = home[digest]
                waiting += self.load(kind, digest, partition=partition).manifest.parent_artifacts.values()
        return found


def _folder(kind: str, partition: str | None, digest: str) -> str:
    return f"{kind}/{(partition or 'all').replace('|', '+')}/{digest}"


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
