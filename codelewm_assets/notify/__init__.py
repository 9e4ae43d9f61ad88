"""Notices to people: content, outbox and receivers. Independent of runs."""
