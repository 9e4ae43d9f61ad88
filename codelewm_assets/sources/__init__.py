"""Benchmark problems as published, read from pinned files, the wheel or the Hub."""
