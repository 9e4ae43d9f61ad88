"""Figures by record path. Report, cards and tables take every number from here, so a changed record changes the text."""

from collections.abc import Mapping, Sequence
from typing import Any

from codelewm_assets.core.errors import ReportError

Path = str | Sequence[str | int]
"""`seed.42.retrieval.query_count`, or its parts as a sequence where a key holds a dot itself."""


def steps_of(path: Path) -> tuple[str, ...]:
    """The keys of a path, outermost first."""
    return tuple(path.split(".") if isinstance(path, str) else map(str, path))


class Records:
    """Finished records as one tree of plain values, which records the paths that were read.

    Keys are strings, or list indices as strings. An absent value is None; an unknown key is an error, since a misspelt path must
    not read as absent. Nothing is computed here.
    """

    def __init__(self, tree: Mapping[str, Any]) -> None:
        """Args: tree: JSON values only, as from `model_dump(mode="json")`."""
        self._tree = tree
        self.read: set[tuple[str, ...]] = set()

    def at(self, path: Path) -> Any:
        """The value at a path. Raises: ReportError: the path does not exist."""
        value: Any = self._tree
        steps = steps_of(path)
        for depth, step in enumerate(steps):
            if isinstance(value, dict) and step in value:
                value = value[step]
            elif isinstance(value, list | tuple) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            else:
                known = ", ".join(map(str, list(value)[:12])) if isinstance(value, dict) else type(value).__name__
                raise ReportError(
                    f"No record at {'.'.join(steps)}: {'.'.join(steps[:depth]) or 'the records'} has no {step!r} ({known}). "
                    "Correct the path, or read it with `get` where it may be absent."
                )
        self.read.add(steps)
        return value

    def get(self, path: Path) -> Any:
        """The value at a path, or None if any part of the path is absent."""
        value = self._lookup(path)
        if value is not None:
            self.read.add(steps_of(path))
        return value

    @property
    def labels(self) -> dict[str, str]:
        """Benchmark id → its name in texts."""
        return dict(self.at("benchmark_labels"))

    @property
    def stand_ins(self) -> list[str]:
        """Labels of the stand-in benchmarks."""
        return [label for label in self.labels.values() if "stand-in" in label]

    def keys(self, path: Path) -> list[str]:
        """Keys under a path in order, or indices of a list; empty if absent. Reads no value."""
        value = self._lookup(path)
        if isinstance(value, dict):
            return list(value)
        return [str(index) for index in range(len(value))] if isinstance(value, list | tuple) else []

    def _lookup(self, path: Path) -> Any:
        value: Any = self._tree
        for step in steps_of(path):
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list | tuple) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            else:
                return None
        return value
