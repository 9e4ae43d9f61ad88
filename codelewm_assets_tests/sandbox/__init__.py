"""Tests of the sandbox: one for each promise."""
