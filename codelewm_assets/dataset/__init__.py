"""Training and evaluation data: the pack, folds of problems with near-duplicates, decoy pairs and rerank pools."""
