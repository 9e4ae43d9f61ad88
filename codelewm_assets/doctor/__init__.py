"""Health findings about the installation and the machine, each with a remedy. Those of the Dagster instance are in instance/."""
