"""Rules that must hold before training, evaluated on exactly the training data."""
