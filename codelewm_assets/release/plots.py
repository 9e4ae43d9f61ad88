"""The report's figures as PNG bytes. Same numbers, same bytes; nothing here computes a metric."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from codelewm_assets.evaluation.records import BenchmarkRerank, CalibrationBin

WIDTH_IN, HEIGHT_IN, DOTS_PER_INCH = 5.2, 3.6, 100


def _figure() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DOTS_PER_INCH, layout="constrained")
    return figure, figure.add_subplot()


def _png(figure: Any) -> bytes:
    sink = io.BytesIO()
    figure.savefig(sink, format="png", metadata={"Software": None})
    return sink.getvalue()


def reliability_curve(bins_by_seed: Mapping[int, Sequence[CalibrationBin]]) -> bytes:
    """Mean p_pass against pass rate per bin and seed; the diagonal is perfect calibration."""
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="perfect")
    for seed, bins in bins_by_seed.items():
        full = [found for found in bins if found.count]
        axes.plot([b.mean_score for b in full], [b.pass_rate for b in full], marker="o", label=f"seed {seed}")
    axes.set(xlabel="mean p_pass of the bin", ylabel="share that passed", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    return _png(figure)


def roc_curves(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> bytes:
    """ROC curves. Args: curves: label → (false positive rates, true positive rates)."""
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for label, (false_rate, true_rate) in curves.items():
        axes.plot(false_rate, true_rate, label=label, linewidth=1.2)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1))
    axes.legend(fontsize=7)
    return _png(figure)


def lifts(reports: Mapping[str, BenchmarkRerank]) -> bytes:
    """Lift of p_pass over each control in points with its 95% interval. Args: reports: row label → benchmark's figures."""
    figure, axes = _figure()
    rows = [(f"{label}: {name}", lift) for label, found in reports.items() for name, lift in sorted(found.lift.items())]
    figure.set_figheight(max(HEIGHT_IN, 0.22 * len(rows)))
    for place, (_, lift) in enumerate(rows):
        axes.plot(lift.ci95, [place, place], color="tab:blue", linewidth=1)
        axes.plot([lift.points], [place], "o", color="tab:blue", markersize=3)
    axes.axvline(0, color="grey", linestyle=":")
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=6)
    axes.set(xlabel="lift in pass@1, points (95% interval)")
    return _png(figure)


def training_curve(events_by_seed: Mapping[int, Sequence[Mapping[str, Any]]]) -> bytes:
    """Train and validation loss by step, per seed; of several folds the first."""
    figure, axes = _figure()
    for seed, events in events_by_seed.items():
        steps = [event for event in events if event["event"] == "progress"]
        first = [event for event in steps if event["fold"] == steps[0]["fold"]]
        axes.plot([e["step"] for e in first], [e["metrics"]["train_loss"] for e in first], label=f"seed {seed} train")
        held = [e for e in first if e["metrics"]["val_loss"] is not None]
        axes.plot(
            [e["step"] for e in held],
            [e["metrics"]["val_loss"] for e in held],
            linestyle="--",
            label=f"seed {seed} val",
        )
    axes.set(xlabel="step", ylabel="loss")
    axes.legend(fontsize=7)
    return _png(figure)
