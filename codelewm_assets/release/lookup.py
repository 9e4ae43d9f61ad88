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
    """Finished records as one tree of plain values, and which of its paths were read.

    Keys are text, of lists their places. A value that is absent is None; a key that is not there is an error, since a
    misspelt path must not read as absent. Nothing is computed here.
    """

    def __init__(self, tree: Mapping[str, Any]) -> None:
        """Args: tree: JSON values only, as `model_dump(mode="json")` gives them."""
        self._tree = tree
        self.read: set[tuple[str, ...]] = set()

    def at(self, path: Path) -> Any:
        """The value at a path. Raises: ReportError: there is no such path."""
        found: Any = self._tree
        steps = steps_of(path)
        for place, step in enumerate(steps):
            if isinstance(found, dict) and step in found:
                found = found[step]
            elif isinstance(found, list | tuple) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            else:
                known = ", ".join(map(str, list(found)[:12])) if isinstance(found, dict) else type(found).__name__
                raise ReportError(
                    f"No record at {'.'.join(steps)}: {'.'.join(steps[:place]) or 'the records'} has no {step!r} ({known}). "
                    "Correct the path, or read it with `get` where it may be absent."
                )
        self.read.add(steps)
        return found

    def get(self, path: Path) -> Any:
        """The value at a path, None where any part of it is absent."""
        found = self._found(path)
        if found is not None:
            self.read.add(steps_of(path))
        return found

    @property
    def labels(self) -> dict[str, str]:
        """Benchmark id → what texts call it."""
        return dict(self.at("benchmark_labels"))

    @property
    def stand_ins(self) -> list[str]:
        """Labels of the benchmarks that are no published ones."""
        return [label for label in self.labels.values() if "stand-in" in label]

    def keys(self, path: Path) -> list[str]:
        """Keys under a path in their order, or places of a list; empty where it is absent. Reads no value."""
        found = self._found(path)
        if isinstance(found, dict):
            return list(found)
        return [str(place) for place in range(len(found))] if isinstance(found, list | tuple) else []

    def _found(self, path: Path) -> Any:
        found: Any = self._tree
        for step in steps_of(path):
            if isinstance(found, dict):
                found = found.get(step)
            elif isinstance(found, list | tuple) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            else:
                return None
        return found
