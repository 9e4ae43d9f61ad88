"""Benchmark problems as published, and our stand-in. Programs of a source are run through a runner that is handed in."""
