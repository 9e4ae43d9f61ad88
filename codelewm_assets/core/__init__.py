"""Records, errors, digests and the artifact store: what every stage stands on."""
