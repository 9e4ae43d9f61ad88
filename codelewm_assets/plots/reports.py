"""The report's figures as PNG bytes. Same numbers, same bytes; no metrics are computed here."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from codelewm_assets.evaluation.reports import CalibrationBin
from codelewm_assets.plots import style

Points = tuple[Sequence[float], Sequence[float]]  # false positive rates, true positive rates


class Curve(NamedTuple):
    """A ROC curve with its AUC and the AUC's 95% interval, if there is one."""

    score: str
    points: Points
    auc: float | None
    auc_ci95: tuple[float, float] | None


class Effect(NamedTuple):
    """One row of a forest plot. `group` is the heading of its rows; `is_marked` is for effects that a gate reads."""

    group: str
    name: str
    seed: int
    value: float
    ci95: tuple[float, float]
    is_marked: bool = False


def reliability_curve(
    bins: Mapping[int, Sequence[CalibrationBin]], errors: Mapping[int, float | None], *, on: str
) -> bytes:
    """Mean p_pass against the pass rate, per bin and seed, above the number of completions of each bin.

    Args:
        errors: seed → expected calibration error.
        on: labels of the benchmarks.
    """
    fig, (upper, lower) = style.figure(4.6, rows=2, height_ratios=(3, 1), sharex=True)
    upper.plot([0, 1], [0, 1], color=style.MUTED, linestyle=":", linewidth=1)
    style.label(upper, "perfect", (0.99, 0.99), colour=style.MUTED, offset_pt=(0, -14), ha="right")
    for place, (seed, seed_bins) in enumerate(bins.items()):
        hue, full = style.seed_hue(place), [row for row in seed_bins if row.count]
        upper.plot([b.mean_score for b in full], [b.pass_rate for b in full], marker="os^D"[place % 4], color=hue,
                   markersize=4, linewidth=1.4)  # fmt: skip
        width = 0.8 / max(1, len(bins))
        for row in seed_bins:
            middle = row.lower + (row.upper - row.lower) * (0.1 + width * (place + 0.5))
            lower.bar(middle, row.count, width=(row.upper - row.lower) * width, color=hue)
        error = errors.get(seed)
        text = f"seed {seed}" + ("" if error is None else f", calibration error {error:.3f}")
        style.label(upper, text, (0.02, 0.95 - 0.09 * place), colour=hue, offset_pt=(0, 0), ha="left")
    if not bins:
        style.show_nothing(upper)
    style.tidy(upper, title=f"Reliability of p_pass on held-out completions of {on}", y="share that passed")
    style.tidy(lower, x="p_pass of the bin", y="completions")
    upper.set(xlim=(0, 1), ylim=(0, 1))
    return style.png(fig)


def roc_curves(curves: Mapping[int, Sequence[Curve]], *, on: str) -> bytes:
    """ROC curves, a panel per seed, each named with its AUC and interval; p_pass is drawn last and thickest.

    Args:
        on: labels of the benchmarks.
    """
    fig, panels = style.figure(3.9, columns=max(1, len(curves)), sharey=True, squeeze=False)
    style.figure_title(fig, f"ROC curves on held-out completions of {on}")
    for axes in panels[0]:
        axes.plot([0, 1], [0, 1], color=style.MUTED, linestyle=":", linewidth=1)
        style.tidy(axes, x="false positive rate", y="true positive rate" if axes is panels[0][0] else "")
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    for axes, (seed, seed_curves) in zip(panels[0], curves.items(), strict=False):
        axes.set_title(f"seed {seed}", fontsize=style.TITLE_PT, color=style.INK, loc="left")
        for curve in sorted(seed_curves, key=lambda curve: curve.score == "p_pass"):
            width = 1.8 if curve.score == "p_pass" else 1.0
            axes.plot(*curve.points, color=style.score_hue(curve.score), linewidth=width)
        for place, curve in enumerate(reversed(seed_curves)):
            style.label(axes, _auc_text(curve), (0.985, 0.035 + 0.055 * place), colour=style.score_hue(curve.score),
                        offset_pt=(0, 0), ha="right", fontsize=6)  # fmt: skip
    if not curves:
        style.show_nothing(panels[0][0])
    return style.png(fig)


def _auc_text(curve: Curve) -> str:
    text = curve.score if curve.auc is None else f"{curve.score}  {curve.auc:.3f}"
    return text if curve.auc_ci95 is None else f"{text} [{curve.auc_ci95[0]:.3f}, {curve.auc_ci95[1]:.3f}]"


def forest(effects: Sequence[Effect], *, title: str, x: str, threshold: float | None = None, digits: int = 1) -> bytes:
    """Effects with their 95% intervals, a row each under the heading of its group; both seeds of a name side by side.

    Args:
        threshold: of a gate, drawn as a line beside zero.
    """
    rows = [
        (group, name, list(group_effects))
        for (group, name), group_effects in groupby(effects, key=lambda e: (e.group, e.name))
    ]
    groups = list(dict.fromkeys(group for group, _, _ in rows))
    fig, axes = style.figure(max(1.6, 0.9 + 0.27 * (len(rows) + 1.2 * len(groups))))
    seeds = sorted({effect.seed for effect in effects})
    position, ticks, names = 0.0, list[float](), list[str]()
    for group in groups:
        style.label(
            axes,
            group,
            (0, position),
            offset_pt=(4, 0),
            fontweight="bold",
            xycoords=axes.get_yaxis_transform(),
            ha="left",
        )
        position += 1.0
        for _, name, group_effects in (row for row in rows if row[0] == group):
            for effect in group_effects:
                _one_effect(
                    axes, effect, position + 0.34 * (seeds.index(effect.seed) - (len(seeds) - 1) / 2), seeds, digits
                )
            ticks.append(position)
            names.append(f"{name} *" if any(effect.is_marked for effect in group_effects) else name)
            position += 1.0
        position += 0.2
    axes.axvline(0, color=style.INK, linewidth=0.8)
    if threshold is not None:
        axes.axvline(threshold, color=style.INK, linewidth=0.8, linestyle=":")
        style.label(axes, f"gate {threshold:g}", (threshold, -0.1), offset_pt=(3, 0), ha="left")
    style.tidy(axes, title=title, x=x)
    _name_seeds(axes, seeds)
    axes.grid(visible=False, axis="y")
    axes.set_yticks(ticks, names)
    axes.set_ylim(max(position, 1.0) - 0.4, -0.6)
    axes.margins(x=0.14)
    if not effects:
        style.show_nothing(axes)
    return style.png(fig)


def _one_effect(axes: Any, effect: Effect, y: float, seeds: Sequence[int], digits: int) -> None:
    place = seeds.index(effect.seed)
    hue, low, high = style.seed_hue(place), *effect.ci95
    axes.plot([low, high], [y, y], color=hue, linewidth=1.5, solid_capstyle="butt")
    axes.plot([effect.value], [y], "os^D"[place % 4], color=hue, markersize=3.6)
    style.label(
        axes, f"{round(effect.value, digits) + 0.0:+.{digits}f}", (high, y), colour=hue, offset_pt=(3, 0), fontsize=6
    )


def _name_seeds(axes: Any, seeds: Sequence[int]) -> None:
    for place, seed in enumerate(seeds):
        position = (1.0, 1.0)
        style.label(axes, f"{'●■▲◆'[place % 4]} seed {seed}", position, colour=style.seed_hue(place), ha="right",
                    offset_pt=(-62 * (len(seeds) - 1 - place), 9), xycoords="axes fraction")  # fmt: skip


def training_curve(events: Mapping[int, Sequence[Mapping[str, Any]]], *, on: str) -> bytes:
    """Loss by step, a panel per seed and a line per fold: training thin, validation thick with points.

    Args:
        on: labels of the benchmarks.
    """
    fig, panels = style.figure(3.2, columns=max(1, len(events)), sharey=True, squeeze=False)
    style.figure_title(fig, f"Training and validation loss by step on {on}")
    for place, axes in enumerate(panels[0]):
        style.tidy(axes, x="step", y="loss" if place == 0 else "")
    for place, (axes, (seed, seed_events)) in enumerate(zip(panels[0], events.items(), strict=False)):
        axes.set_title(f"seed {seed}", fontsize=style.TITLE_PT, color=style.INK, loc="left")
        steps = sorted((e for e in seed_events if e["event"] == "progress"), key=lambda e: (e["fold"], e["step"]))
        for fold, rows in groupby(steps, key=lambda e: e["fold"]):
            _losses(axes, list(rows), style.seed_hue(place), is_named=fold == steps[0]["fold"])
        if not steps:
            style.show_nothing(axes)
        else:
            axes.set_xlim(0, 1.35 * max(event["step"] for event in steps))  # room for the names at the lines' ends
    return style.png(fig)


def _losses(axes: Any, rows: Sequence[Mapping[str, Any]], hue: str, *, is_named: bool) -> None:
    for name, text, width, marker in (("train_loss", "train", 0.9, ""), ("val_loss", "validation", 1.6, "o")):
        points = [(row["step"], row["metrics"][name]) for row in rows if row["metrics"].get(name) is not None]
        if not points:
            continue
        colour = hue if name == "val_loss" else style.MUTED
        axes.plot(*zip(*points, strict=True), color=colour, linewidth=width, marker=marker, markersize=2.6)
        if is_named:
            style.label(
                axes, f"{text} {points[-1][1]:.3g}", points[-1], colour=colour, offset_pt=(4, 5 if marker else -5)
            )
