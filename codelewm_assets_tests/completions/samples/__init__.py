"""Tests of imported samples."""
