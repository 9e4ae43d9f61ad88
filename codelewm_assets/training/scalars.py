"""A run's metrics as scalars that TensorBoard reads, beside the event stream. No torch here."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DIAGNOSTICS = ("effective_rank_ratio", "median_variance", "neighbour_entropy")


def scalars_of(event: Mapping[str, Any]) -> dict[str, float]:
    """Tag → value of what an event tells in numbers; tags begin with the fold."""
    fold = f"fold {event.get('fold')}"
    if event["event"] == "progress":
        found = dict(event["metrics"]) | {"examples_per_second": event["examples_per_second"]}
        return {f"{fold}/{name}": float(value) for name, value in found.items() if value is not None}
    if event["event"] == "collapse_diagnostics":
        return {f"{fold}/{name}": float(event[name]) for name in DIAGNOSTICS if event.get(name) is not None}
    return {}


def is_available() -> bool:
    """Whether TensorBoard's writer is installed; the extra `[tensorboard]` brings it."""
    return importlib.util.find_spec("tensorboard") is not None


@contextmanager
def scalar_writer(folder: Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """What writes an event's scalars as they come. Raises: ModuleNotFoundError: TensorBoard is not installed."""
    from tensorboard.summary import Writer

    folder.mkdir(parents=True, exist_ok=True)
    writer = Writer(str(folder))

    def write(event: Mapping[str, Any]) -> None:
        for tag, value in scalars_of(event).items():
            writer.add_scalar(tag, value, int(event["step"]))
        writer.flush()

    try:
        yield write
    finally:
        writer.close()
