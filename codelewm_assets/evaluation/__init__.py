"""Held-out scores, the controls and the metric reports."""
