"""Which artifacts of a store can go, and their removal. Which ones are live is told from outside: the store cannot know."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from typing import Any

from codelewm_assets.core.errors import StoreError
from codelewm_assets.core.ids import artifact_id
from codelewm_assets.store.manifest import Manifest
from codelewm_assets.store.orphans import INCOMPLETE_AFTER_S, OrphanedFile, find_orphaned_files, remove_orphaned_file
from codelewm_assets.store.store import ArtifactStore


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored artifact, as far as its manifest can be read.

    Attributes:
        bytes: of its files; None with a damaged manifest, as `created_at`.
        refers_to: digests of stored artifacts that the manifest names, as parents or in its metadata.
    """

    kind: str
    partition: str | None
    digest: str
    bytes: int | None
    created_at: datetime | None
    refers_to: frozenset[str]

    @property
    def artifact_id(self) -> str:
        """`kind`, or `kind[partition]`."""
        return artifact_id(self.kind, self.partition)


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What a prune keeps and removes.

    Attributes:
        removable: in the order of removal: whatever refers to an artifact goes before it.
        cache_keys: cache entries whose artifact goes or is not stored.
        orphans: in the work folder.
        incomplete: by address: artifacts without a manifest, of a write or a removal that was interrupted.
        incomplete_before_s: nothing was written there since this time, seconds since the epoch.
        not_stored: roots that the store does not hold.
    """

    kept: tuple[Stored, ...]
    removable: tuple[Stored, ...]
    cache_keys: tuple[str, ...]
    orphans: tuple[OrphanedFile, ...]
    incomplete: tuple[OrphanedFile, ...]
    incomplete_before_s: float
    not_stored: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """What its removal frees, as far as manifests say."""
        return sum(row.bytes or 0 for row in self.removable) + sum(
            row.bytes for row in (*self.orphans, *self.incomplete)
        )


def plan_prune(
    store: ArtifactStore, roots: Collection[str], *, now: datetime, min_age: timedelta = timedelta(0)
) -> PrunePlan:
    """What can go: whatever no root was made from or names, directly or through others.

    Args:
        roots: digests of the artifacts in use.
        min_age: an artifact younger than this stays as if it were a root.
    Raises: StoreError: none of the roots is stored, so the store is not theirs. ManifestError: the manifest of an
        artifact that stays is damaged, so what it was made from is not known. StoreAccessError: a manifest cannot be read now.
    """
    found, faults = _stored(store)
    rows = {row.digest: row for row in found}
    if rows and not set(roots) & set(rows):
        raise StoreError(
            f"{store.address} holds {len(rows)} artifacts, and none is the latest of any asset of this Dagster instance "
            f"({len(roots)} known). Nothing was removed: check that DAGSTER_HOME and CODELEWM_ARTIFACTS belong together."
        )
    young = [d for d, row in rows.items() if row.created_at is not None and row.created_at > now - min_age]
    kept = _closure([*(digest for digest in roots if digest in rows), *young], rows)
    for digest in sorted(kept):
        if digest in faults:  # not read again: if that went well, what it refers to would still be missing here
            raise faults[digest]
    gone, before_s = set(rows) - kept, now.timestamp() - INCOMPLETE_AFTER_S
    order = TopologicalSorter({digest: set[str]() for digest in sorted(gone)})
    for digest in sorted(gone):
        for named in sorted(rows[digest].refers_to & gone):
            order.add(named, digest)
    return PrunePlan(
        kept=tuple(row for digest, row in rows.items() if digest in kept),
        removable=tuple(rows[digest] for digest in order.static_order()),
        cache_keys=tuple(key for key, _, digest in store.cache_entries() if digest not in kept),
        orphans=tuple(find_orphaned_files(store.work, kept, now_s=now.timestamp())),
        incomplete=tuple(_incomplete(store, before_s)),
        incomplete_before_s=before_s,
        not_stored=tuple(sorted(set(roots) - set(rows))),
    )


def prune(store: ArtifactStore, plan: PrunePlan, *, before_each: Callable[[], None] = lambda: None) -> None:
    """Remove what the plan names. Killed at any moment, what is left verifies, and a next prune goes on.

    The next one also deletes the rest of an artifact whose removal was cut off.
    Recipes go first, so that no build that starts meanwhile takes up an artifact that is about to go.
    Args: before_each: called before each artifact and leftover; what it raises ends the prune.
    Raises: StoreError: an artifact is gone already. OSError: something cannot be removed.
    """
    before_each()
    for key in plan.cache_keys:
        store.invalidate(key)
    for row in plan.removable:
        before_each()
        store.remove(row.kind, row.digest, partition=row.partition)
    for orphan in plan.orphans:
        before_each()
        remove_orphaned_file(store.work, orphan)
    for orphan in plan.incomplete:
        before_each()
        store.delete_incomplete(orphan.path, before_s=plan.incomplete_before_s)


def _incomplete(store: ArtifactStore, before_s: float) -> Iterator[OrphanedFile]:
    for address, size in sorted(store.incomplete(before_s=before_s).items()):
        yield OrphanedFile(address, size, "files of a write or a removal that was cut off, written more than a day ago")


def _stored(store: ArtifactStore) -> tuple[list[Stored], dict[str, StoreError]]:
    """All that is stored, and digest → what is wrong with the manifest."""
    rows = list(store.artifacts())
    digests = {digest for _, _, digest in rows}
    found, faults = list[Stored](), dict[str, StoreError]()
    for kind, partition, digest in rows:
        try:
            manifest = store.load(kind, digest, partition=partition).manifest
        except StoreError as error:
            faults[digest] = error
            found.append(Stored(kind, partition, digest, None, None, frozenset()))
            continue
        size = sum(file.bytes for file in manifest.files)
        named = {*manifest.parent_artifacts.values(), *_texts(manifest.metadata)} & digests - {digest}
        found.append(Stored(kind, partition, digest, size, _instant(manifest), frozenset(named)))
    return found, faults


def _closure(start: Iterable[str], rows: Mapping[str, Stored]) -> set[str]:
    """These digests, and all that they refer to."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        digest = waiting.pop()
        if digest not in found:
            found.add(digest)
            waiting += rows[digest].refers_to
    return found


def _texts(value: Any) -> Iterable[str]:
    """Every text in a manifest's metadata."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _instant(manifest: Manifest) -> datetime:
    if manifest.created is None:
        raise StoreError(
            f"{manifest.artifact_id} {manifest.digest[:12]}: created_at is {manifest.created_at!r}; wanted an ISO 8601 time "
            "in UTC. The manifest was altered; delete the artifact's folder and build again."
        )
    return manifest.created
