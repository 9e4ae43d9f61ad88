"""Partitions: benchmark, seed, and both."""

import dagster as dg

from codelewm_assets.core.ids import BENCHMARKS, SEEDS

BENCHMARK = dg.StaticPartitionsDefinition(list(BENCHMARKS))
SEED = dg.StaticPartitionsDefinition([str(seed) for seed in SEEDS])
SEED_AND_BENCHMARK = dg.MultiPartitionsDefinition({"benchmark": BENCHMARK, "seed": SEED})


def rerank_key(benchmark: str, seed: int | str) -> str:
    """Key of one report's partition; dimensions stand in the order of their names."""
    return f"{benchmark}|{seed}"
