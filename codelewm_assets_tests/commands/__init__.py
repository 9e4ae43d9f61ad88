"""The commands, a test module each."""
