"""Records, errors, digests, files and logs, shared by every stage."""
