"""Figures against their needs, and the verdict on them. A missing figure leaves a gate UNDECIDED."""

from dataclasses import dataclass, field

from codelewm_assets.claims import register
from codelewm_assets.claims.verdicts import REASONS, Need, Reason, State
from codelewm_assets.evaluation.reports import Difference, Interval, Lift

STAND_IN = "{}: problems of this project stand in for the published benchmark, and no benchmark claim opens on them."
ZERO = Need(relation="above", threshold=0.0)
NONE = Need(relation="at_most", threshold=0.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state with its reasons, the figures, and their needs."""

    state: State
    reasons: tuple[Reason, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
    needs: dict[str, Need] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FigureCheck:
    """A figure against its need. `value` None: missing; `reason` None: the need is met."""

    name: str
    value: float | None
    need: Need
    reason: Reason | None


def absent(sentence: str) -> Verdict:
    """UNDECIDED, because evidence is missing."""
    return Verdict("UNDECIDED", (missing(sentence),))


def missing(sentence: str, name: str | None = None) -> Reason:
    """The reason of evidence that is missing. Args: name: the figure's."""
    return Reason(code="evidence_missing", detail=sentence, name=name)


def verdict_of(*checks: FigureCheck) -> Verdict:
    """FAILS on a figure that misses its need, else UNDECIDED on one that is missing, else HOLDS."""
    reasons = sorted((check.reason for check in checks if check.reason), key=lambda r: not REASONS[r.code].fails)
    fails = any(REASONS[reason.code].fails for reason in reasons)
    figures = {check.name: check.value for check in checks if check.value is not None}
    state: State = "FAILS" if fails else "UNDECIDED" if reasons else "HOLDS"
    return Verdict(state, tuple(reasons), figures, {check.name: check.need for check in checks})


def format_against(value: float, threshold: float) -> str:
    """The value with at least three digits, and as many as distinguish it from the threshold."""
    texts = (f"{value + 0.0:.{digits}g}" for digits in range(3, 18))
    return next(text for text in texts if value == threshold or float(text) != threshold)


def check_figure(name: str, code: str, value: float | None, need: Need, subject: str) -> FigureCheck:
    """Args: subject: the figure in words, as the start of a sentence."""
    if value is None:
        return FigureCheck(name, value, need, missing(f"{subject} is missing.", name))
    if need.is_met(value):
        return FigureCheck(name, value, need, None)
    words = f"{need.relation.replace('_', ' ')} {need.threshold:g} is needed"
    detail = f"{subject} is {format_against(value, need.threshold)}; {words}."
    return FigureCheck(
        name, value, need, Reason(code=code, detail=detail, name=name, figure=value, threshold=need.threshold)
    )


def at_least(threshold: register.Threshold) -> Need:
    """The need of a threshold that may be met exactly."""
    return Need(relation="at_least", threshold=threshold.value)


def check_interval(
    prefix: str, bounds: Interval | None, *, lift: str, than: str, unit: str = "", level: int = 95
) -> FigureCheck:
    """The interval of a lift must be above 0. Args: prefix: of the names of its bounds. lift: the lift in words."""
    lower = f"{prefix}_lower"
    if bounds is None:
        return FigureCheck(lower, None, ZERO, missing(f"The interval of {lift} is missing.", lower))
    low, high = bounds
    if low > 0:
        return FigureCheck(lower, low, ZERO, None)
    text = f"The {level}% interval of {lift}, {format_against(low, 0)} to {format_against(high, 0)}{unit},"
    if high < 0:
        detail = f"{text} lies below 0: significantly worse than {than}."
        worse = Reason(
            code="significantly_worse",
            detail=detail,
            name=f"{prefix}_upper",
            figure=high,
            threshold=0.0,
            interval=bounds,
        )
        return FigureCheck(lower, low, ZERO, worse)
    spans = Reason(
        code="interval_includes_zero",
        detail=f"{text} includes 0.",
        name=lower,
        figure=low,
        threshold=0.0,
        interval=bounds,
    )
    return FigureCheck(lower, low, ZERO, spans)


def of_lift(lift: Lift | None, scale: float = 1.0) -> Difference | None:
    """A lift as a difference. Args: scale: 0.01 for a lift in points, as a share."""
    if lift is None:
        return None
    return Difference(difference=lift.points * scale, ci95=(lift.ci95[0] * scale, lift.ci95[1] * scale))


def difference(value: float | None, bounds: Interval | None) -> Difference | None:
    """A figure with its interval; None when either is missing."""
    return None if value is None or bounds is None else Difference(difference=value, ci95=bounds)


def check_difference(
    name: str, code: str, over: Difference | None, subject: str, than: str, need: Need = ZERO
) -> tuple[FigureCheck, FigureCheck]:
    """The figure meets its need, and its interval is above 0."""
    return (
        check_figure(name, code, over.difference if over else None, need, subject),
        check_interval(f"{name}_ci95", over.ci95 if over else None, lift=lowered(subject), than=than),
    )


def lowered(subject: str) -> str:
    """The subject inside a sentence; names and measures keep their capitals."""
    return subject.replace("The ", "the ", 1)
