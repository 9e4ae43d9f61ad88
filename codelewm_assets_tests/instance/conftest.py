"""The stores and instances of the tests of `defs`."""

from codelewm_assets_tests.defs.conftest import _one_engine_a_database, green, started, stored, world, worlds

__all__ = ["_one_engine_a_database", "green", "started", "stored", "world", "worlds"]
