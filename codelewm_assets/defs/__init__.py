"""The Dagster surface: the only folder that imports dagster. Bodies read, call one domain function, write and report."""
