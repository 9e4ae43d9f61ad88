"""The Dagster layer: the only folder that imports dagster."""
