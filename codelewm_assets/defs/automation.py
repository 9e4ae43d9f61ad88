"""When assets rebuild by themselves: eagerly, while every direct parent is green and none waits to be rebuilt itself."""

import dagster as dg

from codelewm_assets.defs.jobs import run_tags
from codelewm_assets.profiles.operations import OperationsSection

AC = dg.AutomationCondition
ALL_PARENTS_GREEN = ~AC.any_deps_match(
    ~AC.all_checks_match(AC.check_passed() | AC.will_be_requested(), blocking_only=True)
)
# A parent that is older than its own parents is green on old data. It may be rebuilt in the run that is requested now.
BEHIND = AC.any_deps_match(AC.newly_updated()).since(AC.newly_updated()) & ~AC.will_be_requested()
NO_PARENT_BEHIND = ~AC.any_deps_match(BEHIND)
EAGER_WHEN_GREEN = (AC.eager() & ALL_PARENTS_GREEN & NO_PARENT_BEHIND).with_label(
    "eager_when_all_parents_are_green_and_none_is_behind"
)


def automation_sensor(operations: OperationsSection) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions, under the name that Dagster would give it; off unless the profile says so."""
    is_on = operations.automation_on
    return dg.AutomationConditionSensorDefinition(
        "default_automation_condition_sensor",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        run_tags=run_tags(operations),
    )
