"""Tests of the core: literals, digests, files, records and tables."""
