"""Tests of the stage claims."""
