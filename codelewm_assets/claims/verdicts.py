"""Records of gates, claims and their reasons. A reason whose figures contradict its code is rejected."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, assert_never

from pydantic import Field, model_validator

from codelewm_assets.evaluation.reports import Interval, Report

State = Literal["HOLDS", "FAILS", "UNDECIDED"]
Relation = Literal["at_least", "above", "at_most"]


class Need(Report):
    """The requirement of a gate on one figure."""

    relation: Relation
    threshold: float

    def is_met(self, value: float) -> bool:
        """The value meets the need."""
        match self.relation:
            case "at_least":
                return value >= self.threshold
            case "above":
                return value > self.threshold
            case "at_most":
                return value <= self.threshold
            case _:
                assert_never(self.relation)


class Reason(Report):
    """A reason why a gate does not hold.

    `detail` is a plain sentence, `name` the figure's key in `SeedGate.figures`, `figure` its value, `threshold` the value that it
    misses, `interval` the interval if the figure is one of its bounds. `gate` and `seed`: the gate's row that it belongs to.
    Artifacts older than 0.2.0 have only code and detail.

    Raises: pydantic.ValidationError: the figure and threshold do not meet the condition of the code (`REASONS`).
    """

    code: str
    detail: str
    name: str | None = None
    figure: float | None = None
    threshold: float | None = None
    interval: Interval | None = None
    gate: str | None = None
    seed: int | None = None

    @model_validator(mode="after")
    def _is_true(self) -> "Reason":
        if self.is_bare:
            return self
        kind = REASONS.get(self.code)
        if kind is None or not kind.is_true(self):
            raise ValueError(
                f"{self.code} has figure {self.figure}, threshold {self.threshold}, interval {self.interval}; "
                f"expected {kind.condition if kind else 'a code of REASONS'}"
            )
        return self

    @property
    def is_bare(self) -> bool:
        """It has no figure: evidence is missing, or the reason is not numeric."""
        return self.figure is None and self.threshold is None and self.interval is None


@dataclass(frozen=True, slots=True)
class ReasonKind:
    """The meaning of a code.

    Attributes:
        condition: the condition on figure, threshold and interval, in words.
        is_true: the same as a test.
        fails: the gate FAILS; else the evidence is insufficient and the gate is UNDECIDED.
    """

    meaning: str
    condition: str
    is_true: Callable[[Reason], bool]
    fails: bool = True


def _below(reason: Reason) -> bool:
    return reason.figure is not None and reason.threshold is not None and reason.figure < reason.threshold


def _not_above(reason: Reason) -> bool:
    return reason.figure is not None and reason.threshold is not None and reason.figure <= reason.threshold


def _above(reason: Reason) -> bool:
    return reason.figure is not None and reason.threshold is not None and reason.figure > reason.threshold


def _includes_zero(reason: Reason) -> bool:
    low, high = reason.interval or (1.0, 1.0)
    return reason.figure == low <= 0 <= high and reason.threshold == 0


def _lies_below_zero(reason: Reason) -> bool:
    low, high = reason.interval or (1.0, 1.0)
    return low <= high < 0 and reason.figure == high and reason.threshold == 0


def _of(meaning: str, condition: str, is_true: Callable[[Reason], bool], *, fails: bool = True) -> ReasonKind:
    return ReasonKind(meaning, condition, is_true, fails)


BELOW, ABOVE = "figure < threshold", "figure > threshold"
NAMED = "no figure: the sentence names it"
REASONS: dict[str, ReasonKind] = {
    "evidence_missing": _of("A report or a figure is missing.", NAMED, lambda r: r.is_bare, fails=False),
    "evidence_does_not_verify": _of(
        "Bytes behind the gates are not those of their manifests.", NAMED, lambda r: r.is_bare, fails=False
    ),
    "benchmark_is_a_stand_in": _of(
        "Problems of this project stand in for the benchmark.", NAMED, lambda r: r.is_bare, fails=False
    ),
    "contamination_unknown": _of(
        "What was trained on is not known, or may hold the benchmarks.", NAMED, lambda r: r.is_bare, fails=False
    ),
    "too_few_pairs": _of("Fewer decoy pairs than the gate asks for.", BELOW, _below, fails=False),
    "too_few_problems": _of("Fewer problems than the gate asks for.", BELOW, _below, fails=False),
    "too_few_targets": _of("Fewer targets could be probed than the gate asks for.", BELOW, _below, fails=False),
    "collapsed": _of("The spread of z_pred is below its floor.", BELOW, _below),
    "weights_not_finite": _of("Weights are not finite.", ABOVE, _above),
    "below_no_action_margin": _of("The lift over no_action is below the margin.", BELOW, _below),
    "auc_below_threshold": _of("The pairwise AUC is below its floor.", BELOW, _below),
    "below_controls_margin": _of(
        "No target beats its best control by more than the margin; the figure is the largest lift.",
        "figure ≤ threshold",
        _not_above,
    ),
    "below_lexical_margin": _of("The lift over lexical is below the margin.", BELOW, _below),
    "not_above_control": _of(
        "The figure is not above that of a control, of an ablation or of chance.", "figure ≤ threshold", _not_above
    ),
    "no_better_than_untrained": _of(
        "The prediction explains no more than that of an untrained network, or nothing.", "figure ≤ threshold", _not_above
    ),
    "prefers_the_unedited": _of(
        "Where both programs pass, the unedited one is preferred: the score reads that a program was edited.", ABOVE, _above
    ),
    "too_few_families": _of("Fewer operator families were held out than the gate asks for.", BELOW, _below, fails=False),
    "below_surface_lr_margin": _of("The lift in ROC-AUC over surface_lr is below the margin.", BELOW, _below),
    "lift_below_threshold": _of("The lift in pass@1 over the best control is below the points asked.", BELOW, _below),
    "interval_includes_zero": _of(
        "The lift may be chance: its interval includes 0.", "lower ≤ 0 ≤ upper; the figure is lower", _includes_zero
    ),
    "significantly_worse": _of(
        "Worse than the control: the whole interval of the lift is below 0.", "upper < 0; the figure is upper",
        _lies_below_zero,
    ),
    "miscalibrated": _of("The expected calibration error is above its ceiling.", ABOVE, _above),
    "benchmark_saturated": _of("A control is so good that the pools leave no room for a lift.", ABOVE, _above),
    "manifest_mismatch": _of("Files are not those of their manifests.", ABOVE, _above),
    "secret_found": _of("A scan found what looks like a secret.", ABOVE, _above),
    "scored_problem_trained_on": _of("A scored problem was trained on.", ABOVE, _above),
}  # fmt: skip
"""Every code of a gate's or claim's reason."""


class SeedGate(Report):
    """One gate on one seed's evidence (seed None: evidence that belongs to no seed).

    `needs`: figure → its need; figures without one are informative.
    """

    gate: str
    seed: int | None
    state: State
    reasons: tuple[Reason, ...]
    figures: dict[str, float]
    needs: dict[str, Need] = Field(default_factory=dict)


class Gate(Report):
    """One gate over all seeds."""

    gate: str
    state: State
    reasons: tuple[Reason, ...]
    seeds: tuple[SeedGate, ...]


class ClaimResult(Report):
    """A claim: OPEN when its gates hold, else CLOSED with the reasons of those that do not."""

    claim_id: str
    sentence: str
    status: Literal["OPEN", "CLOSED"]
    needs: tuple[str, ...]
    needs_one_of: tuple[str, ...]
    reasons: tuple[Reason, ...]


class NamedCandidate(Report):
    """A candidate that the profile of the build names, and what it reads."""

    name: str
    reads: str


class ClaimGates(Report):
    """`claim_gates.json`."""

    schema_version: Literal["codelewm.claim_gates.v1"] = "codelewm.claim_gates.v1"
    profile: str
    benchmark_labels: dict[str, str]
    gates: tuple[Gate, ...]
    claims: tuple[ClaimResult, ...]
    named_candidates: tuple[NamedCandidate, ...] = ()
