"""What a prune asks the instance: which artifacts are live, and whether a run may still need any."""

import time
from collections.abc import Iterator

import dagster as dg
import pytest

from codelewm_assets.core.errors import AssetsError
from codelewm_assets.instance.health import (
    UNFINISHED_STATUSES,
    live_digests,
    newest_run,
    require_no_run,
    require_no_run_since,
    unfinished_runs,
)

ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def materialized(instance: dg.DagsterInstance, kind: str, digest: str, partition: str | None = None) -> None:
    tags = {"dagster/data_version": digest}
    instance.report_runless_asset_event(dg.AssetMaterialization(kind, partition=partition, tags=tags))


def run_of(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> str:
    return instance.add_run(dg.DagsterRun("refresh_data", status=status)).run_id


def test_the_latest_of_each_asset_and_partition_is_live_also_of_assets_that_are_no_longer_in_the_graph(
    instance: dg.DagsterInstance,
) -> None:
    for kind, digest, partition in [
        ("execution_pack", "old", None),
        ("execution_pack", "new", None),
        ("checkpoint", "a", "42"),
        ("checkpoint", "b", "1729"),
        ("checkpoint", "c", "42"),
        ("an_asset_of_last_year", "d", None),
    ]:
        materialized(instance, kind, digest, partition)
    assert live_digests(instance) == {"new", "b", "c", "d"}


@pytest.mark.parametrize("earlier", [0, 1])
def test_a_run_that_was_created_since_the_plan_stops_a_prune_also_when_it_has_ended(
    instance: dg.DagsterInstance, earlier: int
) -> None:
    for _ in range(earlier):
        run_of(instance, dg.DagsterRunStatus.SUCCESS)
    newest = newest_run(instance)
    require_no_run_since(instance, newest)
    run_id = run_of(instance, dg.DagsterRunStatus.SUCCESS)
    require_no_run(instance, now_s=time.time(), silent_for_s=None)
    was = (newest or "none")[:8]
    with pytest.raises(AssetsError, match=f"the newest run is {run_id[:8]}, and was {was} when .* Run prune again"):
        require_no_run_since(instance, newest)


def test_every_status_of_a_run_either_ends_it_or_stops_a_prune(instance: dg.DagsterInstance) -> None:
    assert set(UNFINISHED_STATUSES) | ENDED == set(dg.DagsterRunStatus)
    made = set(dg.DagsterRunStatus) - {dg.DagsterRunStatus.QUEUED}  # which only a loaded code location can be
    for status in made:
        run_of(instance, status)
    found = {run.status for run in unfinished_runs(instance, now_s=time.time())}
    assert found == {status.value for status in made - ENDED}


def test_a_run_in_progress_is_named_and_what_to_do(instance: dg.DagsterInstance) -> None:
    run_of(instance, dg.DagsterRunStatus.SUCCESS)
    require_no_run(instance, now_s=time.time(), silent_for_s=None)
    run_id = run_of(instance, dg.DagsterRunStatus.STARTED)
    with pytest.raises(
        AssetsError, match=rf"refresh_data {run_id[:8]} \(STARTED, silent 0\.0 h\).*--ignore-runs-silent-for HOURS"
    ):
        require_no_run(instance, now_s=time.time(), silent_for_s=None)


def test_a_run_that_is_silent_for_longer_than_said_counts_as_dead(instance: dg.DagsterInstance) -> None:
    run_of(instance, dg.DagsterRunStatus.STARTED)
    now_s = time.time() + 7200
    require_no_run(instance, now_s=now_s, silent_for_s=3600)
    with pytest.raises(AssetsError, match=r"silent 2\.0 h"):
        require_no_run(instance, now_s=now_s, silent_for_s=3 * 3600)


def test_an_event_of_a_run_ends_its_silence(instance: dg.DagsterInstance) -> None:
    run_id = run_of(instance, dg.DagsterRunStatus.STARTED)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_engine_event("still here", run)
    event = instance.get_records_for_run(run_id, limit=1, ascending=False).records[0].event_log_entry
    [found] = unfinished_runs(instance, now_s=event.timestamp + 60)
    assert found.silent_s == pytest.approx(60)
