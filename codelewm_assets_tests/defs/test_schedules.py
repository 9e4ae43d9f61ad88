"""Schedules and automation: off unless the profile turns them on, at its hours in its time zone; a tick launches the job itself."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._scheduler.scheduler import launch_scheduled_runs

from codelewm_assets.defs.assemble import build_defs, operating
from codelewm_assets.defs.benchmarks import benchmark_problems
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.profiles.operations import OperationsSection
from codelewm_assets.profiles.profile import profile_names
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets_tests.defs.deployment import Deployment, deployed
from codelewm_assets_tests.defs.operating_profile import profile_with
from codelewm_assets_tests.defs.stored_world import QUIET
from codelewm_assets_tests.defs.stub_graph import CODE


def _of(defs: dg.Definitions) -> dict[str, Any]:
    return {own.name: own for own in [*(defs.schedules or ()), *(defs.sensors or ())]}  # type: ignore[union-attr]


@pytest.mark.parametrize("name", profile_names())
def test_no_shipped_profile_starts_anything_by_itself(name: str) -> None:
    found = _of(build_defs(resources={"store": StoreResource(), "profile": ProfileResource(name=name)}))
    off = ["nightly_refresh_data", "weekly_refresh_data", "default_automation_condition_sensor"]
    assert [found[own].default_status.value for own in off] == ["STOPPED"] * 3


def test_a_profile_turns_schedules_and_automation_on_each_for_itself() -> None:
    found = _of(operating(OperationsSection(schedules_on=True)))
    assert found["nightly_refresh_data"].default_status.value == "RUNNING"
    assert found["weekly_refresh_data"].default_status.value == "RUNNING"
    assert found["default_automation_condition_sensor"].default_status.value == "STOPPED"
    found = _of(operating(OperationsSection(automation_on=True)))
    assert found["nightly_refresh_data"].default_status.value == "STOPPED"
    assert found["default_automation_condition_sensor"].default_status.value == "RUNNING"


def test_hours_and_time_zone_are_the_profiles() -> None:
    found = _of(operating(OperationsSection(time_zone="Asia/Tokyo", nightly_cron="5 1 * * *", weekly_cron="0 3 * * 6")))
    nightly, weekly = found["nightly_refresh_data"], found["weekly_refresh_data"]
    assert (nightly.cron_schedule, nightly.execution_timezone) == ("5 1 * * *", "Asia/Tokyo")
    assert (weekly.cron_schedule, weekly.execution_timezone) == ("0 3 * * 6", "Asia/Tokyo")


@pytest.fixture
def tokyo(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path, CODE, profile_with(tmp_path, schedules_on=True, time_zone="Asia/Tokyo")) as found:
        yield found


def test_a_night_in_the_profiles_time_zone_asks_for_fresh_data_once(tokyo: Deployment) -> None:
    """2:00 in Tokyo is 17:00 UTC of the day before; the dates are in no daylight saving and on no Sunday."""
    times: dict[str, Any] = {}
    hours = [(16, 59), (17, 1), (17, 2), (18, 0)]
    for hour, minute in hours:
        now = datetime(2031, 3, 4, hour, minute, tzinfo=UTC)
        errors = list(launch_scheduled_runs(tokyo.process, logging.getLogger("schedule"), now, times))
        assert not any(errors), errors
        queued = [run.job_name for run in tokyo.queued()]
        assert queued == ([] if (hour, minute) == (16, 59) else ["refresh_data"])


def test_another_operations_section_rebuilds_nothing(tmp_path: Path) -> None:
    """Hours, notifiers and limits are in no artifact's recipe."""
    made = []
    with dg.DagsterInstance.ephemeral() as instance:
        for operations in ({}, {"nightly_cron": "1 1 * * *", "infrastructure_retries": 4, "automation_on": True}):
            profile = profile_with(tmp_path, **operations)
            resources = {
                "store": StoreResource(root=str(tmp_path / "artifacts")),
                "profile": ProfileResource(name=profile),
            }
            made.append(dg.materialize([benchmark_problems], instance=instance, 
                                       resources=resources, run_config=QUIET))  # fmt: skip
    metadata = [run.asset_materializations_for_node("benchmark_problems")[0].metadata for run in made]
    assert [found["is_reused"].value for found in metadata] == [False, True]
    assert len(list(ArtifactStore(tmp_path / "artifacts").artifacts())) == 1


def test_the_pack_and_the_reports_say_how_old_they_may_be() -> None:
    """A nightly refresh has 12 hours until the pack warns; a weekly one of the reports has a day."""
    graph = build_defs().resolve_asset_graph()
    policies = {key.to_user_string(): graph.get(key).freshness_policy for key in graph.get_all_asset_keys()}
    reports = ["latent_probe_report", "p_pass_calibration", "rerank_report", "results_report", "retrieval_report",
               "surprise_report"]  # fmt: skip
    of_data = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=7), warn_window=timedelta(hours=36))
    of_reports = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=15), warn_window=timedelta(days=8))
    wanted = {"execution_pack": of_data, **dict.fromkeys(reports, of_reports)}
    assert {name: policy for name, policy in policies.items() if policy is not None} == wanted
