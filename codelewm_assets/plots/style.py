"""Style of every plot: colours, fonts, sizes, and PNG output.

Hues are Okabe and Ito's, distinguishable with any colour vision; shape or text repeats their meaning. Same numbers, same bytes:
the PNG has no date or version, and the font is matplotlib's.
"""

import io
from typing import Any

INK, GRID, GOOD, BAD = "#22303c", "#d7dde2", "#0072b2", "#d55e00"
MUTED = "#8a949d"
GREEN, PURPLE, YELLOW, SKY = "#009e73", "#aa4499", "#c58500", "#56b4e9"
SMALL_PT, TEXT_PT, TITLE_PT = 7.5, 8.5, 10
WIDTH_IN, DOTS_PER_INCH = 7.2, 130
SEED_HUES = (GOOD, BAD, GREEN, PURPLE)
SCORE_HUES = {"p_pass": GOOD, "surface_lr": BAD, "consensus": GREEN, "no_action": PURPLE, "lexical": YELLOW,
              "shuffled_action": SKY, "length": INK}  # fmt: skip


def seed_hue(place: int) -> str:
    """Hue of the seed at this place in the order of seeds."""
    return SEED_HUES[place % len(SEED_HUES)]


def score_hue(name: str) -> str:
    """Hue of a score; grey for those shown for comparison."""
    return SCORE_HUES.get(name, MUTED)


def figure(height_in: float, columns: int = 1, rows: int = 1, **grid: Any) -> tuple[Any, Any]:
    """A figure of the common width and its axes, as matplotlib's `subplots` gives them."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(WIDTH_IN, height_in), dpi=DOTS_PER_INCH, layout="constrained")
    return fig, fig.subplots(rows, columns, **grid)


def tidy(axes: Any, *, title: str = "", x: str = "", y: str = "") -> None:
    """The common look of axes: no box, a light grid, title at the left."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=SMALL_PT, colors=INK, length=0)
    axes.set_xlabel(x, fontsize=TEXT_PT, color=INK)
    axes.set_ylabel(y, fontsize=TEXT_PT, color=INK)
    axes.set_title(title, fontsize=TITLE_PT, color=INK, loc="left")


def figure_title(fig: Any, title: str) -> None:
    """A title over all axes of a figure."""
    fig.suptitle(title, fontsize=TITLE_PT, color=INK, x=0.01, ha="left")


def label(axes: Any, text: str, position: tuple[float, float], *, colour: str = INK, offset_pt: tuple[float, float] = (4, 0),
          **style: Any) -> None:  # fmt: skip
    """Text beside a point.

    Args:
        offset_pt: offset in points.
    """
    plate = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    style = {"fontsize": SMALL_PT, "va": "center", "bbox": plate} | style
    axes.annotate(text, position, offset_pt, textcoords="offset points", color=colour, **style)


def show_nothing(axes: Any) -> None:
    """Text for a plot without data, since empty axes look like zero."""
    axes.text(0.5, 0.5, "nothing to show in this run", transform=axes.transAxes, ha="center", va="center",
              fontsize=TEXT_PT, color=MUTED)  # fmt: skip


def png(fig: Any, dpi: float | str = "figure") -> bytes:
    """The figure as PNG bytes.

    Args:
        dpi: dots per inch (default: the figure's).
    """
    sink = io.BytesIO()
    fig.savefig(sink, format="png", dpi=dpi, metadata={"Software": None})
    return sink.getvalue()
