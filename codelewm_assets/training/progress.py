"""The event stream of a long step: writing a line, reading a stream, summing it up. No torch here.

Kinds of a training run's events: `start`, `progress`, `collapse_diagnostics`, `checkpoint`, `complete`, `error`. Each carries
`seq`, counted from 0, and `time_s`, seconds since the epoch.
"""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from codelewm_assets.core.errors import ReportError

JOB_EVENT = "CODELEWM_JOB_EVENT "
STREAM = "reports/job_progress.jsonl"  # under a worker's output folder
TIMED = ("time_s", "seq", "elapsed_s", "eta_s", "examples_per_second")  # differ between equal runs
LEAST_SILENCE_S = 30.0  # below it nothing is called stalled
RHYTHM_MULTIPLE = 10.0  # silence longer than so many usual gaps between two events is a stall


def event_line(event: Mapping[str, Any]) -> str:
    """One line of the event stream."""
    return json.dumps(event, sort_keys=True) + "\n"


def job_event_line(event: Mapping[str, Any]) -> str:
    """The same event as a line of a job's log, which status tools look for by its prefix."""
    return JOB_EVENT + event_line(event)


def job_event(line: str) -> dict[str, Any] | None:
    """The event in a line of a job's log, None for any other line."""
    _, found, text = line.partition(JOB_EVENT)
    if not found:
        return None
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return event if _is_event(event) else None


def timeless(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Events as equal runs have them: without times and without what ended earlier attempts, each told once."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for event in events:
        if event["event"] == "error":
            continue
        key = event["event"], event.get("fold"), event.get("step")
        found[key] = {name: value for name, value in event.items() if name not in TIMED}
    return list(found.values())


def read_events(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Events of the stream, and the number of the first line that is cut off or malformed (0 when none is).

    Raises: ReportError: the file cannot be read or holds no event.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(
            f"{path.name} cannot be read ({error}). Name the job_progress.jsonl of a training run."
        ) from error
    events: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line.removeprefix(JOB_EVENT))
        except (ValueError, RecursionError):
            return _some(events, path), number
        if not _is_event(event):
            return _some(events, path), number
        events.append(event)
    return _some(events, path), 0


def _is_event(event: Any) -> bool:
    """An object with the name of its kind, and in the fields that are read here what they are read as."""
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return False
    wanted = {"fold": int, "step": int, "steps": int, "metrics": dict}
    return all(name not in event or isinstance(event[name], kind) for name, kind in wanted.items())


def _some(events: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    if not events:
        raise ReportError(f"{path.name} holds no event; wanted one JSON object with an `event` field a line.")
    return events


def summarise(
    events: Sequence[Mapping[str, Any]], *, now_s: float, collapse_floors: Mapping[str, float]
) -> dict[str, Any]:
    """What a stream says of its run.

    Args:
        now_s: seconds since the epoch, to tell a silent run from one at work.
        collapse_floors: least value of each figure of `collapse_diagnostics`; those of the claim gate.
    Returns: `state` (`complete`, `failed`, `collapsed`, `stalled` or `running`), `collapse` (`ok`, `collapsed`, or `unknown`
        without diagnostics), step reached, metrics, pace, and the silence since the last event with what is usual.
    """
    steps = [event for event in events if event["event"] == "progress"]
    last: Mapping[str, Any] = steps[-1] if steps else {}
    collapse = collapse_state(events, collapse_floors)
    silence_s, usual_s = _silence(events, now_s)
    is_stalled = silence_s is not None and silence_s > max(LEAST_SILENCE_S, RHYTHM_MULTIPLE * (usual_s or 0.0))
    ended = _ended(events)
    state = ended or ("stalled" if is_stalled else "running")
    if collapse == "collapsed" and state != "failed":
        state = "collapsed"
    return {
        "state": state,
        "collapse": collapse,
        "seed": next((event["seed"] for event in events if "seed" in event), None),
        "folds_started": sorted({event["fold"] for event in steps if "fold" in event}),
        "step": last.get("step"),
        "steps": last.get("steps"),
        "metrics": last.get("metrics"),
        "examples_per_second": last.get("examples_per_second"),
        "eta_s": None if ended else last.get("eta_s"),
        "elapsed_s": last.get("elapsed_s"),
        "silence_s": None if ended or silence_s is None else round(silence_s, 1),
        "usual_gap_s": None if usual_s is None else round(usual_s, 1),
        "message": events[-1].get("message") if ended == "failed" else None,
        "events": len(events),
    }


def _ended(events: Sequence[Mapping[str, Any]]) -> str | None:
    """How the last attempt ended; None while it goes on."""
    ends = {"error": "failed", "complete": "complete"}
    last = next((event["event"] for event in reversed(events) if event["event"] in ("start", *ends)), None)
    return ends.get(str(last))


def collapse_state(events: Sequence[Mapping[str, Any]], floors: Mapping[str, float]) -> str:
    """`collapsed` when the last diagnostics of any fold are below a floor, `unknown` without diagnostics, else `ok`."""
    latest = {event.get("fold"): event for event in events if event["event"] == "collapse_diagnostics"}
    values = [(event.get(name), least) for event in latest.values() for name, least in floors.items()]
    if any(value is not None and value < least for value, least in values):
        return "collapsed"
    return "unknown" if not values or any(value is None for value, _ in values) else "ok"


def _silence(events: Sequence[Mapping[str, Any]], now_s: float) -> tuple[float | None, float | None]:
    """Seconds since the last event, and the median gap between events; None where events carry no times."""
    times = [float(event["time_s"]) for event in events if isinstance(event.get("time_s"), int | float)]
    if not times:
        return None, None
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return max(0.0, now_s - times[-1]), statistics.median(gaps) if gaps else None
