"""Plots of findings: cells against floors, controls against chance and ceiling, minimum detectable lift against the target.

Offenders are marked by a frame and bold figures besides colour. The two colours are Okabe and Ito's.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from codelewm_assets.core.ids import BENCHMARKS, FOLDS
from codelewm_assets.core.records import CellCount
from codelewm_assets.plots.style import BAD, GOOD, GRID, INK, png

DOTS_PER_INCH = 110
Figures = Mapping[str, float | int | str | bool]
Labels = Mapping[str, str]


def _labelled(name: str, labels: Labels) -> str:
    """The name with its leading benchmark id replaced by its label."""
    benchmark, space, rest = name.partition(" ")
    return f"{labels.get(benchmark, benchmark)}{space}{rest}"


def cells_png(cells: Sequence[CellCount], *, title: str, labels: Labels) -> bytes:
    """A heat map of cells named "fold K BENCHMARK …": a row for each name, a column for each fold, count over floor as colour.

    Args:
        title: what is counted.
        labels: benchmark id → label, so that a stand-in is named.

    Returns: PNG. A cell without a floor is grey; one below its floor is orange and framed.
    """
    from matplotlib.colors import to_rgba
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    names = list(dict.fromkeys(cell.cell.split(" ", 2)[2] for cell in cells))
    shown = [_labelled(name, labels) for name in names]
    figure = Figure(figsize=(6.4, 0.9 + 0.26 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    for cell in cells:
        _, fold, name = cell.cell.split(" ", 2)
        share = min(1.0, cell.count / (4 * cell.floor)) if cell.floor else 0.0
        colour = to_rgba(GOOD, 0.1 + 0.5 * share) if cell.is_met else to_rgba(BAD, 0.6)
        x, y = int(fold), names.index(name)
        colour, edge = colour if cell.floor else to_rgba(GRID), "none" if cell.is_met else INK
        axes.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=colour, edgecolor=edge))
        weight = "normal" if cell.is_met else "bold"
        text = f"{cell.count} / {cell.floor}" if cell.floor else f"{cell.count}"
        axes.text(x, y, text, ha="center", va="center", fontsize=7, color=INK, fontweight=weight)
    axes.set(xlim=(-0.5, len(FOLDS) - 0.5), ylim=(len(names) - 0.5, -0.5))
    axes.set_xticks(list(FOLDS), [f"fold {fold}" for fold in FOLDS], fontsize=8)
    axes.set_yticks(range(len(names)), shown, fontsize=8)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.suptitle(f"{title}: count / floor", fontsize=9, x=0.01, ha="left", color=INK)
    key = "blue: reaches its floor, darker up to four times it; orange, framed: below its floor; grey: has no floor"
    figure.supxlabel(key, fontsize=7, color=INK)
    return png(figure, DOTS_PER_INCH)


def controls_png(figures: Figures, *, ceiling: float, labels: Labels) -> bytes:
    """Pass@1 of each control on each benchmark, with chance and ceiling as lines.

    Args:
        figures: `BENCHMARK.CONTROL` and `BENCHMARK.chance` → pass@1, as `controls_leave_headroom` gives them.
        labels: benchmark id → label.

    Returns: PNG.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 2.8), layout="constrained")
    for axes, benchmark in zip(figure.subplots(1, len(BENCHMARKS)), BENCHMARKS, strict=True):
        by_name = {name.split(".", 1)[1]: float(v) for name, v in figures.items() if name.startswith(f"{benchmark}.")}
        chance = by_name.pop("chance", None)
        names = sorted(by_name, reverse=True)
        at_fault = {name for name in names if by_name[name] > ceiling}
        if chance is not None:
            _line(axes, chance, f"chance {chance:.2f}", linestyle=":")
        _line(axes, ceiling, f"ceiling {ceiling:.2f}", linestyle="-")
        _bars(axes, {name: by_name[name] for name in names}, at_fault)
        axes.set(xlim=(0, 1))
        axes.set_title(
            f"{labels.get(benchmark, benchmark)}: pass@1 of controls", fontsize=9, loc="left", color=INK, pad=16
        )
    figure.supxlabel("no control may pass the ceiling; orange: at fault", fontsize=7, color=INK)
    return png(figure, DOTS_PER_INCH)


def lifts_png(figures: Figures, *, labels: Labels) -> bytes:
    """Minimum detectable lift of each scope of pools on each benchmark, with the target and the gate's lift as lines.

    Args:
        figures: `BENCHMARK.SCOPE.minimum_detectable_lift_points`, `target_lift_points` and `gate_lift_points`, as
            `rerank_can_decide` gives them. A scope without a detectable lift has no bar.
        labels: benchmark id → label.

    Returns: PNG.
    """
    from matplotlib.figure import Figure

    target, gate = float(figures["target_lift_points"]), float(figures["gate_lift_points"])
    lifts = {
        benchmark: {
            scope: float(figures.get(f"{benchmark}.{scope}.minimum_detectable_lift_points", math.nan))
            for scope in sorted({n.split(".")[1] for n in figures if n.startswith(f"{benchmark}.")}, reverse=True)
        }
        for benchmark in BENCHMARKS
    }
    largest = max([target, gate, *(v for by_name in lifts.values() for v in by_name.values() if not math.isnan(v))])
    figure = Figure(figsize=(6.4, 2.2), layout="constrained")
    for axes, (benchmark, by_name) in zip(figure.subplots(1, len(BENCHMARKS)), lifts.items(), strict=True):
        _line(axes, gate, f"gate {gate:.1f}", linestyle=":")
        _line(axes, target, f"wanted {target:.1f}", linestyle="-")
        _bars(axes, by_name, {name for name in by_name if name == "cross-fitting" and not by_name[name] <= target})
        axes.set(xlim=(0, 1.25 * largest))
        axes.set_title(
            f"{labels.get(benchmark, benchmark)}: smallest lift, points", fontsize=9, loc="left", color=INK, pad=16
        )
    key = "cross-fitting must end at or before the wanted lift; the gate's own lift is shown beside; orange: at fault"
    figure.supxlabel(key, fontsize=7, color=INK)
    return png(figure, DOTS_PER_INCH)


def _bars(axes: Any, values: Mapping[str, float], at_fault: Collection[str]) -> None:
    """Horizontal bars from the first at the bottom up, each with its value behind it; without a value, the word none."""
    plate = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    for y, (name, value) in enumerate(values.items()):
        fill, edge, weight = (BAD, INK, "bold") if name in at_fault else (GOOD, "none", "normal")
        end, text = (0.0, "none") if math.isnan(value) else (value, f"{value:.2f}")
        axes.barh(y, end, height=0.56, facecolor=fill, edgecolor=edge, alpha=0.8)
        _note(axes, text, (end, y), (3, 0), va="center", fontweight=weight, bbox=plate)
    axes.set_yticks(range(len(values)), list(values), fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _line(axes: Any, x: float, name: str, *, linestyle: str) -> None:
    """A vertical line with its name above the axes."""
    axes.axvline(x, color=INK, linewidth=1, linestyle=linestyle)
    _note(axes, name, (x, 1), (0, 2), xycoords=("data", "axes fraction"), ha="center")


def _note(axes: Any, text: str, position: tuple[float, float], offset_pt: tuple[float, float], **style: Any) -> None:
    axes.annotate(text, position, offset_pt, textcoords="offset points", fontsize=7, color=INK, **style)
