"""Pictures of findings and reports as PNG bytes. Same numbers, same bytes; nothing here computes a metric."""
