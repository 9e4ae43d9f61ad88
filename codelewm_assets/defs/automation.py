"""When assets rebuild by themselves: eagerly, and only while every blocking check of every direct parent is green."""

import dagster as dg

AC = dg.AutomationCondition
ALL_PARENTS_GREEN = ~AC.any_deps_match(
    ~AC.all_checks_match(AC.check_passed() | AC.will_be_requested(), blocking_only=True)
)
EAGER_WHEN_GREEN = (AC.eager() & ALL_PARENTS_GREEN).with_label("eager_when_all_parents_are_green")
