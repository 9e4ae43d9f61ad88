"""Notification of failed runs: a failed step, a red check, a dead worker, a time limit.

`tell_failures` writes one notice per failure into the outbox on disk, `send_notices` delivers it. Dagster's run-failure sensor
does not retry a function that raised, so without the outbox a receiver that is down for a minute would miss the notice.
"""

import os
import time

import dagster as dg

from codelewm_assets.core.errors import NotifyError
from codelewm_assets.defs.resources import ProfileResource, StoreResource, masks_secrets
from codelewm_assets.notify.outbox import Outbox
from codelewm_assets.notify.receivers import deliver
from codelewm_assets.notify.subjects import run_notice

TICK_BUDGET_S = 25.0  # a tick is ended after 60; a receiver may take 8 for a notice
OUTBOX_FOLDER = "notifications"
WILL_RETRY_TAG = "dagster/will_retry"  # Dagster writes it on a failed run just after the failure


def outbox(store: StoreResource) -> Outbox:
    """The outbox beside the store's artifacts."""
    return Outbox(store.work_folder() / OUTBOX_FOLDER)


@dg.run_failure_sensor(
    monitor_all_code_locations=True,  # without it Dagster shows no run of `build`, which is of no code location
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Queues one notice per failed run for each receiver of the profile; send_notices delivers it.",
)
@masks_secrets
def tell_failures(context: dg.RunFailureSensorContext, store: StoreResource, profile: ProfileResource) -> None:
    """Queue the notice of one failed run. Raises: NotifyError: its events cannot be read; the notice says so too."""
    operations, run, fault = profile.get().operations, context.dagster_run, None
    try:
        causes = _causes(context.instance, run.run_id)
    except Exception as error:  # a run with unreadable events must not block the others
        causes, fault = [f"its events cannot be read ({type(error).__name__}: {error})"], error
    will_retry = run.tags.get(WILL_RETRY_TAG, "unknown" if context.instance.run_retries_enabled else "false")
    notice = run_notice(run.job_name, run.run_id, run.tags, causes, will_retry=will_retry, ui_url=operations.ui_url)
    outbox(store).put_or_deliver(notice, operations.notify, os.environ, context.log, deliver)
    if fault is not None:  # on success Dagster adds an event to the run, which would fail as well
        raise NotifyError(f"The events of run {run.run_id} cannot be read; its notice says so.") from fault


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Delivers notices to the receivers of the profile; a failed delivery is retried at the next tick.",
)
@masks_secrets
def send_notices(context: dg.SensorEvaluationContext, store: StoreResource, profile: ProfileResource) -> dg.SkipReason:
    """One tick. The skip reason and the log hold each receiver's error."""
    ends_at, receivers = time.monotonic() + TICK_BUDGET_S, profile.get().operations.notify
    sent, waiting, faults = outbox(store).send(
        receivers, os.environ, context.log, deliver, lambda: time.monotonic() > ends_at
    )
    for fault in faults.values():
        context.log.error("Not delivered, will be retried at the next tick: %s", fault)
    return dg.SkipReason("; ".join([f"{sent} sent, {waiting} waiting", *faults.values()]))


def failure_text(event: dg.DagsterEvent) -> str:
    """The message of a failed step: the description of a `dg.Failure`, else the message of the root cause."""
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return "failed" if error is None else error.message.strip()


def _causes(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Messages of red checks and failed steps; without any, the end of the run."""
    kinds = {dg.DagsterEventType.ASSET_CHECK_EVALUATION, dg.DagsterEventType.STEP_FAILURE}
    causes = list[str]()
    for entry in instance.all_logs(run_id, of_type=kinds):
        event = entry.dagster_event
        if event is None:
            continue
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            text = failure_text(event)
            if "DagsterAssetCheckFailedError" not in text:  # the red check says so itself
                causes.append(f"{event.step_key}: {text}")
        elif not event.asset_check_evaluation_data.passed and event.asset_check_evaluation_data.blocking:
            evaluation = event.asset_check_evaluation_data
            name = f"{evaluation.asset_key.to_user_string()}:{evaluation.check_name}"
            causes.append(f"{name} is red: {evaluation.description or 'it gave no reason'}")
    return causes or _end(instance, run_id)


def _end(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """The end of a run without a failed step: its last event, and the last message about its process."""
    kinds = {dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELING, dg.DagsterEventType.ENGINE_EVENT}
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=kinds)]
    messages = [(event.event_type, event.message) for event in events if event is not None and event.message]
    ends = [text for kind, text in messages if kind != dg.DagsterEventType.ENGINE_EVENT]
    last = next((i for i, (kind, _) in enumerate(messages) if kind == dg.DagsterEventType.RUN_FAILURE), len(messages))
    before = [text for kind, text in messages[:last] if kind == dg.DagsterEventType.ENGINE_EVENT]
    return ["; ".join([*ends, *(f"last said of its process: {text}" for text in before[-1:])])] if ends else []
