"""Pictures of findings, where looking beats reading: cells against their floors, controls against chance and ceiling."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from codelewm_assets.core.ids import BENCHMARKS, FOLDS
from codelewm_assets.core.records import CellCount

INK, GRID, GOOD, BAD = "#22303c", "#d7dde2", "#3b7a57", "#b3372f"


def cells_png(cells: Sequence[CellCount]) -> bytes:
    """A heat map of cells named "fold K WHAT": a row for each WHAT, a column for each fold, count over floor as colour.

    Returns: PNG. A cell without a floor is grey; one below its floor is red.
    """
    from matplotlib.colors import to_rgba
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    names = list(dict.fromkeys(cell.cell.split(" ", 2)[2] for cell in cells))
    figure = Figure(figsize=(6.4, 0.8 + 0.26 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    for cell in cells:
        _, fold, name = cell.cell.split(" ", 2)
        share = min(1.0, cell.count / (4 * cell.floor)) if cell.floor else 0.0
        colour = to_rgba(GOOD, 0.15 + 0.6 * share) if cell.is_met else to_rgba(BAD, 0.85)
        x, y = int(fold), names.index(name)
        colour = colour if cell.floor else to_rgba(GRID)
        axes.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=colour, edgecolor="none"))
        axes.text(x, y, f"{cell.count}/{cell.floor}", ha="center", va="center", fontsize=7, color=INK)
    axes.set(xlim=(-0.5, len(FOLDS) - 0.5), ylim=(len(names) - 0.5, -0.5))
    axes.set_xticks(list(FOLDS), [f"fold {fold}" for fold in FOLDS], fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_title("rows / floor", fontsize=9, loc="left", color=INK)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return _png(figure)


def controls_png(figures: Mapping[str, float | int | str | bool], *, ceiling: float) -> bytes:
    """Pass@1 of each control on each benchmark, with chance and the ceiling as lines.

    Args: figures: `BENCHMARK.CONTROL` and `BENCHMARK.chance` → pass@1, as `controls_leave_headroom` gives them.
    Returns: PNG.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    panels = figure.subplots(1, len(BENCHMARKS), sharex=True)
    for axes, benchmark in zip(panels, BENCHMARKS, strict=True):
        own = {name.split(".", 1)[1]: float(v) for name, v in figures.items() if name.startswith(f"{benchmark}.")}
        chance = own.pop("chance", None)
        names = sorted(own)
        colours = [BAD if own[name] > ceiling else GOOD for name in names]
        axes.barh(range(len(names)), [own[name] for name in names], height=0.62, color=colours, alpha=0.75)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        if chance is not None:
            axes.axvline(chance, color=INK, linewidth=1, linestyle=":", label=f"chance {chance:.2f}")
        axes.axvline(ceiling, color=BAD, linewidth=1, label=f"ceiling {ceiling:.2f}")
        axes.set(xlim=(0, 1))
        axes.tick_params(axis="x", labelsize=8)
        axes.set_title(f"{benchmark}: pass@1", fontsize=9, loc="left", color=INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=7, frameon=False, loc="lower right")
    return _png(figure)


def _png(figure: Any) -> bytes:
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=110, metadata={"Software": None})
    return sink.getvalue()
