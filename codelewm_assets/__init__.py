"""Benchmark packs, guarded training and claim gates for CodeLeWM, as Dagster assets."""

import os

# OpenMP threads that wait for each other by spinning cost a training several times its time on a busy machine (docs/log.md).
# Read when torch is loaded, in this process and in those that it starts.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
