"""What assets and checks have in common: the latest artifact of each, by its data version, and how things are shown."""

from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import dagster as dg
from pydantic import BaseModel

from codelewm_assets.core.errors import AssetsError
from codelewm_assets.core.ids import artifact_id
from codelewm_assets.store.store import Artifact, ArtifactStore

DATA_VERSION_TAG = "dagster/data_version"


@dataclass(frozen=True, slots=True)
class Made:
    """Files of a new artifact, what its manifest says of it, and what only Dagster shows (times and the like)."""

    files: Mapping[str, bytes | Path]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=dict)
    done: Callable[[], object] = lambda: None  # called when the artifact is stored: what was kept for it can go


def latest_materializations(
    instance: dg.DagsterInstance, wanted: Collection[tuple[str, str | None]]
) -> dict[tuple[str, str | None], dg.EventLogRecord]:
    """(kind, partition) → record of the latest materialization, of those that have one."""
    records = dict[tuple[str, str | None], dg.EventLogRecord | None]()
    whole = [dg.AssetKey(kind) for kind, partition in dict.fromkeys(wanted) if partition is None]
    if len(whole) > 2:  # one question for all costs as much as two
        for found in instance.get_asset_records(whole):
            entry = found.asset_entry
            records[entry.asset_key.to_user_string(), None] = entry.last_materialization_record
        whole = []
    for kind, partition in dict.fromkeys(wanted):
        if partition is not None or whole:
            of = dg.AssetRecordsFilter(dg.AssetKey(kind), asset_partitions=None if partition is None else [partition])
            records[kind, partition] = next(iter(instance.fetch_materializations(of, limit=1).records), None)
    return {
        key: record
        for key, record in records.items()
        # else of an asset that was partitioned in an earlier version
        if record and record.asset_materialization and record.asset_materialization.partition == key[1]
    }


def version_of(materialized: dg.EventLogRecord) -> str | None:
    """Data version of a materialization: the digest of the artifact in the store."""
    made = materialized.asset_materialization
    return None if made is None else (made.tags or {}).get(DATA_VERSION_TAG)


def latest_version(instance: dg.DagsterInstance, kind: str, partition: str | None = None) -> str | None:
    """Data version of the latest materialization. None: never materialized."""
    materialized = latest_materializations(instance, [(kind, partition)]).get((kind, partition))
    return None if materialized is None else version_of(materialized)


def latest_artifact(
    instance: dg.DagsterInstance, store: ArtifactStore, kind: str, partition: str | None = None
) -> Artifact:
    """The artifact of the latest materialization, by its digest. Raises: dg.Failure: there is none, or it is not stored."""
    name = artifact_id(kind, partition)
    version = latest_version(instance, kind, partition)
    if version is None:
        raise dg.Failure(f"{name} has not been materialized. Materialize it first.", allow_retries=False)
    try:
        return store.load(kind, version, partition=partition)
    except AssetsError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


@cache  # once a process: what is installed is looked up on the disk
def _version(package: str) -> str:
    return python_version() if package == "python" else version(package)


def versions(*packages: str) -> dict[str, Any]:
    """Versions of packages whose results an artifact holds, for its recipe; `python` gives the interpreter's."""
    return {"versions": {package: _version(package) for package in packages}}


def inline_png(data: bytes) -> dg.MarkdownMetadataValue:
    """A picture that the UI shows with the metadata; tens of kilobytes at most."""
    return dg.MetadataValue.md(f"![](data:image/png;base64,{b64encode(data).decode('ascii')})")


def column_schema(model: type[BaseModel]) -> dict[str, dg.TableSchema]:
    """`dagster/column_schema` of a table of records, from the record's own fields."""
    columns = [
        dg.TableColumn(name=name, type=str(getattr(found.annotation, "__name__", found.annotation)))
        for name, found in model.model_fields.items()
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns)}
