"""The Dagster surface: the only folder that imports dagster. Bodies read, call one domain function, write and report."""

import warnings

import dagster as dg

# Partitioned checks and partition mappings are marked preview and beta in 1.13.27; docs/decisions/0002 says why they are used.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)
