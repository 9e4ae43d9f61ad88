"""Which fold each problem belongs to, with its near-duplicates."""
