"""Notices to people: what is sent, the outbox it waits in, and the receivers. Of runs it knows nothing."""
