"""Tests of decoy pairs and rerank pools."""
