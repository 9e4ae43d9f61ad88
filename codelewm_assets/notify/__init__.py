"""Telling people what went wrong: a message, and what delivers it. Knows nothing of runs; `defs` decides what is told."""
