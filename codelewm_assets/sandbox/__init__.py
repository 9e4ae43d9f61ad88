"""Running programs that are not trusted. Knows nothing of benchmarks, references or expected outputs."""
