"""Text-only controls that a scorer must beat, shared by preflight, which refuses pools that they solve, and evaluation."""
