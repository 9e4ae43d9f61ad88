"""Tests of the core: literals, digests, files, manifests, the store, records and tables."""
