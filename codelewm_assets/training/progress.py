"""The event stream of training: events, lines, summary, and scalars for TensorBoard. No torch here."""

import importlib.util
import json
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from pathlib import Path
from reprlib import repr as short_repr
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError, create_model

from codelewm_assets.core.errors import ReportError
from codelewm_assets.training.codelewm_events import is_codelewm_event, is_known, translated

JOB_EVENT = "CODELEWM_JOB_EVENT "
STREAM = "reports/job_progress.jsonl"  # under a worker's output folder
DIAGNOSTICS = ("effective_rank_ratio", "median_variance", "neighbour_entropy")
TIMED = ("time_s", "seq", "elapsed_s", "eta_s", "examples_per_second")  # differ between equal runs
MIN_SILENCE_S = 30.0  # shorter silence is never a stall
STALL_GAP_MULTIPLE = 10.0  # silence longer than this multiple of the median gap is a stall

Count = Annotated[int, Field(ge=0)]
Metric = float | None  # validation may overflow: a number that is not finite is read, and summed up as None


class StreamEvent(BaseModel):
    """Fields that every event may have. Unknown fields are ignored: a stream may be of another version."""

    model_config = ConfigDict(strict=True, extra="ignore")
    seq: Count | None = None  # counted from 0
    time_s: Annotated[FiniteFloat, Field(ge=0, lt=1e11)] | None = (
        None  # since the epoch; absent in an artifact's stream
    )


_OF_EVENT: dict[str, dict[str, Any]] = {  # name of an event → its fields, each with its type, or with type and default
    "start": {"seed": int},
    "progress": {
        "fold": Count, "step": Count, "steps": (Count | None, None), "metrics": dict[str, Metric],
        "elapsed_s": (FiniteFloat | None, None), "examples_per_second": (FiniteFloat | None, None),
        "eta_s": (FiniteFloat | None, None),
    },
    "collapse_diagnostics": {"fold": Count, "step": Count} | dict.fromkeys(DIAGNOSTICS, (Metric, None)),
    "checkpoint": {"fold": Count, "step": Count},  # a state was kept
    "selected": {"fold": Count, "step": Count, "within_problem_auc": FiniteFloat},  # the weights of this step are kept
    "complete": {"seed": (int | None, None), "files": (dict[str, str], {})},  # sha256 of each file by name
    "error": {"seed": (int | None, None), "message": str},
}  # fmt: skip
_MODELS = tuple(
    create_model(name, __base__=StreamEvent, event=Literal[name], **fields)  # type: ignore[call-overload]
    for name, fields in _OF_EVENT.items()
)
EVENT: TypeAdapter[StreamEvent] = TypeAdapter(
    Annotated[Union[_MODELS], Field(discriminator="event")]  # type: ignore[arg-type]  # noqa: UP007
)


def event_line(event: Mapping[str, Any]) -> str:
    """One line of the event stream."""
    return json.dumps(event, sort_keys=True) + "\n"


def job_event_line(event: Mapping[str, Any]) -> str:
    """The event as a line of a job's log, recognized by its prefix."""
    return JOB_EVENT + event_line(event)


def job_event(line: str) -> dict[str, Any] | None:
    """The event in a line of a job's log, None for any other line."""
    _, result, text = line.partition(JOB_EVENT)
    if not result:
        return None
    try:
        return _event(text)
    except ValueError:
        return None


def line_event(line: str) -> dict[str, Any] | None:
    """The event in a line of a program's output, with or without the prefix; None for any other line."""
    if JOB_EVENT in line:
        return job_event(line)
    if not line.startswith("{"):
        return None
    try:
        return _event(line)
    except ValueError:
        return None


def timeless(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Reproducible events: without times, errors of earlier attempts and repetitions."""
    result: dict[tuple[Any, ...], dict[str, Any]] = {}
    for event in events:
        if event["event"] == "error":
            continue
        key = event["event"], event.get("fold"), event.get("step")
        result[key] = {name: value for name, value in event.items() if name not in TIMED}
    return list(result.values())


def read_events(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Events of the stream, and the number of its last line when truncated, as by a kill (0 when it is not).

    Events of CodeLeWM's own trainer are read as those of this one. In a job's log, whose events have the prefix `JOB_EVENT`,
    other lines are skipped.

    Raises: ReportError: the file cannot be read, holds no event, or has an invalid line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(
            f"{path.name} cannot be read ({error}). Name the job_progress.jsonl of a training run."
        ) from error
    *lines, last = text.removesuffix("\n").split("\n")
    is_log = JOB_EVENT in text
    if lines and not is_log and not any(line.lstrip()[:1] in ("{", "[") for line in (*lines, last)):
        raise ReportError(
            f"{path.name}: no line has {JOB_EVENT.strip()}, and none is a JSON object. Name a job's log, or the "
            "job_progress.jsonl of a training run."
        )
    is_cut = _is_cut(last.partition(JOB_EVENT)[2] or last, is_ended=text.endswith("\n"))
    events: list[dict[str, Any]] = []
    for number, line in enumerate([*lines, *([] if is_cut else [last])], 1):
        event = line.partition(JOB_EVENT)[2] if JOB_EVENT in line else line
        if is_log and event is line and not line.startswith("{"):
            continue
        try:
            events.append(_event(event))
        except ValueError as error:
            raise ReportError(
                f"{path.name}: line {number} is no event of a training run: {error}. Name the job_progress.jsonl of one."
            ) from error
    if not events:
        raise ReportError(f"{path.name} holds no event; expected one JSON object with an `event` field a line.")
    if not any(is_known(event["event"]) for event in events):
        raise ReportError(
            f"{path.name} holds no event of a training run; found {short_repr(events[0]['event'])}. Name the "
            "job_progress.jsonl of one."
        )
    return events, len(lines) + 1 if is_cut else 0


def _is_cut(line: str, *, is_ended: bool) -> bool:
    """True if the last line is empty or a truncated event.

    Args:
        is_ended: a line break follows it.
    """
    text = line.removeprefix(JOB_EVENT).rstrip()
    if JOB_EVENT.startswith(line) or not text:
        return True
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return text.startswith("{") and error.msg != "Extra data" and not (is_ended and text.endswith("}"))
    except (ValueError, RecursionError):
        pass
    return False


def _event(text: str) -> dict[str, Any]:
    """The event of a line. Raises: ValueError: the fault, in one line."""
    try:
        event = json.loads(text)
        if is_codelewm_event(event):
            return translated(event)
        EVENT.validate_python(event)
    except ValidationError as error:
        raise ValueError(_fault(error)) from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error.msg}, character {error.pos + 1}): {short_repr(text)}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("its JSON is nested too deep or has a number of too many digits") from error
    return dict(event)


def _fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ascii(".".join(map(str, first["loc"])))[1:-1]
    if first["type"] in ("missing", "union_tag_not_found"):
        return f"{place or 'event'} is missing"
    if first["type"] == "union_tag_invalid":
        return f"event is {first['ctx']['tag']!r}; expected one of {first['ctx']['expected_tags']}"
    return f"{place or 'it'} is {short_repr(first['input'])}; {first['msg'].replace('Input should', 'it should')}"


def summarise(
    events: Sequence[Mapping[str, Any]], *, now_s: float, collapse_floors: Mapping[str, float]
) -> dict[str, Any]:
    """Summary of a run from its stream.

    Args:
        now_s: seconds since the epoch, to detect stalled runs.
        collapse_floors: minimum of each figure of `collapse_diagnostics`, as in the claim gate.
    Returns: `state` (`complete`, `failed`, `collapsed`, `stalled` or `running`), `collapse` (`ok`, `collapsed`, or `unknown`
        without diagnostics), step reached, metrics, pace, and the silence since the last event with what is usual.
    """
    steps = [event for event in events if event["event"] == "progress"]
    last: Mapping[str, Any] = steps[-1] if steps else {}
    collapse = collapse_state(events, collapse_floors)
    silence_s, usual_s = _silence(events, now_s)
    is_stalled = silence_s is not None and silence_s > max(MIN_SILENCE_S, STALL_GAP_MULTIPLE * (usual_s or 0.0))
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
        "metrics": {name: _finite(value) for name, value in last["metrics"].items()} if "metrics" in last else None,
        "examples_per_second": last.get("examples_per_second"),
        "eta_s": None if ended else last.get("eta_s"),
        "elapsed_s": last.get("elapsed_s"),
        "silence_s": None if ended or silence_s is None else round(silence_s, 1),
        "usual_gap_s": None if usual_s is None else round(usual_s, 1),
        "message": events[-1].get("message") if ended == "failed" else None,
        "events": len(events),
    }


def _ended(events: Sequence[Mapping[str, Any]]) -> str | None:
    """End of the last attempt; None while it runs."""
    ends = {"error": "failed", "complete": "complete"}
    last = next((event["event"] for event in reversed(events) if event["event"] in ("start", *ends)), None)
    return ends.get(str(last))


def collapse_state(events: Sequence[Mapping[str, Any]], floors: Mapping[str, float]) -> str:
    """`collapsed` when the last diagnostics of any fold are below a floor, `unknown` without diagnostics, else `ok`."""
    latest = {event.get("fold"): event for event in events if event["event"] == "collapse_diagnostics"}
    values = [(_finite(event.get(name)), floor) for event in latest.values() for name, floor in floors.items()]
    if any(value is not None and value < floor for value, floor in values):
        return "collapsed"
    return "unknown" if not values or any(value is None for value, _ in values) else "ok"


def _silence(events: Sequence[Mapping[str, Any]], now_s: float) -> tuple[float | None, float | None]:
    """Seconds since the last event, and the median gap between events; None for events without times."""
    times = [float(event["time_s"]) for event in events if isinstance(event.get("time_s"), int | float)]
    if not times:
        return None, None
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return max(0.0, now_s - times[-1]), statistics.median(gaps) if gaps else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def scalars_of(event: Mapping[str, Any]) -> dict[str, float]:
    """Tag → value of an event's numbers; tags begin with the fold."""
    result = {}
    if event["event"] == "progress":
        result = dict(event["metrics"]) | {"examples_per_second": event["examples_per_second"]}
    elif event["event"] == "collapse_diagnostics":
        result = {name: event.get(name) for name in DIAGNOSTICS}
    return {f"fold {event.get('fold')}/{name}": float(value) for name, value in result.items() if value is not None}


def has_tensorboard() -> bool:
    """True if TensorBoard's writer is installed (extra `[tensorboard]`)."""
    return importlib.util.find_spec("tensorboard") is not None


@contextmanager
def scalar_writer(folder: Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Writer of events' scalars. Raises: ModuleNotFoundError: TensorBoard is not installed."""
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


@contextmanager
def event_log(
    path: Path, scalars: Path, *, log: Callable[[str], None]
) -> Iterator[tuple[Callable[[dict[str, Any]], None], dict[str, str]]]:
    """A function that each event is given to as it comes, and the files of the `complete` event, name → sha256.

    Each event goes to `log`, to the file that status commands read, and, where it is installed, to TensorBoard.
    Args: path: the file. scalars: folder of TensorBoard.
    """
    completed: dict[str, str] = {}
    if not has_tensorboard():
        log("No scalars for TensorBoard: it is not installed. pip install codelewm_assets[tensorboard]")
    with (
        path.open("w", encoding="utf-8", buffering=1) as stream,
        scalar_writer(scalars) if has_tensorboard() else nullcontext(lambda event: None) as write_scalars,
    ):

        def on_event(event: dict[str, Any]) -> None:
            log(event_line(event).strip())
            stream.write(event_line(event))
            write_scalars(event)
            if event["event"] == "complete":
                completed.update(event["files"])

        yield on_event, completed
