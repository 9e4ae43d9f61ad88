"""What a scorer must beat: scores that read text only. Shared by preflight, which refuses pools they solve, and evaluation."""
