"""Decoy pairs and rerank pools made from the pack they are scored on."""
