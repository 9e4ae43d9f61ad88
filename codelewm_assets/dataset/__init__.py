"""What is trained on and scored: the pack, the fold of each problem with its near-duplicates, decoy pairs and rerank pools."""
