"""What every asset does the same way: find parents by data version, skip what is stored, write, report."""

import logging
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import dagster as dg
from pydantic import BaseModel

from codelewm_assets.core.errors import AssetsError
from codelewm_assets.core.logs import log_context
from codelewm_assets.defs.lineage import column_lineage
from codelewm_assets.store.recipe import Recipe
from codelewm_assets.store.store import Artifact, ArtifactStore

LOG = logging.getLogger(__name__)
DATA_VERSION_TAG = "dagster/data_version"
_REVIEW = dg.MetadataValue.md("[the review site](/review_site/index.html), where `make review` serves the UI")


@dataclass(frozen=True, slots=True)
class Made:
    """Files of a new artifact, what its manifest says of it, and what only Dagster shows (times and the like)."""

    files: Mapping[str, bytes | Path]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=dict)
    done: Callable[[], None] = lambda: None  # called when the artifact is stored: what was kept for it can go


def latest_version(instance: dg.DagsterInstance, kind: str, partition: str | None = None) -> str | None:
    """Data version of the latest materialization: the digest of the artifact in the store. None: never materialized."""
    wanted = dg.AssetRecordsFilter(
        asset_key=dg.AssetKey(kind), asset_partitions=None if partition is None else [partition]
    )
    records = instance.fetch_materializations(wanted, limit=1).records
    if not records or records[0].asset_materialization is None:
        return None
    return (records[0].asset_materialization.tags or {}).get(DATA_VERSION_TAG)


def latest_artifact(
    instance: dg.DagsterInstance, store: ArtifactStore, kind: str, partition: str | None = None
) -> Artifact:
    """The artifact of the latest materialization, by its digest. Raises: dg.Failure: there is none, or it is not stored."""
    name = kind if partition is None else f"{kind}[{partition}]"
    version = latest_version(instance, kind, partition)
    if version is None:
        raise dg.Failure(f"{name} has not been materialized. Materialize it first.", allow_retries=False)
    try:
        return store.load(kind, version, partition=partition)
    except AssetsError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def materialize(
    context: dg.AssetExecutionContext,
    store: ArtifactStore,
    *,
    parents: Sequence[Artifact],
    config: Mapping[str, Any],
    make: Callable[[], Made],
    show: Callable[[Artifact], Mapping[str, Any]] = lambda artifact: {},
) -> dg.MaterializeResult:
    """The stored artifact of this recipe, or a new one.

    Args: show: what else the UI shows of the artifact, made or reused.
    The recipe is the asset's key, partition and code version, its parents' digests and its configuration.
    Raises: dg.Failure: an expected error of the domain, with its message and without a traceback.
    """
    kind = context.asset_key.to_user_string()
    # a run of assets of a seed may hold assets of none: those know nothing of the run's partition
    partition = context.partition_key if context.assets_def.partitions_def and context.has_partition_key else None
    code_version = context.assets_def.code_versions_by_key[context.asset_key] or "0"
    recipe = Recipe(
        kind=kind,
        partition=partition,
        parents={parent.manifest.artifact_id: parent.digest for parent in parents},
        config=config,
        code_version=code_version,
    )
    shown: Mapping[str, Any] = {}
    with log_context(run_id=context.run_id, asset=kind, partition=partition):
        try:
            artifact = store.find(recipe)
            is_reused = artifact is not None
            if artifact is None:
                made = make()
                artifact, shown = store.write(recipe, made.files, made.metadata), made.shown
                made.done()
        except AssetsError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        LOG.info("reused" if is_reused else "stored", extra={"fields": {"digest": artifact.digest}})
    size = sum(file.bytes for file in artifact.manifest.files)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(artifact.digest),
        metadata={
            **{name: _shown(value) for name, value in artifact.manifest.metadata.items()},
            **shown,
            **show(artifact),
            **column_lineage(kind),
            "digest": artifact.digest,
            "is_reused": is_reused,
            "stored_bytes": size,
            "folder": dg.MetadataValue.path(artifact.address),
            "review": _REVIEW,
        },
    )


def versions(*packages: str) -> dict[str, Any]:
    """Versions of packages whose results an artifact holds, for its recipe; `python` gives the interpreter's."""
    return {"versions": {p: python_version() if p == "python" else version(p) for p in packages}}


def _shown(value: Any) -> Any:
    return dg.MetadataValue.json(value) if isinstance(value, dict | list | tuple) else value


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
