"""What assets and checks have in common: the latest artifact of each, by its data version, and how things are shown."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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


def latest_version(instance: dg.DagsterInstance, kind: str, partition: str | None = None) -> str | None:
    """Data version of the latest materialization: the digest of the artifact in the store. None: never materialized."""
    wanted = dg.AssetRecordsFilter(
        asset_key=dg.AssetKey(kind), asset_partitions=None if partition is None else [partition]
    )
    records = instance.fetch_materializations(wanted, limit=1).records
    if not records or records[0].asset_materialization is None:
        return None
    if (
        records[0].asset_materialization.partition != partition
    ):  # of an asset that was partitioned in an earlier version
        return None
    return (records[0].asset_materialization.tags or {}).get(DATA_VERSION_TAG)


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


def versions(*packages: str) -> dict[str, Any]:
    """Versions of packages whose results an artifact holds, for its recipe; `python` gives the interpreter's."""
    return {"versions": {p: python_version() if p == "python" else version(p) for p in packages}}


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
