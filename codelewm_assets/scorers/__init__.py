"""Scorers: each gives a completion a probability of passing without running it."""
