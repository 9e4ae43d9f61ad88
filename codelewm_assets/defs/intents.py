"""Jobs by intent: what a person or a schedule asks for in one word, and the runs of `BUILD_ORDER` that it takes.

A run cannot mix seed with seed × benchmark assets, so an intent is no one run. Its job is a marker that is done at once;
the sensor `advance_intents` asks for the runs of its steps, one step after the other, through the daemon's queue with its
pools, retries and limits. It stops at the first step with a run that failed, a red blocking check included. Intents go one
at a time, oldest first: data that is rebuilt while training runs would discard what was trained. Why: docs/decisions/0009.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from codelewm_assets.defs.jobs import BUILD_ORDER, Step
from codelewm_assets.defs.secrets import keeps_secrets

INTENT_TAG = "codelewm/intent"  # name of the intent, on its marker and on every run that it asked for
MARKER_TAG = "codelewm/intent_run"  # run id of the marker, on every run that it asked for
STEP_TAG = "codelewm/step"
STATE_TAG = "codelewm/intent_state"  # on the marker: how far it is, for people
CLOSED_TAG = "codelewm/intent_closed"  # on the marker: its own run id, since a re-execution copies tags
PARTITION_TAG = "dagster/partition"
WILL_RETRY_TAG = "dagster/will_retry"  # on a run that failed: "true" when it is to be retried
RETRIED_AS_TAG = "dagster/auto_retry_run_id"  # on it: its retry, once there is one
RETRY_GRACE_S = 600.0  # so long a failed run that is to be retried may wait for its retry
STEPS = {step.job: step for step in BUILD_ORDER}


@dataclass(frozen=True, slots=True)
class Intent:
    """A job by intent: its name, what it is for, and its steps in order."""

    name: str
    purpose: str
    jobs: tuple[str, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """Its steps of `BUILD_ORDER`."""
        return tuple(STEPS[job] for job in self.jobs)


INTENTS = (
    Intent("refresh_data", "Problems, labels, pack, splits, decoys, pools and the preflight report.",
           ("label_benchmark", "make_pack")),
    Intent("train_and_evaluate", "Checkpoints of both seeds, their reports, and the gates.",
           ("train_and_score", "rerank", "judge_claims")),
    Intent("publish_evidence", "Cards, report, index, site, and what would go to the Hub; uploads nothing.",
           ("write_model_card", "release")),
    Intent("rebuild_everything", "Every step from the problems to the release plan.", tuple(STEPS)),
)  # fmt: skip


def _marker(intent: Intent) -> dg.JobDefinition:
    @dg.op(name=f"ask_for_{intent.name}", description=intent.purpose)
    @keeps_secrets
    def ask(context: dg.OpExecutionContext) -> None:
        asked = ", ".join(f"{step.job} × {len(step.partitions)}" for step in intent.steps)
        context.log.info(f"Asked for {asked}. Their runs carry the tag {MARKER_TAG}={context.run_id}.")

    @dg.job(
        name=intent.name,
        description=f"{intent.purpose} Asks for {', '.join(intent.jobs)}, a step after the other; stops at a red check.",
        tags={INTENT_TAG: intent.name, "dagster/max_runtime": "600"},
        executor_def=dg.in_process_executor,
    )
    def marker() -> None:
        ask()

    return marker


INTENT_JOBS = [_marker(intent) for intent in INTENTS]


def open_markers(instance: dg.DagsterInstance, since: datetime | None) -> list[dg.RunRecord]:
    """Markers that are not closed, oldest first. Args: since: those created before are known to be closed."""
    records = [
        record
        for intent in INTENTS
        for record in instance.get_run_records(dg.RunsFilter(job_name=intent.name, created_after=since))
    ]
    return sorted(
        (r for r in records if not _is_closed(r.dagster_run)), key=lambda r: (r.create_timestamp, r.storage_id)
    )


def _is_closed(run: dg.DagsterRun) -> bool:
    return run.is_failure_or_canceled or run.tags.get(CLOSED_TAG) == run.run_id


@dataclass(frozen=True, slots=True)
class Move:
    """What an open intent needs now: runs to ask for, or to be closed, or neither when it waits. `state` says why."""

    state: str
    requests: tuple[dg.RunRequest, ...] = ()
    is_closed: bool = False


def next_move(instance: dg.DagsterInstance, marker: dg.DagsterRun, now: datetime) -> Move:
    """What follows from the runs that a marker has so far."""
    if not marker.is_finished:
        return Move("waits for its own run to start")
    intent = next(intent for intent in INTENTS if intent.name == marker.job_name)
    for step in intent.steps:
        runs = _latest_runs(instance, marker, step)
        wanted = [partition for partition in step.partitions if partition not in runs]
        if wanted:
            requests = tuple(_request(intent, marker, step, partition) for partition in wanted)
            return Move(f"asked for {step.job}", requests)
        waiting = [
            r
            for r in runs.values()
            if not r.dagster_run.is_finished or _is_to_be_retried(r, now) or is_undecided(instance, r, now)
        ]
        if waiting:
            return Move(f"{step.job} runs: {len(runs) - len(waiting)} of {len(runs)} have ended")
        bad = [record.dagster_run for record in runs.values() if not record.dagster_run.is_success]
        if bad:
            return Move(f"stopped at {step.job}: {_named(bad)}", is_closed=True)
    return Move("done", is_closed=True)


def _latest_runs(instance: dg.DagsterInstance, marker: dg.DagsterRun, step: Step) -> dict[str | None, dg.RunRecord]:
    tags = {MARKER_TAG: marker.run_id, STEP_TAG: step.job}
    records = instance.get_run_records(dg.RunsFilter(tags=tags))  # newest first: a retry comes before what it retries
    found: dict[str | None, dg.RunRecord] = {}
    for record in records:
        found.setdefault(record.dagster_run.tags.get(PARTITION_TAG), record)
    return found


def _is_to_be_retried(record: dg.RunRecord, now: datetime) -> bool:
    """Judged by tags, as Dagster's retries are: a run that its time limit ended may read as canceled, and is retried."""
    run = record.dagster_run
    if run.is_success or run.tags.get(WILL_RETRY_TAG) != "true" or RETRIED_AS_TAG in run.tags:
        return False
    return _ended_lately(record, now)


def is_undecided(instance: dg.DagsterInstance, record: dg.RunRecord, now: datetime) -> bool:
    """A run that has failed and does not say yet whether it is retried: Dagster writes that tag after the status."""
    run = record.dagster_run
    has_failed = run.status == dg.DagsterRunStatus.FAILURE and WILL_RETRY_TAG not in run.tags
    return has_failed and instance.run_retries_enabled and _ended_lately(record, now)


def _ended_lately(record: dg.RunRecord, now: datetime) -> bool:
    ended_s = record.end_time or record.update_timestamp.replace(tzinfo=UTC).timestamp()
    return now.timestamp() - ended_s < RETRY_GRACE_S


def _request(intent: Intent, marker: dg.DagsterRun, step: Step, partition: str | None) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{marker.run_id}:{step.job}:{partition or ''}",  # a tick that is done again asks for no second run
        job_name=step.job,
        partition_key=partition,
        tags={INTENT_TAG: intent.name, MARKER_TAG: marker.run_id, STEP_TAG: step.job},
    )


def _named(runs: Sequence[dg.DagsterRun]) -> str:
    return ", ".join(f"run {run.run_id[:8]} {run.status.value.lower()}" for run in runs)


def intent_sensor(step_jobs: Sequence[Any]) -> dg.SensorDefinition:
    """The sensor `advance_intents`. Args: step_jobs: the job of each step, as the definitions hold them."""

    @dg.sensor(
        name="advance_intents",
        jobs=step_jobs,
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for the next step of the oldest open intent when the one before has succeeded. "
        "With it off, an intent that is launched stays a marker.",
    )
    @keeps_secrets
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        return _advance(context, datetime.now(UTC))

    return sensor


def _advance(context: dg.SensorEvaluationContext, now: datetime) -> dg.SensorResult | dg.SkipReason:
    """One move of the oldest open intent; one that closes lets the next have its first move."""
    since = datetime.fromisoformat(context.cursor) if context.cursor else None
    for record in open_markers(context.instance, since):
        marker = record.dagster_run
        move = next_move(context.instance, marker, now)
        tags = {STATE_TAG: move.state[:250]} | ({CLOSED_TAG: marker.run_id} if move.is_closed else {})
        if not tags.items() <= marker.tags.items():
            context.instance.add_run_tags(marker.run_id, tags)
        if move.is_closed:
            context.log.info(f"{marker.job_name} {marker.run_id[:8]}: {move.state}")
            continue
        return dg.SensorResult(
            run_requests=list(move.requests),
            skip_reason=None if move.requests else f"{marker.job_name} {marker.run_id[:8]}: {move.state}",
            cursor=(record.create_timestamp - timedelta(seconds=1)).isoformat(),  # it stays in sight
        )
    return dg.SkipReason("No intent is open.")
