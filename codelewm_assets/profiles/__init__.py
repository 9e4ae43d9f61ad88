"""Typed profiles: data sources and sizes of a build."""
