"""Mark-and-sweep garbage collection of a store; the caller supplies the roots."""

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
    """A stored artifact, as described by its manifest.

    Attributes:
        bytes: size of its files; None with a damaged manifest, as `created_at`.
        refers_to: digests of stored artifacts that its manifest names, as parents or in its metadata.
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
    """Artifacts and files that a prune keeps and removes.

    Attributes:
        removable: in the order of removal: children before their parents.
        cache_keys: cache entries whose artifact is removed or not stored.
        orphans: orphaned files of the work folder.
        incomplete: artifacts without a manifest, of an interrupted write or removal, by address.
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
        """Bytes that the prune frees, by the manifests."""
        return sum(row.bytes or 0 for row in self.removable) + sum(
            row.bytes for row in (*self.orphans, *self.incomplete)
        )


def plan_prune(
    store: ArtifactStore, roots: Collection[str], *, now: datetime, min_age: timedelta = timedelta(0)
) -> PrunePlan:
    """Plan the removal of every artifact that no root refers to, directly or indirectly.

    Args:
        roots: digests of the artifacts in use.
        min_age: younger artifacts are kept.

    Raises:
        StoreError: none of the roots is stored: the store belongs to another instance.
        ManifestError: the manifest of a kept artifact is damaged, so its parents are unknown.
        StoreAccessError: a manifest cannot be read.
    """
    stored, faults = _stored(store)
    rows = {row.digest: row for row in stored}
    if rows and not set(roots) & set(rows):
        raise StoreError(
            f"{store.address} holds {len(rows)} artifacts, and none is the latest of any asset of this Dagster instance "
            f"({len(roots)} known). Nothing was removed: check that DAGSTER_HOME and CODELEWM_ARTIFACTS belong together."
        )
    young = [d for d, row in rows.items() if row.created_at is not None and row.created_at > now - min_age]
    kept = _closure([*(digest for digest in roots if digest in rows), *young], rows)
    for digest in sorted(kept):
        if digest in faults:  # not retried: its references are missing from `rows`
            raise faults[digest]
    removed, before_s = set(rows) - kept, now.timestamp() - INCOMPLETE_AFTER_S
    order = TopologicalSorter({digest: set[str]() for digest in sorted(removed)})
    for digest in sorted(removed):
        for named in sorted(rows[digest].refers_to & removed):
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
    """Remove what the plan names. After a kill the store still verifies, and the next prune resumes.

    Cache entries are deleted first, so that no concurrent build reuses an artifact that is about to be removed.

    Args:
        before_each: called before each artifact and orphaned file; its exceptions end the prune.

    Raises:
        StoreError: an artifact no longer exists.
        OSError: a file cannot be removed.
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
        yield OrphanedFile(address, size, "files of an interrupted write or removal, written more than a day ago")


def _stored(store: ArtifactStore) -> tuple[list[Stored], dict[str, StoreError]]:
    """Every stored artifact, and digest → fault of its manifest."""
    rows = list(store.artifacts())
    digests = {digest for _, _, digest in rows}
    stored, faults = list[Stored](), dict[str, StoreError]()
    for kind, partition, digest in rows:
        try:
            manifest = store.load(kind, digest, partition=partition).manifest
        except StoreError as error:
            faults[digest] = error
            stored.append(Stored(kind, partition, digest, None, None, frozenset()))
            continue
        size = sum(file.bytes for file in manifest.files)
        named = {*manifest.parent_artifacts.values(), *_texts(manifest.metadata)} & digests - {digest}
        stored.append(Stored(kind, partition, digest, size, _instant(manifest), frozenset(named)))
    return stored, faults


def _closure(start: Iterable[str], rows: Mapping[str, Stored]) -> set[str]:
    """These digests and all that they refer to, transitively."""
    reached: set[str] = set()
    pending = list(start)
    while pending:
        digest = pending.pop()
        if digest not in reached:
            reached.add(digest)
            pending += rows[digest].refers_to
    return reached


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
            f"{manifest.artifact_id} {manifest.digest[:12]}: created_at is {manifest.created_at!r}; expected an ISO 8601 time "
            "in UTC. The manifest was altered; delete the artifact's folder and build again."
        )
    return manifest.created
