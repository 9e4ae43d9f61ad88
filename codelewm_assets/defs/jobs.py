"""Three jobs: the data, training and evaluation of one seed, and claims and release of both seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from codelewm_assets.core.ids import SEEDS
from codelewm_assets.profiles.operations import OperationsSection


def schedules(operations: OperationsSection) -> list[dg.ScheduleDefinition]:
    """Both schedules. Each launches `refresh_data`; automation rebuilds everything downstream when the data changed."""
    status = dg.DefaultScheduleStatus.RUNNING if operations.schedules_on else dg.DefaultScheduleStatus.STOPPED
    return [
        dg.ScheduleDefinition(
            name=f"{often}_refresh_data",
            job_name="refresh_data",
            cron_schedule=cron,
            execution_timezone=operations.time_zone,
            default_status=status,
            description="Rebuilds the data and reuses what did not change; automation rebuilds what is downstream.",
        )
        for often, cron in (("nightly", operations.nightly_cron), ("weekly", operations.weekly_cron))
    ]


GROUPS_OF_DATA = ("sources", "completions", "packs", "splits", "decoys", "preflight")
OF_DATA = dg.AssetSelection.groups(*GROUPS_OF_DATA) | dg.AssetSelection.assets("tokenized_pack", "scorer_scores")


@dataclass(frozen=True, slots=True)
class Step:
    """A job, and the partitions that `build` runs it for, one run each; (None,) for an unpartitioned job."""

    job: str
    purpose: str
    assets: dg.AssetSelection
    partitions: tuple[str | None, ...]


BUILD_ORDER: tuple[Step, ...] = (
    Step("refresh_data", "From the problems to preflight report, token arrays and scores of named scorers.", OF_DATA, (None,)),
    Step("train_and_evaluate", "Checkpoint of one seed, its scores and its metric reports.",
         dg.AssetSelection.groups("training", "evaluation") - OF_DATA, tuple(map(str, SEEDS))),
    Step("judge_and_publish", "Gates and claims of both seeds, report, cards, audit and what would go to the Hub; uploads nothing.",
         dg.AssetSelection.groups("claims", "release"), (None,)),
)  # fmt: skip
"""No job mixes seeded and unseeded assets: one seeded asset partitions its whole job by seed."""


def run_tags(operations: OperationsSection, limit_s: int | None = None) -> dict[str, str]:
    """Tags by which Dagster's daemon retries and ends runs.

    A run is retried from where it stopped when its worker or machine failed. A run with a failed step (a red check is one)
    is never retried.
    """
    limit = {} if limit_s is None else {"dagster/max_runtime": str(limit_s)}
    return {
        "dagster/max_retries": str(operations.infrastructure_retries),
        "dagster/retry_on_asset_or_op_failure": "false",
        "dagster/retry_strategy": "FROM_FAILURE",
    } | limit


def step_jobs(operations: OperationsSection, tags: Mapping[str, Mapping[str, Any]]) -> dg.Definitions:
    """The job of each step. Args: tags: job → tags by which a deployment routes its runs and sets their resources."""
    limits = operations.run_limits_s.model_dump()
    jobs = [
        dg.define_asset_job(
            step.job,
            selection=step.assets,
            executor_def=dg.in_process_executor,
            description=step.purpose,
            tags=run_tags(operations, limits[step.job]) | dict(tags.get(step.job, {})),
        )
        for step in BUILD_ORDER
    ]
    return dg.Definitions(jobs=jobs)
