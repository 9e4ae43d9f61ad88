"""Names in a store: folders of artifacts, of unfinished writes, and unexpected files. No I/O.

Layout: `<kind>/<partition or "all">/<digest>/{manifest.json, files…}` and `recipes/<cache key>.json`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codelewm_assets.core.files import WRITE_PREFIX
from codelewm_assets.store.backend import DIGEST, FILE, MANIFEST, Entry
from codelewm_assets.store.orphans import REMOVED_PREFIX

CACHE_KEYS = "recipes"
Folders = Mapping[str, Mapping[str, Entry]]
"""`<kind>/<partition>/<name>` → name below it → entry; the name is empty where the folder itself is the entry."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A stored file that does not match a manifest or a cache entry."""

    artifact: str
    file: str
    found: str
    wanted: str


def group_by_folder(listing: Mapping[str, Entry]) -> Folders:
    """The entries of each folder, in folders `<kind>/<partition>` that hold an artifact or an unfinished write."""
    folders: dict[str, dict[str, Entry]] = defaultdict(dict)
    for name, entry in sorted(listing.items()):
        parts = name.split("/", 3)
        if len(parts) > 2:
            folders["/".join(parts[:3])]["".join(parts[3:])] = entry
    homes = {home for home, _, name in (folder.rpartition("/") for folder in folders) if is_store_name(name)}
    return {folder: entries for folder, entries in folders.items() if folder.rpartition("/")[0] in homes}


def is_store_name(name: str) -> bool:
    """True for a digest and for the name of an unfinished write or removal."""
    return bool(DIGEST.fullmatch(name)) or name.startswith((WRITE_PREFIX, REMOVED_PREFIX))


def folder_name(kind: str, partition: str | None, digest: str) -> str:
    """Name of an artifact's folder below the root."""
    return f"{kind}/{(partition or 'all').replace('|', '+')}/{digest}"


def is_artifact_folder(folder: str, entries: Mapping[str, Entry]) -> bool:
    """True for a folder named by a digest; a file or link of that name is unexpected."""
    is_folder = "" not in entries or entries[""].kind == "empty folder"
    return is_folder and bool(DIGEST.fullmatch(folder.rpartition("/")[2]))


def is_published(entries: Mapping[str, Entry]) -> bool:
    """True when there is a readable manifest."""
    return MANIFEST in entries and entries[MANIFEST].kind == FILE


def is_unfinished(folder: str, entries: Mapping[str, Entry]) -> bool:
    """True for the folder of an unfinished write or removal; a write that still runs looks the same."""
    if folder.rpartition("/")[2].startswith((WRITE_PREFIX, REMOVED_PREFIX)):
        return True
    return is_artifact_folder(folder, entries) and MANIFEST not in entries


def published(folders: Folders) -> list[tuple[str, str | None, str]]:
    """(kind, partition, digest) of each folder that is an artifact, sorted."""
    names = sorted(folder.split("/") for folder, entries in folders.items()
                   if is_artifact_folder(folder, entries) and is_published(entries))  # fmt: skip
    return [(kind, None if part == "all" else part.replace("+", "|"), digest) for kind, part, digest in names]


def unexpected_files(folders: Folders, notes: Mapping[str, Entry]) -> Iterator[Mismatch]:
    """Files that are no artifact, cache entry or unfinished write.

    Args:
        notes: listing of `CACHE_KEYS`.
    """
    for folder, entries in folders.items():
        if is_artifact_folder(folder, entries) and MANIFEST in entries and not is_published(entries):
            yield Mismatch(folder, MANIFEST, entries[MANIFEST].kind, FILE)
        elif not is_artifact_folder(folder, entries) and not is_unfinished(folder, entries):
            for name, entry in entries.items():
                yield Mismatch(folder, name or folder, entry.kind, "in no manifest")
    for name, entry in notes.items():
        is_note = name.count("/") == 1 and name.endswith(".json") and entry.kind == FILE
        if not is_note and not name.startswith(f"{CACHE_KEYS}/{WRITE_PREFIX}"):
            yield Mismatch(CACHE_KEYS, name, entry.kind, "a cache entry")
