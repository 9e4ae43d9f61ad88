"""Tokenizer, transition model and the training worker; imports torch inside its modules only."""
