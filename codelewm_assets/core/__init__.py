"""Records, errors, digests, files and logs: every stage stands on them."""
