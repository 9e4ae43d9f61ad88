"""Tests of the stage of library code."""
