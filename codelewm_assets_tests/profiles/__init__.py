"""Tests of the profiles: what loads and what is refused."""
