"""Execution of untrusted programs. Knows nothing of benchmarks, references or expected outputs."""
