"""Seed is the only partition: benchmarks are rows and files inside an artifact (docs/decisions/0012)."""

import dagster as dg

from codelewm_assets.core.ids import SEEDS

SEED = dg.StaticPartitionsDefinition([str(seed) for seed in SEEDS])
