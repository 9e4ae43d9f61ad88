"""What can be wrong with an installation or a machine, each with a remedy. What the Dagster instance says is in defs/."""
