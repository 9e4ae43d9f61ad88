"""Tests of the stage evaluation."""
