"""Events of CodeLeWM's own trainer and pack builder, read as events of this project's trainer.

An event of theirs is `{"event": "execution_training.progress", "fields": {…}}`. Of the collapse diagnostics only the
effective-rank ratio is known by name; the other two stay absent, so that the state of a run is `unknown` rather than `ok`.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

PREFIXES = ("execution_training", "execution_passfail_pack")
RUNTIME = "runtime"  # prefix of events around a run; they keep their names alone
KINDS = ("start", "progress", "collapse_diagnostics", "checkpoint", "complete")
RANK_RATIO = "z_pred_effective_rank_ratio"
Count = Annotated[int, Field(ge=0)]


class CodelewmFields(BaseModel):
    """Fields of an event that are read; others are ignored, for a stream may be of another version."""

    model_config = ConfigDict(strict=True, extra="ignore")
    seed: int | None = None
    step: Count | None = None
    max_steps: Count | None = None
    elapsed_seconds: FiniteFloat | None = None
    eta_seconds: FiniteFloat | None = None
    metrics: dict[str, float | str | bool | None] = {}
    z_pred_effective_rank_ratio: float | None = None


class CodelewmEvent(BaseModel):
    """One event."""

    model_config = ConfigDict(strict=True, extra="ignore")
    event: str
    fields: CodelewmFields


def is_codelewm_event(event: Any) -> bool:
    """True if the event is named as in CodeLeWM's streams."""
    return isinstance(event, dict) and isinstance(event.get("event"), str) and "." in event["event"]


def is_known(name: str) -> bool:
    """True if a name of this project's trainer, or of CodeLeWM's."""
    prefix, _, _ = name.rpartition(".")
    return prefix in ("", RUNTIME, *PREFIXES)


def translated(event: dict[str, Any]) -> dict[str, Any]:
    """The event as this project's trainer writes it; one that it has no counterpart for keeps its name alone.

    Raises: pydantic.ValidationError: a field that is read has another type.
    """
    read = CodelewmEvent.model_validate(event)
    prefix, _, kind = read.event.rpartition(".")
    if prefix not in PREFIXES or kind not in KINDS:
        return {"event": read.event}
    fields = read.fields
    metrics = {
        name: float(v) for name, v in fields.metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)
    }
    known: dict[str, Any] = {"event": kind, "seed": fields.seed, "step": fields.step}
    if kind == "progress":
        known |= {
            "steps": fields.max_steps, "elapsed_s": fields.elapsed_seconds, "eta_s": fields.eta_seconds,
            "examples_per_second": metrics.get("examples_per_second"),
        }  # fmt: skip
    elif kind == "collapse_diagnostics":
        ratio = fields.z_pred_effective_rank_ratio
        known["effective_rank_ratio"] = metrics.get(RANK_RATIO) if ratio is None else ratio
    result = {name: value for name, value in known.items() if value is not None}
    return result | ({"metrics": metrics} if kind == "progress" else {})
