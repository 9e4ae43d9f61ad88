"""Typed profiles: which data and which sizes flow through the graph."""
