"""The content-addressed artifact store. A reader never sees half an artifact; nothing stored is ever rewritten.

Layout: `<root>/<artifact_kind>/<partition or "all">/<digest>/{manifest.json, files…}`, and
`<root>/recipes/<recipe>.json` naming the digest that a recipe (parents, config, code version) gave.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from codelewm_assets.core.digests import digest_of, pretty_json, sha256_bytes, sha256_file
from codelewm_assets.core.errors import ManifestError, StoreError
from codelewm_assets.core.files import WRITING, fsync_folder, write_atomically
from codelewm_assets.core.manifest import Manifest, ManifestFile, parse_manifest

REMOVED = ".removed-"  # an artifact that was removed, until its files are deleted


@dataclass(frozen=True, slots=True)
class Recipe:
    """What fixes an artifact's bytes: its name, its parents' digests, its configuration and its code version."""

    kind: str
    partition: str | None
    parents: Mapping[str, str]
    config: Mapping[str, Any]
    code_version: str

    @property
    def artifact_id(self) -> str:
        """`kind`, or `kind[partition]`."""
        return self.kind if self.partition is None else f"{self.kind}[{self.partition}]"

    @property
    def config_sha256(self) -> str:
        """Digest of the configuration and code version."""
        return digest_of({"config": dict(self.config), "code_version": self.code_version})

    @property
    def key(self) -> str:
        """Digest of the whole recipe."""
        return digest_of({"id": self.artifact_id, "parents": dict(self.parents), "config_sha256": self.config_sha256})


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored artifact: where it lies, its manifest and its digest."""

    folder: Path
    manifest: Manifest
    digest: str

    def path(self, name: str) -> Path:
        """Path of one of its files. Raises: StoreError: the manifest names no such file."""
        if name not in {file.path for file in self.manifest.files}:
            raise StoreError(
                f"{self.manifest.artifact_id} {self.digest[:12]} has no file {name!r}; it has "
                f"{[file.path for file in self.manifest.files]}."
            )
        return self.folder / name

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


class ArtifactStore:
    """Artifacts under one root folder."""

    def __init__(self, root: Path, *, source_git_sha: str = "unknown", command: str = "") -> None:
        """`source_git_sha` and `command` go into manifests, not into digests."""
        self.root = root
        self._source_git_sha = source_git_sha
        self._command = command

    def _home(self, kind: str, partition: str | None) -> Path:
        return self.root / kind / (partition or "all").replace("|", "+")

    def find(self, recipe: Recipe) -> Artifact | None:
        """The artifact that this recipe gave before, or None. Raises: ManifestError: it is stored but damaged."""
        note = self.root / "recipes" / f"{recipe.key}.json"
        if not note.exists():
            return None
        try:
            digest = json.loads(note.read_text(encoding="utf-8"))["digest"]
        except (ValueError, KeyError, TypeError) as error:
            raise ManifestError(
                f"{note.name} of {recipe.artifact_id} is damaged. Delete {note} and build again."
            ) from error
        if not (self._home(recipe.kind, recipe.partition) / digest / "manifest.json").exists():
            return None
        artifact = self.load(recipe.kind, digest, partition=recipe.partition)
        faults = list(self.verify(artifact))
        if faults:
            raise ManifestError(
                f"{recipe.artifact_id} {digest[:12]} is damaged: {faults[0].file} is {faults[0].found}, wanted "
                f"{faults[0].wanted}. Delete {artifact.folder} and build again."
            )
        return artifact

    def folder(self, kind: str, digest: str, *, partition: str | None = None) -> Path:
        """Where an artifact lies, or would."""
        return self._home(kind, partition) / digest

    def load(self, kind: str, digest: str, *, partition: str | None = None) -> Artifact:
        """One artifact by its digest. Raises: StoreError: not stored. ManifestError: its manifest is not its own."""
        folder = self.folder(kind, digest, partition=partition)
        try:
            text = (folder / "manifest.json").read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            name = kind if partition is None else f"{kind}[{partition}]"
            raise StoreError(f"{name} {digest[:12]} is not in the store. Materialize {kind} again.") from error
        manifest = parse_manifest(text, where=f"{kind}/{digest[:12]}/manifest.json")
        if manifest.digest != digest:
            raise ManifestError(
                f"{manifest.artifact_id}: the manifest's digest is {manifest.digest[:12]}, the folder says {digest[:12]}. "
                "The manifest was altered; delete the folder and build again."
            )
        return Artifact(folder=folder, manifest=manifest, digest=digest)

    def write(self, recipe: Recipe, files: Mapping[str, bytes | Path], metadata: Mapping[str, Any]) -> Artifact:
        """Store `files` (name → bytes, or a file to copy) whole or not at all.

        Raises: StoreError: the disk is full or not writable; nothing is left and what was stored stays.
        """
        home = self._home(recipe.kind, recipe.partition)
        temporary: Path | None = None
        try:
            home.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(dir=home, prefix=WRITING))
            entries = tuple(_write_file(temporary, name, files[name]) for name in sorted(files))
            manifest = Manifest(
                artifact_id=recipe.artifact_id,
                artifact_kind=recipe.kind,
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                source_git_sha=self._source_git_sha,
                command=self._command,
                config_sha256=recipe.config_sha256,
                parent_artifacts=dict(sorted(recipe.parents.items())),
                files=entries,
                metadata=dict(metadata),
            )
            _write_file(temporary, "manifest.json", pretty_json(manifest.model_dump(mode="json")))
            fsync_folder(temporary)
            folder = home / manifest.digest
            if folder.exists():
                shutil.rmtree(temporary)
            else:
                os.rename(temporary, folder)
                fsync_folder(home)
        except OSError as error:
            _remove(temporary)
            raise StoreError(
                f"Could not store {recipe.artifact_id}: {error.strerror or error}. Nothing was stored and earlier "
                f"artifacts are untouched; free space or make {self.root} writable, then run again."
            ) from error
        except BaseException:
            _remove(temporary)
            raise
        note = pretty_json({"artifact_id": recipe.artifact_id, "digest": manifest.digest})
        write_atomically(self.root / "recipes" / f"{recipe.key}.json", note)
        return self.load(recipe.kind, manifest.digest, partition=recipe.partition)

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
        for manifest in sorted(self.root.glob("*/*/*/manifest.json")):
            digest, partition, kind = manifest.parts[-2], manifest.parts[-3], manifest.parts[-4]
            if not digest.startswith("."):
                yield kind, None if partition == "all" else partition.replace("+", "|"), digest

    def verify(self, artifact: Artifact) -> Iterator[Mismatch]:
        """Files of one artifact that are missing, altered, or not in its manifest."""
        name = f"{artifact.manifest.artifact_id} {artifact.digest[:12]}"
        for entry in artifact.manifest.files:
            path = artifact.folder / entry.path
            found = sha256_file(path) if path.is_file() else "missing"
            if found != entry.sha256:
                yield Mismatch(name, entry.path, found, entry.sha256)
        known = {entry.path for entry in artifact.manifest.files} | {"manifest.json"}
        for path in sorted(artifact.folder.rglob("*")):
            relative = path.relative_to(artifact.folder).as_posix()
            if path.is_file() and relative not in known:
                yield Mismatch(name, relative, "present", "not in the manifest")

    def verify_all(self, only: frozenset[str] = frozenset()) -> tuple[int, list[Mismatch]]:
        """Check every artifact, or those whose kind, id or digest is in `only` with all they were made from.

        Returns: how many were checked, and the mismatches.
        """
        rows = list(self.artifacts())
        stored = {(kind if part is None else f"{kind}[{part}]", digest) for kind, part, digest in rows}
        wanted = self._with_parents(rows, only)
        checked, faults = 0, list[Mismatch]()
        for kind, partition, digest in rows:
            name = kind if partition is None else f"{kind}[{partition}]"
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

    def recipes(self) -> Iterator[tuple[str, str | None]]:
        """(recipe key, digest that it gave) of every recipe that is remembered, sorted; None where the note is damaged."""
        for note in sorted((self.root / "recipes").glob("*.json")):
            try:
                yield note.stem, str(json.loads(note.read_text(encoding="utf-8"))["digest"])
            except (ValueError, KeyError, TypeError):
                yield note.stem, None

    def forget(self, key: str) -> None:
        """Forget what a recipe gave: the next build makes it anew. Raises: OSError: the note cannot be removed."""
        (self.root / "recipes" / f"{key}.json").unlink(missing_ok=True)

    def remove(self, kind: str, digest: str, *, partition: str | None = None) -> None:
        """Remove one artifact. It is renamed first, so that a reader sees all of it or nothing, also after a kill.

        Raises: StoreError: not stored. OSError: it cannot be removed.
        """
        home = self._home(kind, partition)
        if not (home / digest).is_dir():
            raise StoreError(f"{kind} {digest[:12]} is not in the store. Another prune may be at work: run it again.")
        gone = Path(tempfile.mkdtemp(dir=home, prefix=REMOVED))
        os.rename(home / digest, gone)  # onto an empty folder, which it replaces
        fsync_folder(home)
        shutil.rmtree(gone)

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


def _write_file(folder: Path, name: str, content: bytes | Path) -> ManifestFile:
    if isinstance(content, Path):
        sha256, size = sha256_file(content), content.stat().st_size
    else:
        sha256, size = sha256_bytes(content), len(content)
    try:
        entry = ManifestFile(path=name, sha256=sha256, bytes=size)
    except ValidationError as error:
        raise ManifestError(
            f"Could not store {name!r}: {error.errors()[0]['msg']}. Name the file otherwise."
        ) from error
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        if isinstance(content, Path):
            with content.open("rb") as source:
                shutil.copyfileobj(source, handle)
        else:
            handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    return entry


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
