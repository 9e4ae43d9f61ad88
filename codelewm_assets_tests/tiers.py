"""The two tiers of the tests: `slow` ones are marked by the fixtures that they ask for."""

from collections.abc import Callable
from typing import TypeVar

import pytest

F = TypeVar("F", bound=Callable[..., object])


def slow(fixture: F) -> F:
    """Declare that a fixture starts a process or a server, or computes for seconds: its tests are marked `slow`.

    Stands below `@pytest.fixture`; pytest applies no marks to fixtures.
    """
    fixture.is_slow = True  # type: ignore[attr-defined]
    return fixture


def has_slow_fixture(item: pytest.Item) -> bool:
    """Whether a test asks for a fixture that is declared `slow`, itself or by way of another."""
    info = getattr(item, "_fixtureinfo", None)
    return info is not None and any(
        getattr(definitions[-1].func, "is_slow", False) for definitions in info.name2fixturedefs.values() if definitions
    )
