"""The decorator of every asset: the function plans its artifact, the decorator does the rest.

    @artifact_asset("decoys", deps=["execution_pack"], code_version="2", table=Decoy)
    def semantic_decoys(run: AssetRun) -> Plan:
        ...
        return Plan(make, config)

It finds the parents, reuses an artifact with the same cache key, and sets owners, tags, automation and the masking of secrets.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from inspect import getdoc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
from pydantic import BaseModel

from codelewm_assets.core.errors import AssetsError
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.logs import log_context
from codelewm_assets.defs.automation import EAGER_WHEN_GREEN
from codelewm_assets.defs.inputs import AssetOutput, Inputs, column_schema
from codelewm_assets.defs.resources import ProfileResource, StoreResource, masks_secrets
from codelewm_assets.profiles.profile import Profile
from codelewm_assets.store.cache_key import CacheKey
from codelewm_assets.store.store import Artifact

STAGES: dict[str, str] = {
    "sources": "Benchmark problems as published, or our stand-in, named as one.",
    "completions": "Programs to label, and the outcome of running each.",
    "packs": "One row per problem, completion and input.",
    "splits": "Which fold each problem belongs to.",
    "decoys": "Decoy pairs and rerank pools, made from the pack.",
    "preflight": "The decision whether training may start on exactly these artifacts.",
    "training": "Token arrays, checkpoints per seed, and diagnostics of their weights.",
    "evaluation": "Scores of held-out rows, and metric reports.",
    "claims": "Gates, claims, and the audit of published texts.",
    "release": "Reports, cards, the review site and the release plan.",
}
PARTS: dict[str, str] = {
    "sources": "data",
    "completions": "data",
    "packs": "data",
    "splits": "data",
    "decoys": "data",
    "preflight": "data",
    "training": "model",
    "evaluation": "evidence",
    "claims": "evidence",
    "release": "publication",
}
"""Stage → part of the cycle, a tag of its assets."""
PART_TAG, BLOCKING_TAG = "codelewm/part", "codelewm/gates_training"
OWNERS = ["team:evidence"]
SEED = dg.StaticPartitionsDefinition([str(seed) for seed in SEEDS])
LOG = logging.getLogger(__name__)
SEEDED: set[str] = set()
"""Names of the assets that are partitioned by seed; filled as they are defined."""
GATED_BY: dict[str, set[str]] = {}
"""Asset → its upstream assets that it reads no data from; filled as they are defined."""
REVIEW = dg.MetadataValue.md(
    "[the review site](/review_site/index.html), where `make ui` and `make review` serve the UI"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of an artifact.

    Attributes:
        make: called when no artifact with this cache key is stored.
        config: inputs of the cache key besides the parents and the asset's code version.
        parents: None: the latest artifact of each dep; of a seeded dep that of the same seed, or of all seeds.
        show: further UI metadata of the artifact, whether new or reused.
    """

    make: Callable[[], AssetOutput]
    config: Mapping[str, Any] = field(default_factory=dict)
    parents: Sequence[Artifact] | None = None
    show: Callable[[Artifact], Mapping[str, Any]] = lambda artifact: {}


class AssetRun:
    """The inputs of one asset's run.

    Attributes:
        context: Dagster's.
        store, profile_resource: its resources.
        deps: names of its upstream assets.
    """

    def __init__(self, context: dg.AssetExecutionContext, deps: Sequence[str] = ()) -> None:
        self.context, self.deps = context, deps
        self.store: StoreResource = context.resources.store
        self.profile_resource: ProfileResource = context.resources.profile
        self.exits = ExitStack()

    @cached_property
    def inputs(self) -> Inputs:
        """The latest artifacts as domain records."""
        return Inputs(self.context.instance, self.store.get(), self.profile)

    @cached_property
    def profile(self) -> Profile:
        """The profile. Raises: dg.Failure: there is none of this name, or it is faulty."""
        return self.profile_resource.get()

    @property
    def seed(self) -> str:
        """The seed of a seeded asset."""
        return self.context.partition_key

    @cached_property
    def folder(self) -> Path:
        """A temporary folder, deleted once the artifact is stored."""
        return Path(self.exits.enter_context(TemporaryDirectory(prefix=f"codelewm-{self.context.asset_key.path[-1]}-")))

    def parents(self) -> list[Artifact]:
        """The latest artifact of each dep; of a seeded dep that of the same seed, or of all seeds."""
        is_seeded = self.context.asset_key.to_user_string() in SEEDED
        keys = [
            (name, seed)
            for name in self.deps
            for seed in (([self.seed] if is_seeded else list(map(str, SEEDS))) if name in SEEDED else [None])
        ]
        self.inputs.load_together(keys)
        return [self.inputs.artifact(name, seed) for name, seed in keys]


def artifact_asset(
    stage: str,
    *,
    deps: Sequence[str] = (),
    gated_by: Collection[str] = (),
    code_version: str,
    kinds: Collection[str] = (),
    is_seeded: bool = False,
    pool: str | None = None,
    table: type[BaseModel] | None = None,
    freshness: dg.FreshnessPolicy | None = None,
    resources: Collection[str] = (),
) -> Callable[[Callable[[AssetRun], Plan]], dg.AssetsDefinition]:
    """An asset whose artifact the decorated function plans; its name and description are the function's.

    Args:
        stage: its group.
        deps: upstream assets whose data it reads.
        gated_by: upstream assets that must be green or observed first and whose data it does not read.
        code_version: increased by hand when the same inputs give other bytes.
        kinds: badges in the UI.
        is_seeded: it is partitioned by seed.
        pool: concurrency pool that limits its runs.
        table: record of its table, whose columns the UI shows.
        freshness: age above which the UI warns.
        resources: resources it needs besides `store` and `profile`.
    """

    def decorate(plan: Callable[[AssetRun], Plan]) -> dg.AssetsDefinition:
        name = plan.__name__
        GATED_BY[name] = set(gated_by)
        if is_seeded:
            SEEDED.add(name)

        @dg.asset(
            name=name,
            description=getdoc(plan),
            group_name=stage,
            owners=OWNERS,
            tags={PART_TAG: PARTS[stage]},
            kinds=set(kinds),
            partitions_def=SEED if is_seeded else None,
            deps=[*deps, *gated_by],
            code_version=code_version,
            pool=pool,
            metadata=column_schema(table) if table is not None else None,
            freshness_policy=freshness,
            automation_condition=EAGER_WHEN_GREEN,
            required_resource_keys={"store", "profile", *resources},
        )
        @masks_secrets
        def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
            run = AssetRun(context, deps)
            with run.exits:
                return _materialize(run, plan, code_version)

        return asset

    return decorate


def _materialize(run: AssetRun, planned: Callable[[AssetRun], Plan], code_version: str) -> dg.MaterializeResult:
    """The stored artifact with this cache key, or a new one.

    Raises: dg.Failure: an expected error of the domain, with its message and without a traceback.
    """
    kind, store = run.context.asset_key.to_user_string(), run.store.get()
    partition = run.seed if kind in SEEDED else None
    run_metadata: Mapping[str, Any] = {}
    with log_context(run_id=run.context.run_id, asset=kind, partition=partition):
        try:
            plan = planned(run)
            parents = run.parents() if plan.parents is None else plan.parents
            by_id = {parent.manifest.artifact_id: parent.digest for parent in parents}
            cache_key = CacheKey(
                kind=kind, partition=partition, parents=by_id, config=plan.config, code_version=code_version
            )
            artifact = store.find(cache_key)
            is_reused = artifact is not None
            if artifact is None:
                output = plan.make()
                artifact, run_metadata = store.write(cache_key, output.files, output.metadata), output.run_metadata
                output.on_stored()
        except AssetsError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        LOG.info("reused" if is_reused else "stored", extra={"fields": {"digest": artifact.digest}})
    return dg.MaterializeResult(
        data_version=dg.DataVersion(artifact.digest),
        metadata={
            **{name: _metadata_value(value) for name, value in artifact.manifest.metadata.items()},
            **run_metadata,
            **plan.show(artifact),
            "digest": artifact.digest,
            "is_reused": is_reused,
            "stored_bytes": sum(file.bytes for file in artifact.manifest.files),
            "folder": dg.MetadataValue.path(artifact.address),
            "review": REVIEW,
        },
    )


def _metadata_value(value: Any) -> Any:
    return dg.MetadataValue.json(value) if isinstance(value, dict | list | tuple) else value
