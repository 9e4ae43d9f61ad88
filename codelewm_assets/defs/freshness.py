"""How old data and reports may be before the UI says so. A policy only shows; it starts and holds back nothing."""

from datetime import timedelta

import dagster as dg

# With the nightly schedule on: one night missed warns, a week without data fails.
OF_DATA = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=7), warn_window=timedelta(hours=36))
# With the weekly schedule on: one week missed warns, two fail.
OF_REPORTS = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=15), warn_window=timedelta(days=8))
