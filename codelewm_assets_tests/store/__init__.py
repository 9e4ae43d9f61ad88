"""Tests of manifests, the store, its backends and pruning."""
