"""Runs untrusted Python programs under limits; knows nothing of benchmarks or of expected outputs."""
