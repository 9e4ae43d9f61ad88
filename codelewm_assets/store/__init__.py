"""Content-addressed artifacts: manifests, recipes, the store and its backends, verification and pruning."""
