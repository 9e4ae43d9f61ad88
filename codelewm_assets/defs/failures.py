"""Tells every failed run once through every notifier: a step that failed, a red check, a worker that died, a time-out.

A sensor of our own, as Dagster's run-failure sensor goes on when its function raises: a notifier that was down for a minute
would lose what it was to tell. This one looks at every run that ended lately and asks the ledger who has been told.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg

from codelewm_assets.core.secrets import masked
from codelewm_assets.defs.build import failure_text
from codelewm_assets.defs.masking import keeps_secrets
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.notify.message import Message
from codelewm_assets.notify.teller import Ledger, Teller

ENDED_BADLY = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
MARGIN = timedelta(minutes=10)  # runs that ended so long before the last tick are looked at again: clocks differ
TICK_BUDGET_S = 25.0  # a tick is ended after 60; one message may take up to 20 through each notifier
MOST_CAUSES = 5
MOST_CAUSE_TEXT = 1500
LEDGER_FOLDER = "notifications"
PARTITION_TAG = "dagster/partition"
WILL_RETRY_TAG = "dagster/will_retry"  # on a run that failed: "true" when it is to be retried
RETRY_GRACE_S = 600.0  # so long a failed run that is to be retried may wait for its retry


def teller(store: StoreResource, profile: ProfileResource, context: dg.SensorEvaluationContext) -> Teller:
    """The profile's notifiers, with the ledger beside the store's artifacts."""
    ledger = Ledger(store.work_folder() / LEDGER_FOLDER)
    return Teller(profile.get().operations.notify, ledger, os.environ, context.log)


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells every failed run once through each notifier of the profile; sends again what was not delivered.",
)
@keeps_secrets
def tell_failures(
    context: dg.SensorEvaluationContext, store: StoreResource, profile: ProfileResource
) -> dg.SensorResult:
    """One tick. The cursor is the time from which on a run may not have been told of."""
    started, ends_at = datetime.now(UTC), time.monotonic() + TICK_BUDGET_S
    since = datetime.fromisoformat(context.cursor) if context.cursor else started
    by = teller(store, profile, context)
    told, untold = tell_all(
        context.instance, by, since, profile.get().operations.ui_url, lambda: time.monotonic() > ends_at
    )
    cursor = max(since, min([started, *untold]) - MARGIN)  # never back before the sensor was first on
    faults = "; ".join(by.faults.values())
    text = f"{told} told, {len(untold)} not yet told." + (f" {faults}" if faults else "")
    return dg.SensorResult(skip_reason=text, cursor=cursor.isoformat())


def tell_all(
    instance: dg.DagsterInstance, by: Teller, since: datetime, ui_url: str | None, is_over: Callable[[], bool]
) -> tuple[int, list[datetime]]:
    """Tell of every failed run that was updated since, oldest first, until the time is over.

    Returns: how many runs were told of by every notifier now, and the update times of those that were not.
    """
    wanted = dg.RunsFilter(statuses=ENDED_BADLY, updated_after=since)
    told, untold = 0, list[datetime]()
    for record in instance.get_run_records(wanted, order_by="update_timestamp", ascending=True):
        run, updated = record.dagster_run, record.update_timestamp.replace(tzinfo=UTC)
        if not by.missing(run.run_id) or not _failed(instance, run):
            continue
        undecided = is_undecided(instance, record, datetime.now(UTC))  # what is told says whether it is retried
        if undecided or is_over() or not by.tell(message_of(instance, run, ui_url)):
            untold.append(updated)
        else:
            told += 1
    return told, untold


def is_undecided(instance: dg.DagsterInstance, record: dg.RunRecord, now: datetime) -> bool:
    """A run that has failed and does not say yet whether it is retried: Dagster writes that tag after the status."""
    run = record.dagster_run
    has_failed = run.status == dg.DagsterRunStatus.FAILURE and WILL_RETRY_TAG not in run.tags
    ended_s = record.end_time or record.update_timestamp.replace(tzinfo=UTC).timestamp()
    return has_failed and instance.run_retries_enabled and now.timestamp() - ended_s < RETRY_GRACE_S


def _failed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """A run that its time limit ended fails and then reads as canceled; one that a person canceled has not failed."""
    if run.status == dg.DagsterRunStatus.FAILURE:
        return True
    try:
        return bool(instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE))
    except Exception:  # whatever keeps its events from being read: told once too often is better than never
        return True


def message_of(instance: dg.DagsterInstance, run: dg.DagsterRun, ui_url: str | None) -> Message:
    """What is told of a failed run: its causes, secrets masked, whether it is retried, and where it lies."""
    facts = {"run_id": run.run_id, "job": run.job_name}
    names = {"partition": PARTITION_TAG, "backfill": "dagster/backfill", "schedule": "dagster/schedule_name"}
    facts |= {name: run.tags[tag] for name, tag in names.items() if tag in run.tags}
    retried = run.tags.get(WILL_RETRY_TAG) == "true"
    facts["is_retried"] = str(retried).lower()
    # masked before it is cut: the beginning of a secret at the cut would stay
    causes = [masked(text)[:MOST_CAUSE_TEXT] for text in _causes_known(instance, run.run_id)]
    title = run.job_name if "partition" not in facts else f"{run.job_name}[{facts['partition']}]"
    lines = [
        *causes[:MOST_CAUSES],
        *([f"… and {len(causes) - MOST_CAUSES} more."] if len(causes) > MOST_CAUSES else []),
        "It is retried." if retried else "It is not retried.",
        f"{ui_url.rstrip('/')}/runs/{run.run_id}" if ui_url else f"Run {run.run_id}.",
    ]
    first = causes[0].splitlines()[0] if causes else "no cause was stored"
    return Message(key=run.run_id, subject=f"{title} failed: {first}", text="\n".join(lines), facts=facts)


def _causes_known(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Its causes, or that they are not known: a run whose events cannot be read holds up no other."""
    try:
        return _causes(instance, run_id)
    except Exception as error:
        return [f"its events cannot be read ({type(error).__name__}: {error})"]


def _causes(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Red checks and failed steps in their own words; without one, what the run ended with."""
    kinds = {dg.DagsterEventType.ASSET_CHECK_EVALUATION, dg.DagsterEventType.STEP_FAILURE}
    found = list[str]()
    for entry in instance.all_logs(run_id, of_type=kinds):
        event = entry.dagster_event
        if event is None:
            continue
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            text = failure_text(event)
            if "DagsterAssetCheckFailedError" not in text:  # the red check says so itself
                found.append(f"{event.step_key}: {text}")
        elif not event.asset_check_evaluation_data.passed and event.asset_check_evaluation_data.blocking:
            own = event.asset_check_evaluation_data
            name = f"{own.asset_key.to_user_string()}:{own.check_name}"
            found.append(f"{name} is red: {own.description or 'it gave no reason'}")
    return found or _end(instance, run_id)


def _end(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """What a run ended with that has no failed step: the end itself, and what was said of its process before."""
    kinds = {dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELING, dg.DagsterEventType.ENGINE_EVENT}
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=kinds)]
    said = [(event.event_type, event.message) for event in events if event is not None and event.message]
    ends = [text for kind, text in said if kind != dg.DagsterEventType.ENGINE_EVENT]
    last = next((i for i, (kind, _) in enumerate(said) if kind == dg.DagsterEventType.RUN_FAILURE), len(said))
    before = [text for kind, text in said[:last] if kind == dg.DagsterEventType.ENGINE_EVENT]
    return ["; ".join([*ends, *(f"last said of its process: {text}" for text in before[-1:])])] if ends else []
