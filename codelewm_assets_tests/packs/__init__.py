"""Tests of pack rows."""
