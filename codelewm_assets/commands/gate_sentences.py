"""One plain sentence a gate: the figure, the threshold and the direction. Pure functions of the records of `claim_gates`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from codelewm_assets.claims import register
from codelewm_assets.claims.verdicts import Gate, SeedGate

MAX_REASONS = 4  # as in the report
RANK = {"FAILS": 0, "UNDECIDED": 1, "HOLDS": 2}


@dataclass(frozen=True, slots=True)
class Asked:
    """A figure that a gate compares with a threshold.

    Attributes:
        words: name of the figure; of a difference, the control that it is over.
        threshold: needed value.
        form: `floor` (at least), `ceiling` (at most), or `lift` (a difference, at least).
    """

    words: str
    threshold: float
    form: str = "floor"

    def margin(self, value: float) -> float:
        """Distance from the threshold; negative = not met."""
        return self.threshold - value if self.form == "ceiling" else value - self.threshold

    def text(self, value: float, interval: str = "") -> str:
        """The figure in words."""
        if self.form == "lift":
            what, _, control = self.words.partition(" over ")
            direction = "worse" if value < 0 else "better"
            return f"{what} {abs(value):.3f} {direction} than {control}{interval}, +{self.threshold:g} needed"
        bound = (
            f"at most {self.threshold:g} allowed" if self.form == "ceiling" else f"at least {self.threshold:g} needed"
        )
        return f"{self.words} {_plain(value)}, {bound}"


ASKED: Mapping[str, Mapping[str, Asked]] = {
    "collapse": {
        "effective_rank_ratio": Asked("effective-rank ratio", register.EFFECTIVE_RANK_RATIO.value),
        "median_variance": Asked("median variance", register.MEDIAN_VARIANCE.value),
        "neighbour_entropy": Asked("neighbour entropy", register.NEIGHBOUR_ENTROPY.value),
        "nonfinite_tensors": Asked("tensors with non-finite weights", 0, "ceiling"),
    },
    "retrieval": {
        "recall_at_1_lift": Asked("Recall@1 over no_action", register.RETRIEVAL_MARGIN.value, "lift"),
        "mrr_lift": Asked("MRR over no_action", register.RETRIEVAL_MARGIN.value, "lift"),
    },
    "surprise": {
        f"{name}_auc": Asked(f"AUC on {name}", threshold.value) for name, threshold in register.SURPRISE_AUC.items()
    },
    "calibration": {
        "roc_auc_over_surface_lr": Asked("ROC-AUC over surface_lr", register.CALIBRATION_MARGIN.value, "lift"),
        "expected_calibration_error": Asked("calibration error", register.CALIBRATION_ERROR.value, "ceiling"),
    },
    "integrity": {
        "manifest_mismatches": Asked("manifest mismatches", 0, "ceiling"),
        "secret_findings": Asked("secret findings", 0, "ceiling"),
        "scored_problems_trained_on": Asked("scored problems trained on", 0, "ceiling"),
    },
}
"""Gate → figure → threshold. `rerank:…` and `probe` have sentences of their own."""


def gate_sentence(gate: Gate) -> str:
    """The gate's verdict in one sentence, by the seed that decides it: the one with the worst state and figures."""
    if not gate.seeds:
        return _reasons(gate)
    row = min(gate.seeds, key=lambda row: (RANK[row.state], _margin(row)))
    text = _of_figures(row)
    if row.state == "UNDECIDED" or not text:
        text = "; ".join(filter(None, [f"no verdict: {_reasons(row) or 'evidence is missing'}", text]))
    return text if row.seed is None else f"{text} (seed {row.seed})"


def _margin(row: SeedGate) -> float:
    """How far the row's worst figure is above its threshold, in the order of rows of one gate."""
    figures, asked = row.figures, ASKED.get(row.gate)
    if row.gate.startswith("rerank:"):
        return figures.get("lift_points", 0.0)
    if asked is None:
        return max(figures.values(), default=0.0)
    return min((ask.margin(figures[name]) for name, ask in asked.items() if name in figures), default=0.0)


def _of_figures(row: SeedGate) -> str:
    """The figures that are not met, or all of them where each is; empty without figures."""
    figures = row.figures
    if row.gate.startswith("rerank:"):
        return _lift(row)
    if row.gate == "probe":
        return _probe(figures)
    asked = [(name, ask) for name, ask in ASKED.get(row.gate, {}).items() if name in figures]
    unmet = [(name, ask) for name, ask in asked if ask.margin(figures[name]) < 0]
    texts = [ask.text(figures[name], _lower_bound(row, name)) for name, ask in unmet or asked]
    if not unmet and row.state == "FAILS" and "ci95_lower" in figures:
        texts = [f"the lower bound {_signed(figures['ci95_lower'], 3)} of the 95% interval is not above 0", *texts]
    return "; ".join(texts)


def _lower_bound(row: SeedGate, name: str) -> str:
    lower = row.figures.get("ci95_lower")
    is_shown = lower is not None and name == "roc_auc_over_surface_lr"
    return f", 95% from {_signed(lower, 3)}" if is_shown and lower is not None else ""


def _lift(row: SeedGate) -> str:
    """`26.6 points worse than surface_lr, 95% −41.9 to −13.7; +3 needed`."""
    points = row.figures.get("lift_points")
    if points is None:
        return ""
    named = re.search(r"that of (\w+), the best control", " ".join(reason.detail for reason in row.reasons))
    control = named.group(1) if named else "the best control"
    low, high = row.figures["ci95_lower"], row.figures["ci95_upper"]
    direction = "worse" if points < 0 else "better"
    interval = f"95% {_signed(low, 1)} to {_signed(high, 1)}"
    needed = f"+{register.RERANK_POINTS.value:g}" + (" and an interval above 0" if points >= 0 >= low else "")
    return f"{abs(points):.1f} points {direction} than {control}, {interval}; {needed} needed"


def _probe(figures: Mapping[str, float]) -> str:
    """The target with the largest lift over its controls."""
    if not figures:
        return ""
    name = max(figures, key=lambda target: figures[target])
    direction = "worse" if figures[name] < 0 else "better"
    return (
        f"best target {name}: {abs(figures[name]):.3f} {direction} than its best control; more than "
        f"+{register.PROBE_MARGIN.value:g} with a 99% interval above 0 needed"
    )


def _reasons(row: Gate | SeedGate) -> str:
    texts = list(dict.fromkeys(f"{reason.code}: {reason.detail}" for reason in row.reasons))
    more = [f"{len(texts) - MAX_REASONS} more"] if len(texts) > MAX_REASONS else []
    return "; ".join(texts[:MAX_REASONS] + more)


def _signed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _plain(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.3f}" if abs(value) >= 0.001 else f"{value:.1e}"
