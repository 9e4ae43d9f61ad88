"""One plain sentence per gate: figure, threshold and direction. Pure functions of the records of `claim_gates`."""

import re
from collections.abc import Mapping

from codelewm_assets.claims import register
from codelewm_assets.claims.verdicts import Gate, Need, SeedGate
from codelewm_assets.core.ids import ABLATIONS

MAX_REASONS = 4  # as in the report
RANK = {"FAILS": 0, "UNDECIDED": 1, "HOLDS": 2}


WORDS: Mapping[str, str] = {
    "effective_rank_ratio": "effective-rank ratio",
    "median_variance": "median variance",
    "neighbour_entropy": "neighbour entropy",
    "nonfinite_tensors": "tensors with non-finite weights",
    "r2": "held-out R² over a constant",
    "r2_over_untrained": "held-out R² over the untrained network",
    **{f"{name}_over_{control}": f"{title} over {control}" for control in ("no_action", "lexical")
       for name, title in (("recall_at_1", "Recall@1"), ("mrr", "MRR"))},
    **{f"{name}_auc": f"AUC on {name}" for name in register.SURPRISE_AUC},
    **{f"{name}_over_{control}": f"AUC on {name} over {control}" for name in register.SURPRISE_AUC
       for control in ("no_action", "frequency")},
    "roc_auc_over_surface_lr": "ROC-AUC over surface_lr",
    "roc_auc_over_static": "ROC-AUC over static",
    **{f"{benchmark}_over_{control}": f"{benchmark}: pass@1 or AUC over {control}" for benchmark in register.TRACKED
       for control in (*ABLATIONS, "input_prior")},
    "points_over_lm": "pass@1 in points over lm",
    "equivalent_auc": "AUC of the unedited program where both pass",
    **{f"{benchmark}_{name}": f"{benchmark}: {title}" for benchmark in register.TRACKED
       for name, title in (("roc_auc_lower", "lower bound of ROC-AUC"), ("lift_points", "points over the best control"),
                           ("mrr_lift", "hundredths of MRR over the best control"), ("saturated", "saturated"))},
    "expected_calibration_error": "calibration error",
    "manifest_mismatches": "manifest mismatches",
    "secret_findings": "secret findings",
    "scored_problems_trained_on": "scored problems trained on",
}  # fmt: skip
"""Figure → its name in a sentence; for a difference also the control. `rerank:…` and `probe` have their own."""


def gate_sentence(gate: Gate) -> str:
    """The gate's verdict in one sentence, from the seed with the worst state and figures."""
    if not gate.seeds:
        return _reasons(gate)
    row = min(gate.seeds, key=lambda row: (RANK[row.state], _margin(row)))
    text = _of_figures(row)
    if row.state == "UNDECIDED":
        text = "; ".join(filter(None, [f"no verdict: {_reasons(row) or 'evidence is missing'}", text]))
    text = text or _reasons(row)  # artifacts older than 0.2.0 lack the needs
    return text if row.seed is None else f"{text} (seed {row.seed})"


def _margin(row: SeedGate) -> float:
    """Distance of the row's worst figure above its threshold; orders the rows of one gate."""
    if "rerank:" in row.gate:
        return row.figures.get("lift_points", 0.0)
    if row.gate == "probe":
        return max(row.figures.values(), default=0.0)
    return min(
        (
            (need.threshold - value) if need.relation == "at_most" else (value - need.threshold)
            for _, value, need in _figures_with_needs(row)
        ),
        default=0.0,
    )


def _figures_with_needs(row: SeedGate) -> list[tuple[str, float, Need]]:
    """Name, value and need of each figure in `WORDS`, in that order."""
    return [(n, row.figures[n], row.needs[n]) for n in WORDS if n in row.figures and n in row.needs]


def _of_figures(row: SeedGate) -> str:
    """The figures that miss their need, or all figures if none does; empty without figures."""
    if "rerank:" in row.gate:
        return _lift(row)
    if row.gate == "probe":
        return _probe(row)
    figures = _figures_with_needs(row)
    unmet = [(name, value, need) for name, value, need in figures if not need.is_met(value)]
    texts = [_text(name, value, need, _lower_bound(row, name)) for name, value, need in unmet or figures]
    below = [
        n
        for n in row.figures
        if n.endswith("ci95_lower") and n in row.needs and not row.needs[n].is_met(row.figures[n])
    ]
    if not unmet and row.state == "FAILS" and below:
        texts = [f"the lower bound {_signed(row.figures[below[0]], 3)} of the 95% interval is not above 0", *texts]
    return "; ".join(texts)


def _text(name: str, value: float, need: Need, interval: str) -> str:
    """The figure in words, with its need. Args: interval: of a difference, in words."""
    what, _, control = WORDS[name].partition(" over ")
    if control:
        direction = "worse" if value < 0 else "better"
        needed = f"+{need.threshold:g}" if need.relation == "at_least" else f"more than {need.threshold:g}"
        return f"{what} {abs(value):.3f} {direction} than {control}{interval}, {needed} needed"
    relation = {"at_most": "at most {} allowed", "at_least": "at least {} needed", "above": "more than {} needed"}
    limit = relation[need.relation].format(f"{need.threshold:g}")
    return f"{what} {_plain(value)}, {limit}"


def _lower_bound(row: SeedGate, name: str) -> str:
    lower = row.figures.get("ci95_lower" if name == "roc_auc_over_surface_lr" else f"{name}_ci95_lower")
    return "" if lower is None else f", 95% from {_signed(lower, 3)}"


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
    text = f"{abs(points):.1f} points {direction} than {control}, {interval}"
    if "lift_points" not in row.needs:  # a stand-in has no need
        return text
    needed = f"+{row.needs['lift_points'].threshold:g}" + (" and an interval above 0" if points >= 0 >= low else "")
    return f"{text}; {needed} needed"


def _probe(row: SeedGate) -> str:
    """Sentence on the target with the largest lift over its controls."""
    names = [name for name in row.figures if name in row.needs]
    if not names:
        return ""
    name = max(names, key=lambda target: row.figures[target])
    direction = "worse" if row.figures[name] < 0 else "better"
    return (
        f"best target {name}: {abs(row.figures[name]):.3f} {direction} than its best control; more than "
        f"+{row.needs[name].threshold:g} with a 99% interval above 0 needed"
    )


def _reasons(row: Gate | SeedGate) -> str:
    texts = list(dict.fromkeys(f"{reason.code}: {reason.detail}" for reason in row.reasons))
    remainder = [f"{len(texts) - MAX_REASONS} more"] if len(texts) > MAX_REASONS else []
    return "; ".join(texts[:MAX_REASONS] + remainder)


def _signed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _plain(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.3f}" if abs(value) >= 0.001 else f"{value:.1e}"
