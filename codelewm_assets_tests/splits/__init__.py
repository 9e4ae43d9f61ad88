"""Tests of near-duplicates and folds."""
