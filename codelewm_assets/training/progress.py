"""The event stream of a long step: writing a line, reading a stream, summing it up. No torch here."""

import json
from pathlib import Path
from typing import Any

from codelewm_assets.core.errors import ReportError


def event_line(event: dict[str, Any]) -> str:
    """One line of the event stream."""
    return json.dumps(event, sort_keys=True) + "\n"


def read_events(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Events of the stream, and the number of the first line that is cut off or malformed (0 when none is).

    Raises: ReportError: the file cannot be read or holds no event.
    """
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(
            f"{path.name} cannot be read ({error}). Name the progress.jsonl of a training run."
        ) from error
    events: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return _some(events, path), number
        if not _is_event(event):
            return _some(events, path), number
        events.append(event)
    return _some(events, path), 0


STEP_FIELDS = ("fold", "step", "steps", "train_loss", "val_loss", "elapsed_s")


def _is_event(event: Any) -> bool:
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return False
    return event["event"] != "step" or (isinstance(event.get("fold"), int) and set(STEP_FIELDS) <= set(event))


def _some(events: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    if not events:
        raise ReportError(f"{path.name} holds no event; wanted one JSON object with an `event` field a line.")
    return events


def summarise(events: list[dict[str, Any]]) -> dict[str, Any]:
    """State (`running`, `finished` or `failed`), step reached, losses, and time by the last events."""
    steps = [event for event in events if event["event"] == "step"]
    last = steps[-1] if steps else None
    kinds = {event["event"] for event in events}
    return {
        "state": "failed" if "failed" in kinds else "finished" if "finished" in kinds else "running",
        "seed": next((event["seed"] for event in events if "seed" in event), None),
        "folds_started": sorted({event["fold"] for event in steps}),
        "step": last["step"] if last else None,
        "steps": last["steps"] if last else None,
        "train_loss": last["train_loss"] if last else None,
        "val_loss": last["val_loss"] if last else None,
        "elapsed_s": last["elapsed_s"] if last else None,
        "events": len(events),
    }
