"""Tests of the Dagster surface."""
