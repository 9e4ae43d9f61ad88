"""Schedules: the data each night, and once a week. Off unless the profile turns them on; time zone and hours are its too."""

import dagster as dg

from codelewm_assets.profiles.operations import OperationsSection


def schedules(operations: OperationsSection) -> list[dg.ScheduleDefinition]:
    """Both schedules. Each launches `refresh_data` itself; automation carries on to the claims when the data changed."""
    status = dg.DefaultScheduleStatus.RUNNING if operations.schedules_on else dg.DefaultScheduleStatus.STOPPED
    return [
        dg.ScheduleDefinition(
            name=f"{often}_refresh_data",
            job_name="refresh_data",
            cron_schedule=cron,
            execution_timezone=operations.time_zone,
            default_status=status,
            description="Rebuilds the data; what did not change is reused. What follows from it is automation's.",
        )
        for often, cron in (("nightly", operations.nightly_cron), ("weekly", operations.weekly_cron))
    ]
