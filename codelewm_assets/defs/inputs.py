"""Typed readers of the latest upstream artifacts; each is read once."""

from base64 import b64encode
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
from pydantic import BaseModel

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.baselines.structure import Scores, twin_pool_scores
from codelewm_assets.core.descriptions import field_descriptions
from codelewm_assets.core.errors import AssetsError
from codelewm_assets.core.ids import ALL_BENCHMARKS, artifact_id, kind_and_partition
from codelewm_assets.core.package import package_sha256, versions
from codelewm_assets.core.records import (
    Completion,
    Decoy,
    ExcludedProblem,
    LabelledCompletion,
    LibraryFunction,
    LibraryVariant,
    PackRow,
    PoolMember,
    Problem,
)
from codelewm_assets.core.sample_records import ImportedSample, SourceReading
from codelewm_assets.core.tables import R, read_table
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.near_duplicates import NearDuplicate, near_duplicates_of_pack
from codelewm_assets.profiles.profile import Profile
from codelewm_assets.store.store import Artifact, ArtifactStore

DATA_VERSION_TAG = "dagster/data_version"


@dataclass(frozen=True, slots=True)
class AssetOutput:
    """Files of a new artifact, metadata of its manifest, and metadata of this run alone (times and the like)."""

    files: Mapping[str, bytes | Path]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    run_metadata: Mapping[str, Any] = field(default_factory=dict)
    on_stored: Callable[[], object] = lambda: None  # called once the artifact is stored, to delete partial results


def latest_materializations(
    instance: dg.DagsterInstance, keys: Collection[tuple[str, str | None]]
) -> dict[tuple[str, str | None], dg.EventLogRecord]:
    """(kind, partition) → record of the latest materialization, of those that have one."""
    records = dict[tuple[str, str | None], dg.EventLogRecord | None]()
    unpartitioned = [dg.AssetKey(kind) for kind, partition in dict.fromkeys(keys) if partition is None]
    if len(unpartitioned) > 2:  # one batch query costs as much as two single ones
        for asset_record in instance.get_asset_records(unpartitioned):
            entry = asset_record.asset_entry
            records[entry.asset_key.to_user_string(), None] = entry.last_materialization_record
        unpartitioned = []
    for kind, partition in dict.fromkeys(keys):
        if partition is not None or unpartitioned:
            only = None if partition is None else [partition]
            query = dg.AssetRecordsFilter(dg.AssetKey(kind), asset_partitions=only)
            records[kind, partition] = next(iter(instance.fetch_materializations(query, limit=1).records), None)
    return {
        key: record
        for key, record in records.items()
        # else the asset was partitioned in an earlier version
        if record and record.asset_materialization and record.asset_materialization.partition == key[1]
    }


def version_of(materialized: dg.EventLogRecord) -> str | None:
    """Data version of a materialization: the digest of the artifact in the store."""
    materialization = materialized.asset_materialization
    return None if materialization is None else (materialization.tags or {}).get(DATA_VERSION_TAG)


def latest_version(instance: dg.DagsterInstance, kind: str, partition: str | None = None) -> str | None:
    """Data version of the latest materialization. None: never materialized."""
    materialized = latest_materializations(instance, [(kind, partition)]).get((kind, partition))
    return None if materialized is None else version_of(materialized)


def latest_versions(instance: dg.DagsterInstance, kind: str, *, count: int) -> list[str]:
    """The last `count` different data versions of an asset without partitions, the latest first."""
    found: dict[str, None] = {}
    cursor: str | None = None
    while len(found) < count:
        page = instance.fetch_materializations(dg.AssetKey(kind), limit=100, cursor=cursor)
        found |= dict.fromkeys(version for row in page.records if (version := version_of(row)) is not None)
        if not page.has_more:
            break
        cursor = page.cursor
    return list(found)[:count]


def latest_artifact(
    instance: dg.DagsterInstance, store: ArtifactStore, kind: str, partition: str | None = None
) -> Artifact:
    """The artifact of the latest materialization, by its digest. Raises: dg.Failure: never materialized, or not stored."""
    name = artifact_id(kind, partition)
    version = latest_version(instance, kind, partition)
    if version is None:
        raise dg.Failure(f"{name} has not been materialized. Materialize it first.", allow_retries=False)
    try:
        return store.load(kind, version, partition=partition)
    except AssetsError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def inline_png(data: bytes) -> dg.MarkdownMetadataValue:
    """A picture as metadata of the UI; tens of kilobytes at most."""
    return dg.MetadataValue.md(f"![](data:image/png;base64,{b64encode(data).decode('ascii')})")


def column_schema(model: type[BaseModel]) -> dict[str, dg.TableSchema]:
    """`dagster/column_schema` of a table of records, from the record's own fields and their descriptions."""
    texts = field_descriptions(model)
    columns = [
        dg.TableColumn(name, str(getattr(info.annotation, "__name__", info.annotation)), description=texts.get(name))
        for name, info in model.model_fields.items()
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns)}


RULE_PACKAGES = ("python", "scikit-learn", "great-expectations", "pandas", "pyarrow", "detect-secrets", "matplotlib")
"""Packages that a rule's finding or picture depends on."""
T = TypeVar("T")


class Inputs:
    """Reads by the data versions that the instance knows, never "the latest folder"."""

    def __init__(self, instance: dg.DagsterInstance, store: ArtifactStore, profile: Profile) -> None:
        self.instance, self.store, self.profile = instance, store, profile
        self._artifacts: dict[tuple[str, str | None], Artifact] = {}
        self._memo: dict[Hashable, tuple[Any, dict[str, str]]] = {}
        self._read: list[dict[str, str]] = []  # artifact id → digest, for each computation in progress

    def artifact(self, kind: str, partition: str | None = None) -> Artifact:
        """The artifact of the latest materialization. Raises: dg.Failure: never materialized, or not stored."""
        key = (kind, partition)
        if key not in self._artifacts:
            self._artifacts[key] = latest_artifact(self.instance, self.store, kind, partition)
        for read in self._read:
            read[artifact_id(kind, partition)] = self._artifacts[key].digest
        return self._artifacts[key]

    def load_together(self, keys: Iterable[tuple[str, str | None]]) -> None:
        """Prefetch artifacts with few queries; one that cannot be loaded raises only when it is read."""
        absent = [key for key in keys if key not in self._artifacts]
        for (kind, partition), record in latest_materializations(self.instance, absent).items():
            with suppress(AssetsError):
                self._artifacts[kind, partition] = self.store.load(kind, str(version_of(record)), partition=partition)

    def cached_json(self, name: str, about: Artifact, make: Callable[[], Any]) -> Any:
        """The JSON value of `make`, cached for the same artifacts, settings and code.

        It is stored with the digest of every artifact that `make` read and is computed again once one of them is not the
        latest. `make` may depend on nothing else but `preflight_settings` of the profile.
        Args: about: the artifact under which it is stored, and with which it is deleted.
        """
        key = {
            "name": name,
            "settings": self.profile.preflight_settings(),
            "code": package_sha256(),
            **versions(*RULE_PACKAGES),
        }
        stored = self.store.findings.read(about.digest, key)
        if stored is not None:
            self.load_together(map(kind_and_partition, stored["judged"]))
            if all(self._is_latest(*row) for row in stored["judged"].items()):
                return stored["value"]
        value, judged = self._traced(make)
        self.store.findings.write(about.digest, key, {"judged": judged, "value": value})
        return value

    def _is_latest(self, name: str, digest: str) -> bool:
        try:
            return self.artifact(*kind_and_partition(name)).digest == digest
        except dg.Failure:  # never materialized, or not stored
            return False

    def memoized(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `make`, computed once for these inputs; its reads are recorded at every call."""
        if key not in self._memo:
            self._memo[key] = self._traced(make)
        value, judged = self._memo[key]
        for read in self._read:
            read |= judged
        return value  # type: ignore[no-any-return]

    def _traced(self, make: Callable[[], T]) -> tuple[T, dict[str, str]]:
        """The value of `make`, and artifact id → digest of the artifacts that it read."""
        self._read.append({})
        try:
            return make(), self._read[-1]
        finally:
            self._read.pop()

    def _table(self, artifact: Artifact, name: str, model: type[R]) -> list[R]:
        return self.memoized((artifact.digest, name), lambda: list(read_table(artifact.path(name), model)))

    def _of_benchmarks(self, kind: str, file: str, model: type[R], benchmark: str | None = None) -> list[R]:
        """Rows of one benchmark, or of all that the artifact has; each has its own file."""
        artifact = self.artifact(kind)
        stored = {row.path for row in artifact.manifest.files}
        benchmarks = [benchmark] if benchmark else [name for name in ALL_BENCHMARKS if f"{name}/{file}" in stored]
        return [row for b in benchmarks for row in self._table(artifact, f"{b}/{file}", model)]

    def problems(self, benchmark: str | None = None) -> list[Problem]:
        """Problems of one benchmark, or of all."""
        return self._of_benchmarks("benchmark_problems", "problems.parquet", Problem, benchmark)

    def excluded_problems(self) -> list[ExcludedProblem]:
        """Problems excluded by the sources and by labelling."""
        kinds = ("benchmark_problems", "labelled_completions")
        return [
            ExcludedProblem.model_validate(row)
            for kind in kinds
            for row in self.artifact(kind).read_json("left_out.json")
        ]

    def completions(self) -> list[Completion]:
        """Candidate completions."""
        return self._of_benchmarks("candidate_completions", "completions.parquet", Completion)

    def samples(self) -> list[ImportedSample]:
        """Samples of models, as often as they wrote them."""
        return self._of_benchmarks("candidate_completions", "samples.parquet", ImportedSample)

    def readings(self) -> list[SourceReading]:
        """Counts of each imported source."""
        rows = self.artifact("candidate_completions").read_json("imports.json")
        return [SourceReading.model_validate(row) for row in rows]

    def llm_order(self) -> dict[str, int]:
        """Completion id → rank in the language model's own order, of completions that one wrote."""
        return {c.completion_id: c.llm_order_rank for c in self.completions() if c.llm_order_rank is not None}

    def labelled(self) -> list[LabelledCompletion]:
        """Labelled completions."""
        return self._of_benchmarks("labelled_completions", "labelled.parquet", LabelledCompletion)

    def library_functions(self) -> list[LibraryFunction]:
        """Library functions that no benchmark has."""
        return self._table(self.artifact("library_functions"), "functions.parquet", LibraryFunction)

    def library_variants(self) -> list[LibraryVariant]:
        """Labelled variants of the library functions."""
        return self._table(self.artifact("library_variants"), "variants.parquet", LibraryVariant)

    def pack(self) -> list[PackRow]:
        """Rows of the execution pack."""
        return self._table(self.artifact("execution_pack"), "pack.parquet", PackRow)

    def splits(self) -> list[ProblemSplit]:
        """The fold of each problem."""
        return self._table(self.artifact("problem_splits"), "splits.parquet", ProblemSplit)

    def decoys(self) -> list[Decoy]:
        """Decoy pairs."""
        return self._table(self.artifact("semantic_decoys"), "decoys.parquet", Decoy)

    def pools(self) -> list[PoolMember]:
        """Members of all rerank pools."""
        return self._table(self.artifact("rerank_pools"), "pools.parquet", PoolMember)

    def control_scores(self) -> list[ControlRow]:
        """The controls' scores of all completions and pool members."""
        return self._table(self.artifact("control_scores"), "controls.parquet", ControlRow)

    def structure_scores(self) -> dict[str, Scores]:
        """Every order by structure on the twin pools, computed once for the rules on it and for `pool_model`."""
        scores: dict[str, Scores] = self.cached_json(
            "structure_scores", self.artifact("rerank_pools"), lambda: twin_pool_scores(self.pools(), self.pack())
        )
        return scores

    def prompts(self) -> dict[str, str]:
        """Problem id → prompt."""
        return {p.problem_id: p.prompt for p in self.problems()}

    def references(self) -> dict[str, str]:
        """Problem id → reference program."""
        return {p.problem_id: p.reference for p in self.problems()}

    def near_duplicates(self) -> list[NearDuplicate]:
        """Near-duplicates among the pack's problems, computed and not read: the stored list may be wrong."""
        pack = self.artifact("execution_pack")

        def find() -> list[dict[str, Any]]:
            pairs = near_duplicates_of_pack(self.problems(), self.pack(), self.profile.splits.thresholds)
            return [row.model_dump(mode="json") for row in pairs]

        rows = self.cached_json("near_duplicates", pack, find)
        return [NearDuplicate.model_validate(row) for row in rows]

    def codes(self) -> dict[str, str]:
        """Completion id → program, from the pack."""
        return {row.source_submission_id: row.code_tokens for row in self.pack()}

    def benchmark_labels(self) -> dict[str, str]:
        """Benchmark id → its name in reports, from the execution pack: the problems may have been rebuilt since."""
        return dict(self.artifact("execution_pack").manifest.metadata["benchmark_labels"])
