"""External sources as observed assets: the data version is what a build reads, the metadata is the upstream state.

When the upstream of a pinned source moves, its version stays and nothing is rebuilt; a notice is sent. A changed pin, or changed
bytes in a file of completions, is a new version, and automation rebuilds.
"""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg

from codelewm_assets.benchmarks.watch import MISSING, Watched, fingerprint, watched_completions, watched_release
from codelewm_assets.core.digests import pretty_json, sha256_bytes
from codelewm_assets.core.errors import SourceMissingError
from codelewm_assets.core.ids import ALL_BENCHMARKS, AnyBenchmarkId
from codelewm_assets.defs.artifact_asset import PART_TAG, PARTS
from codelewm_assets.defs.automation import IMPORTED_COMPLETIONS, OBSERVED, RELEASES
from codelewm_assets.defs.benchmarks import pinned
from codelewm_assets.defs.failures import outbox
from codelewm_assets.defs.jobs import run_tags
from codelewm_assets.defs.resources import ProfileResource, StoreResource, masks_secrets
from codelewm_assets.notify.subjects import source_notice
from codelewm_assets.profiles.operations import OperationsSection
from codelewm_assets.profiles.profile import Profile

SETTLED_AFTER_S = 60.0  # a file modified more recently may still be written
UPSTREAM = "upstream"
Fingerprints = dict[str, str]  # name of a watched source → its fingerprint


def watched_by(profile: Profile, benchmark: AnyBenchmarkId | None = None) -> list[Watched]:
    """Sources that can change outside the project. Args: benchmark: of its release; None: of imported completions."""
    if benchmark is None:
        imported = [(source.file, source.repository, source.revision) for source in profile.completions.imported]
        return watched_completions(imported, os.environ)
    can_change = profile.sources.by_benchmark.get(benchmark) in ("evalplus", "cruxeval")
    return watched_release(benchmark, os.environ) if can_change else []


def _release(benchmark: AnyBenchmarkId) -> dg.SourceAsset:
    @dg.observable_source_asset(
        name=RELEASES[benchmark],
        group_name="sources",
        tags={PART_TAG: PARTS["sources"]},
        description=f"The published {benchmark} that builds read, by its pin; its metadata is the upstream state.",
    )
    @masks_secrets
    def observe(context: dg.OpExecutionContext, store: StoreResource, profile: ProfileResource) -> dg.ObserveResult:
        settings, name = profile.get(), RELEASES[benchmark]
        source = settings.sources.by_benchmark.get(benchmark)  # None: the profile does not read it
        fingerprints = _observe(context, name, watched_by(settings, benchmark), store, settings)
        return _result([source, pinned(benchmark, source) if source else None], fingerprints)

    return observe


@dg.observable_source_asset(
    name=IMPORTED_COMPLETIONS,
    group_name="sources",
    tags={PART_TAG: PARTS["sources"]},
    description="Completions of models that the profile or the environment names: bytes of files, pinned commits of datasets.",
)
@masks_secrets
def imported_completions(
    context: dg.OpExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.ObserveResult:
    """One observation."""
    watched = watched_by(profile.get())
    fingerprints = _observe(context, IMPORTED_COMPLETIONS, watched, store, profile.get())
    return _result([[source.name, source.expected or fingerprints[source.name]] for source in watched], fingerprints)


SOURCES = [*(_release(benchmark) for benchmark in ALL_BENCHMARKS), imported_completions]


def _result(version: object, fingerprints: Fingerprints) -> dg.ObserveResult:
    return dg.ObserveResult(
        data_version=dg.DataVersion(sha256_bytes(pretty_json(version))),
        metadata={UPSTREAM: dg.MetadataValue.json(fingerprints)},
    )


def _observe(
    context: dg.OpExecutionContext, asset: str, watched: Sequence[Watched], store: StoreResource, profile: Profile
) -> Fingerprints:
    """Current fingerprints, or the last known one of a source that is unreadable or still written; queues notices of changes."""
    before, current = _last(context.instance, asset), Fingerprints()
    for source in watched:
        try:
            current[source.name] = fingerprint(source, os.environ)
        except (SourceMissingError, OSError) as error:  # one unreadable source must not block the others
            context.log.error(f"{source.name} cannot be read ({error}). Make it readable, or name another.")
            current[source.name] = before.get(source.name, "unreadable")
            continue
        if source.name in before and source.kind == "file" and _is_written(Path(source.place)):
            current[source.name] = before[source.name]
        now = current[source.name]
        is_expected = now == source.expected or (source.expected is None and now != MISSING)
        if not is_expected and now != before.get(source.name):
            outbox(store).put(source_notice(source, now), profile.operations.notify)
    return current


def _is_written(path: Path) -> bool:
    return path.is_file() and time.time() - path.stat().st_mtime < SETTLED_AFTER_S


def _last(instance: dg.DagsterInstance, asset: str) -> Mapping[str, str]:
    records = instance.fetch_observations(dg.AssetKey(asset), limit=1).records
    observation = records[0].asset_observation if records else None
    recorded = observation.metadata.get(UPSTREAM) if observation is not None else None
    data = recorded.data if isinstance(recorded, dg.JsonMetadataValue) else None
    return {str(name): str(value) for name, value in data.items()} if isinstance(data, Mapping) else {}


def observing(operations: OperationsSection) -> dg.Definitions:
    """The observed sources, the job that observes them, and its schedule."""
    job = dg.define_asset_job(
        "observe_sources",
        selection=OBSERVED,
        executor_def=dg.in_process_executor,
        description="Observes the external sources; rebuilds nothing.",
        tags=run_tags(operations, OBSERVATION_LIMIT_S),
    )
    return dg.Definitions(assets=SOURCES, jobs=[job], schedules=[watch_sources])


OBSERVATION_LIMIT_S = 1800
WATCH_MINUTE = 15


@dg.schedule(
    job_name="observe_sources",
    cron_schedule=f"{WATCH_MINUTE} * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Observes the sources each hour, if the profile or the environment names one that can change.",
)
@masks_secrets
def watch_sources(context: dg.ScheduleEvaluationContext, profile: ProfileResource) -> dg.RunRequest | dg.SkipReason:
    """One tick."""
    active_profile = profile.get()
    if any(watched_by(active_profile, benchmark) for benchmark in (*ALL_BENCHMARKS, None)):
        return dg.RunRequest()
    return dg.SkipReason("The profile names no file and no revision that can change.")
