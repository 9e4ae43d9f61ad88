"""Tests of variants, oracles and labels."""
