"""Tests of what must hold before training."""
