"""Tests of the stage training."""
