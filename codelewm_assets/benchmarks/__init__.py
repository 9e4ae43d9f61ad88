"""Benchmark problems as published, and our stand-in. Programs of a source are run by an injected runner."""
