"""What runs the graph: a Dagster instance, its processes, its web server, and builds of every job in order."""
