"""Automation conditions: an asset rebuilds when a direct parent has new data, all are green and none is out of date itself.

The conditions were derived from simulated histories (docs/decisions/0012); each is a test.
"""

from datetime import timedelta

import dagster as dg

from codelewm_assets.core.ids import ALL_BENCHMARKS, AnyBenchmarkId
from codelewm_assets.defs.jobs import run_tags
from codelewm_assets.profiles.operations import OperationsSection

# With the nightly schedule on: one night missed warns, a week without data fails.
OF_DATA = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=7), warn_window=timedelta(hours=36))
# With the weekly schedule on: one week missed warns, two fail.
OF_REPORTS = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=15), warn_window=timedelta(days=8))

AC = dg.AutomationCondition
RELEASES: dict[AnyBenchmarkId, str] = {name: f"{name}_release" for name in ALL_BENCHMARKS}
IMPORTED_COMPLETIONS = "imported_completions"
"""Names of the observed sources. A source that cannot change is never observed, and no asset waits for it."""
OBSERVED = dg.AssetSelection.assets(*RELEASES.values(), IMPORTED_COMPLETIONS)
ALL_PARENTS_GREEN = ~AC.any_deps_match(
    ~AC.all_checks_match(AC.check_passed() | AC.will_be_requested(), blocking_only=True)
)
# Data versions are compared, not times: an unchanged result rebuilds nothing.
CHANGED = AC.any_deps_match(AC.data_version_changed() | AC.will_be_requested())
# An asset older than its parents, or with a parent requested now, is green on old data unless it is requested too.
OLDER = AC.any_deps_match(AC.data_version_changed()).since(AC.newly_updated()) & ~AC.will_be_requested()
BEHIND = OLDER | (AC.any_deps_match(AC.will_be_requested()) & ~AC.will_be_requested())
EAGER_WHEN_GREEN = (
    AC.eager().replace("any_deps_updated", CHANGED).replace("any_deps_missing", AC.any_deps_missing().ignore(OBSERVED))
    & ALL_PARENTS_GREEN
    & ~AC.any_deps_match(BEHIND | AC.any_deps_match(OLDER))  # claims read the splits, whose scores are two steps away
).with_label("when_a_parent_changed_all_are_green_and_none_is_behind")


def automation_sensor(operations: OperationsSection) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions, under Dagster's default name; off unless the profile turns it on."""
    is_on = operations.automation_on
    return dg.AutomationConditionSensorDefinition(
        "default_automation_condition_sensor",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        run_tags=run_tags(operations),
    )
