"""The product as a deployment runs it, one call after another in this process.

Runs are asked for through the web server's own GraphQL mutations, and backfills and schedules become runs in the daemon's
own functions, so that a test goes the way that people and daemons go. What is left out is processes: the queue is emptied by
`drain`, and a run is executed where it is launched. The names of Dagster used here are private; 1.13.27 is pinned.
"""

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import yaml
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import consume_new_runs_for_automatic_reexecution
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._scheduler.scheduler import launch_scheduled_runs
from dagster_graphql.client.query import (
    LAUNCH_PARTITION_BACKFILL_MUTATION,
    LAUNCH_PIPELINE_EXECUTION_MUTATION,
    LAUNCH_PIPELINE_REEXECUTION_MUTATION,
)
from dagster_graphql.test.utils import execute_dagster_graphql

from codelewm_assets.defs.failures import WILL_RETRY_TAG
from codelewm_assets.defs.inputs import latest_version
from codelewm_assets_tests.defs.stored_world import TINY, StoredWorld

LOCATION = "codelewm_assets"
CODE = """
import dagster as dg
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.defs.artifact_asset import SEED
from codelewm_assets.defs.resources import ProfileResource, StoreResource

resources = {{"store": StoreResource(root={root!r}), "profile": ProfileResource(name={profile!r})}}
training = dg.define_asset_job("training", selection=dg.AssetSelection.assets("checkpoint"))

@dg.schedule(job=training, cron_schedule="0 3 * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def nightly(context):
    return [dg.RunRequest(run_key=seed, partition_key=seed) for seed in SEED.get_partition_keys()]

defs = dg.Definitions.merge(build_defs(resources=resources), dg.Definitions(jobs=[training], schedules=[nightly]))
"""
"""The product's definitions on the store of the test, and what they lack: a schedule that only trains, and is on."""


class Deployment:
    """A store, an instance on disk, and the product loaded as a code location."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, process: WorkspaceProcessContext) -> None:
        self.folder, self.instance, self.process = folder, instance, process
        self._failed_ticks = set[int]()
        self.stored = StoredWorld(folder / "artifacts", instance)
        for kind, partition, digest in self.stored.store.artifacts():
            if latest_version(instance, kind, partition) == digest:
                artifact = self.stored.store.load(kind, digest, partition=partition)
                self.stored.latest[artifact.manifest.artifact_id] = artifact

    def launch(self, assets: Sequence[str], seed: str | None = None) -> str:
        """Materialize assets, for a seed where they have some, as the button of the UI does. Returns: the run's id, ended."""
        selector = {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": [name]} for name in assets],
        }
        tags = [] if seed is None else [{"key": "dagster/partition", "value": seed}]
        params = {"selector": selector, "runConfigData": "{}", "executionMetadata": {"tags": tags}}
        found = self._graphql(LAUNCH_PIPELINE_EXECUTION_MUTATION, {"executionParams": params})
        self.drain()
        return str(found["launchPipelineExecution"]["run"]["runId"])

    def reexecute_from_failure(self, run_id: str) -> str:
        """Re-execute a failed run from its failure, as the UI does. Returns: the new run's id, when it has ended."""
        params = {"parentRunId": run_id, "strategy": "FROM_FAILURE"}
        found = self._graphql(LAUNCH_PIPELINE_REEXECUTION_MUTATION, {"reexecutionParams": params})
        self.drain()
        return str(found["launchPipelineReexecution"]["run"]["runId"])

    def backfill(self, assets: Sequence[str], seeds: Sequence[str]) -> dict[str, str]:
        """Backfill assets over seeds, as the UI and the backfill daemon do. Returns: seed → id of its run, all ended."""
        params = {"assetSelection": [{"path": [name]} for name in assets], "partitionNames": list(seeds)}
        found = self._graphql(LAUNCH_PARTITION_BACKFILL_MUTATION, {"backfillParams": params})
        name = found["launchPartitionBackfill"]["backfillId"]
        list(execute_backfill_iteration(self.process, logging.getLogger("backfill")))
        self.drain()
        return self._by_seed(dg.RunsFilter(tags={"dagster/backfill": name}))

    def pass_a_day(self) -> dict[str, str]:
        """Let the schedule daemon see a day go by. Returns: seed → id of the run that a schedule started, all ended."""
        times: dict[str, Any] = {}
        for now in (datetime.now(UTC), datetime.now(UTC) + timedelta(days=1)):  # first it notes which schedules run
            errors = list(launch_scheduled_runs(self.process, logging.getLogger("schedule"), now, times))
            assert not any(errors), errors
        self.drain()
        return self._by_seed(dg.RunsFilter(tags={"dagster/schedule_name": "nightly"}))

    def tick_sensors(self) -> None:
        """Let the sensor daemon evaluate each sensor that is on, due or not. Raises: AssertionError: a tick failed."""
        assert not (failed := self.tick_sensors_that_may_fail()), failed

    def tick_sensors_that_may_fail(self) -> list[str]:
        """The same. Returns: what each tick that failed says."""
        with mock.patch("dagster._daemon.sensor.is_under_min_interval", return_value=False):
            errors = list(execute_sensor_iteration(self.process, logging.getLogger("sensor"), None, None))
        said = [error.to_string() for error in errors if error is not None]
        for state in self.instance.all_instigator_state():
            for tick in self.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1):
                if tick.error is not None and tick.tick_id not in self._failed_ticks:
                    self._failed_ticks.add(tick.tick_id)
                    said.append(tick.error.to_string())
        return said

    def forget_sensors(self) -> None:
        """Delete the state of every sensor, with its cursor."""
        for state in self.instance.all_instigator_state():
            self.instance.delete_instigator_state(state.instigator_origin_id, state.selector_id)

    def launch_job(self, job: str, tags: Mapping[str, str] | None = None) -> str:
        """Launch a job without partitions, as the launchpad of the UI does. Returns: the run's id; it waits in the queue."""
        selector = {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "pipelineName": job,
        }
        own = [{"key": key, "value": value} for key, value in (tags or {}).items()]
        params = {"selector": selector, "runConfigData": "{}", "executionMetadata": {"tags": own}}
        found = self._graphql(LAUNCH_PIPELINE_EXECUTION_MUTATION, {"executionParams": params})
        return str(found["launchPipelineExecution"]["run"]["runId"])

    def retry(self) -> None:
        """Let the retry daemon's own function look at every run that ended badly; what it asks for waits in the queue."""
        ended_badly = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
        records = self.instance.get_run_records(dg.RunsFilter(statuses=ended_badly))
        list(consume_new_runs_for_automatic_reexecution(self.process, records, logging.getLogger("retries")))

    @contextmanager
    def sensors_between_failure_and_tag(self) -> Iterator[None]:
        """Tick the sensors when a run has failed and does not say yet whether it is retried, which Dagster writes after."""
        add = dg.DagsterInstance.add_run_tags

        def ticked_before(instance: dg.DagsterInstance, run_id: str, new_tags: Mapping[str, str]) -> None:
            if WILL_RETRY_TAG in new_tags:
                self.tick_sensors()
            add(instance, run_id, new_tags)

        with mock.patch.object(dg.DagsterInstance, "add_run_tags", ticked_before):
            yield

    def monitor(self) -> None:
        """Let run monitoring look at every run that has not ended. Raises: AssertionError: it met an error."""
        errors = list(execute_run_monitoring_iteration(self.process, logging.getLogger("monitoring")))
        assert not any(errors), errors

    def queued(self) -> list[dg.DagsterRun]:
        """What waits in the queue, oldest first."""
        return list(reversed(self.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))))

    def drain(self) -> None:
        """Launch what waits in the queue, oldest first; each run ends before the next starts."""
        for run in self.queued():
            self.instance.launch_run(run.run_id, self.process.create_request_context())

    def succeeded(self, run_id: str) -> bool:
        """Whether a run that has ended succeeded."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None and run.is_finished, run
        return run.is_success

    def failures(self, run_id: str) -> dict[str, str]:
        """Step → what it failed with, in the words of a `dg.Failure` or of the error."""
        found = {}
        for entry in self.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
            assert entry.dagster_event is not None
            data = entry.dagster_event.step_failure_data
            told = data.user_failure_data.description if data.user_failure_data else data.error and data.error.message
            found[str(entry.step_key)] = str(told)
        return found

    def seeds_stored(self) -> set[str]:
        """Seeds that have a checkpoint in the store."""
        return {str(partition) for kind, partition, _ in self.stored.store.artifacts() if kind == "checkpoint"}

    def knows_no_checkpoint(self) -> bool:
        """Whether neither the store nor the instance has a checkpoint."""
        wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey("checkpoint"))
        return not self.seeds_stored() and not self.instance.fetch_materializations(wanted, limit=1).records

    def _graphql(self, mutation: str, variables: dict[str, Any]) -> dict[str, Any]:
        result = execute_dagster_graphql(self.process.create_request_context(), mutation, variables)
        return dict(result.data)

    def _by_seed(self, wanted: dg.RunsFilter) -> dict[str, str]:
        return {run.tags["dagster/partition"]: run.run_id for run in self.instance.get_runs(wanted)}


def instance_settings(*sections: str) -> dict[str, Any]:
    """Sections of the product's own dagster.yaml."""
    settings = yaml.safe_load((Path(__file__).parents[2] / "dagster.yaml").read_text(encoding="utf-8"))
    return {name: settings[name] for name in sections}


@contextmanager
def deployed(folder: Path, code: str = CODE, profile: str = TINY) -> Iterator[Deployment]:
    """A deployment on `folder/artifacts` and the instance in `folder/home`, with the product's retries and monitoring.

    Args: code: source of the code location, in which `root` and `profile` are filled in.
    """
    launcher = {"module": "dagster._core.launcher.sync_in_memory_run_launcher", "class": "SyncInMemoryRunLauncher"}
    (folder / "home").mkdir(exist_ok=True)
    location = folder / "code_location.py"
    location.write_text(code.format(root=str(folder / "artifacts"), profile=profile), encoding="utf-8")
    target = LoadableTargetOrigin(executable_path=sys.executable, python_file=str(location), attribute="defs")
    origin = InProcessCodeLocationOrigin(target, location_name=LOCATION)
    with (
        dg.DagsterInstance.local_temp(
            str(folder / "home"),
            overrides={"run_launcher": launcher} | instance_settings("run_retries", "run_monitoring"),
        ) as instance,
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as process,
    ):
        yield Deployment(folder, instance, process)
