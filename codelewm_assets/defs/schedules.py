"""Schedules: data each night, everything each week. Off unless the profile turns them on; time zone and hours are its too."""

import dagster as dg

from codelewm_assets.profiles.operations import OperationsSection


def schedules(operations: OperationsSection) -> list[dg.ScheduleDefinition]:
    """Both schedules. Each asks for an intent, whose steps `advance_intents` starts."""
    status = dg.DefaultScheduleStatus.RUNNING if operations.schedules_on else dg.DefaultScheduleStatus.STOPPED
    return [
        dg.ScheduleDefinition(
            name=f"{often}_{intent}",
            job_name=intent,
            cron_schedule=cron,
            execution_timezone=operations.time_zone,
            default_status=status,
            description=text,
        )
        for often, intent, cron, text in (
            ("nightly", "refresh_data", operations.nightly_cron, "Rebuilds the data; what did not change is reused."),
            ("weekly", "rebuild_everything", operations.weekly_cron, "Rebuilds everything, to the release plan."),
        )
    ]
