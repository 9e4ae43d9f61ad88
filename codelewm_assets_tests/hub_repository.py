"""A repository of the Hub as a local server keeps it: files, commits, tags, and how a listing tells them. No routes here."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

LARGE = (".parquet", ".safetensors", ".png")  # these go the way of LFS


@dataclass
class Repository:
    """A repository: its files now, its commits by id, its tags."""

    private: bool = True
    files: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    committed: list[list[str]] = field(default_factory=list)  # names that each commit added
    _commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def head(self) -> str:
        """The commit that it is at: an id of its files."""
        content = repr(sorted((name, hashlib.sha1(data).digest()) for name, data in self.files.items()))
        commit = hashlib.sha1(content.encode()).hexdigest()
        self._commits[commit] = dict(self.files)
        return commit

    def resolve(self, revision: str) -> str | None:
        """The commit that a branch, tag or commit id names."""
        head = self.head()
        found = head if revision == "main" else self.tags.get(revision, revision)
        return found if found in self._commits else None

    def at(self, commit: str) -> dict[str, bytes]:
        """Files of a commit."""
        return self._commits[commit]

    def commit(self, body: bytes, large: dict[str, bytes]) -> None:
        """Apply a commit."""
        names = []
        for row in map(json.loads, body.decode().splitlines()):
            value = row["value"]
            if row["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif row["key"] == "lfsFile":
                self.files[value["path"]] = large[value["oid"]]
            elif row["key"] == "deletedFile":
                del self.files[value["path"]]
            names += [value["path"]] if row["key"] in ("file", "lfsFile") else []
        self.committed.append(names)

    def tree(self, commit: str, folder: str) -> list[dict[str, Any]]:
        """Files and folders below a folder, or all."""
        prefix = f"{folder}/" if folder else ""
        names = [name for name in sorted(self.at(commit)) if name.startswith(prefix)]
        parts = {name: name.split("/") for name in names}
        folders = {"/".join(part[:n]) for part in parts.values() for n in range(1, len(part))}
        rows = [{"type": "directory", "path": f, "oid": "0" * 40, "size": 0} for f in sorted(folders) if f != folder]
        return rows + [row_of(name, self.at(commit)[name]) for name in names]


def row_of(name: str, data: bytes) -> dict[str, Any]:
    """A file as a listing tells it."""
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    row: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": blob}
    if name.endswith(LARGE):
        oid = hashlib.sha256(data).hexdigest()
        row |= {"oid": "0" * 40, "lfs": {"oid": oid, "size": len(data), "pointerSize": 130}}
    return row
