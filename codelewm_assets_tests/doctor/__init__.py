"""Tests of the doctor: each finding, as wanted and not."""
