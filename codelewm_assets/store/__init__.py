"""Content-addressed artifacts: manifests, cache keys, the store and its backends, verification and pruning."""
