"""Tokenizer, transition model and training worker; torch is imported inside its modules only."""
