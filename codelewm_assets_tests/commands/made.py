"""What the tests of several commands make: JSON lines, stored artifacts, a row to label."""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from codelewm_assets.store.store import Artifact, ArtifactStore, CacheKey


def lines(path: Path, *rows: Any) -> Path:
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def stored(
    folder: Path,
    kind: str,
    files: dict[str, bytes],
    parents: dict[str, str] | None = None,
    metadata: dict[str, Any] | None = None,
) -> Artifact:
    cache_key = CacheKey(kind, None, parents or {}, {}, "test")
    return ArtifactStore(folder / "artifacts").write(cache_key, files, metadata or {})


def materialized(
    folder: Path,
    kind: str,
    files: dict[str, bytes],
    parents: dict[str, str] | None = None,
    metadata: dict[str, Any] | None = None,
) -> Artifact:
    """Store an artifact and tell the instance of this folder that it is the latest."""
    made = stored(folder, kind, files, parents, metadata)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(kind, tags={"dagster/data_version": made.digest}))
    return made


def label_row(**changes: Any) -> dict[str, Any]:
    row = {
        "completion_id": "c",
        "problem_id": "p",
        "benchmark_id": "humaneval",
        "code": "def double(x):\n    return x + x\n",
        "entry_point": "double",
        "inputs": ["[1]", "[2]"],
        "atol": 0.0,
        "expected": ["2", "4"],
    }
    return row | changes
