"""Plots of findings and reports as PNG bytes. Same numbers, same bytes; no metrics are computed here."""
