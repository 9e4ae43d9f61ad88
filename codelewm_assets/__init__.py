"""Benchmark packs, guarded training and claim gates for CodeLeWM, as Dagster assets."""
