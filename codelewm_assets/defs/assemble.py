"""Assembles the definitions that Dagster loads. No environment variable changes the graph.

The profile sets the schedules and the time limits of runs; it is read here, when the definitions load.
"""

import os
from typing import Any

import dagster as dg

from codelewm_assets.defs import (
    benchmarks,
    claims,
    completions,
    critic,
    dataset,
    evaluation,
    hub_release,
    library,
    preflight,
    published,
    release,
    scorers,
    training,
)
from codelewm_assets.defs.artifact_asset import BLOCKING_TAG
from codelewm_assets.defs.automation import automation_sensor
from codelewm_assets.defs.failures import send_notices, tell_failures
from codelewm_assets.defs.guards import BLOCKING_CHECKS
from codelewm_assets.defs.jobs import schedules, step_jobs
from codelewm_assets.defs.resources import ProfileResource, default_resources
from codelewm_assets.defs.source_watch import observing
from codelewm_assets.defs.status import Listing
from codelewm_assets.profiles.operations import OperationsSection, read_job_tags
from codelewm_assets.profiles.profile import load_profile

STAGE_MODULES = (
    benchmarks, library, completions, dataset, preflight, training, critic, scorers, evaluation, claims, published, release,
    hub_release,
)  # fmt: skip


def listing() -> Listing:
    """Every asset and check of the graph."""
    return Listing.of(_of_stages("ASSETS"), _of_stages("CHECKS"))


def _of_stages(name: str) -> list[Any]:
    return [definition for module in STAGE_MODULES for definition in getattr(module, name)]


def build_defs(*, resources: dict[str, dg.ConfigurableResource] | None = None) -> dg.Definitions:
    """The definitions.

    Args: resources: `store` and `profile`; from the environment by default.
    Raises: ProfileError: the profile does not exist or is invalid.
    """
    resources = resources or default_resources()
    profile = resources["profile"]
    assert isinstance(profile, ProfileResource)
    return dg.Definitions.merge(
        dg.Definitions(
            assets=dg.map_asset_specs(_tagged, _of_stages("ASSETS")),
            asset_checks=_of_stages("CHECKS"),
            resources=resources | {"listing": listing()},
            executor=dg.in_process_executor,
        ),
        operating(load_profile(profile.name).operations),
    )


def _tagged(spec: dg.AssetSpec) -> dg.AssetSpec:
    """The spec, tagged when a check on it blocks training."""
    is_blocking = spec.key.to_user_string() in {asset for asset, _ in BLOCKING_CHECKS}
    return spec.merge_attributes(tags={BLOCKING_TAG: "true"}) if is_blocking else spec


def operating(operations: OperationsSection) -> dg.Definitions:
    """Jobs, schedules, sensors and observed sources of a profile."""
    steps = step_jobs(operations, read_job_tags(os.environ.get("CODELEWM_JOB_TAGS")))
    sensors = [tell_failures, send_notices, automation_sensor(operations)]
    return dg.Definitions.merge(
        steps, dg.Definitions(schedules=schedules(operations), sensors=sensors), observing(operations)
    )
