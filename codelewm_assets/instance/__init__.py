"""Running the graph: the Dagster instance, its processes, its web server, and builds of all jobs in order."""
