"""Figures of the report, drawn from finished records, each with a text alternative."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from codelewm_assets.claims.register import CALIBRATION_MARGIN, RERANK_POINTS
from codelewm_assets.core.records import Finding
from codelewm_assets.evaluation.reports import CalibrationReport, SeedEvidence
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.plots import reports
from codelewm_assets.plots.findings import cells_png
from codelewm_assets.plots.reports import Curve, Effect

BEST = "best of each resample"
HEAT_MAPS = {
    "coverage.png": ("folds_cover_every_cell", "Rows of the pack by fold, benchmark and label"),
    "decoy_coverage.png": ("decoy_coverage", "Decoy pairs and their problems by fold, benchmark and category"),
}
CAPTIONS: Mapping[str, str] = {
    "lifts.png": "Forest plot: lift of p_pass in pass@1 over each control on each benchmark, with 95% intervals; a star marks "
    "the best control",
    "roc.png": "ROC curves of p_pass and the controls, a panel for each seed, with areas and their 95% intervals",
    "auc_differences.png": "Forest plot: ROC-AUC of p_pass minus that of each control, with 95% intervals by problem",
    "reliability_curve.png": "Reliability of p_pass: share that passed against mean p_pass for each bin and seed, above the "
    "number of completions in the bin",
    "training_curve.png": "Training and validation loss by step, a panel for each seed",
    "coverage.png": "Heat map: rows of the pack against their floor, for each fold, benchmark and label",
    "decoy_coverage.png": "Heat map: decoy pairs and problems against their floor, for each fold, benchmark and category",
}


def draw_figures(
    evidence: Mapping[int, SeedEvidence],
    findings: Sequence[Finding],
    *,
    completions: Mapping[int, Sequence[ScoreRow]],
    events: Mapping[int, Sequence[Mapping[str, Any]]],
    labels: Mapping[str, str],
) -> dict[str, bytes]:
    """File name → PNG.

    Args:
        completions: seed → scored completions.
        events: seed → event stream of its training.
        labels: benchmark id → its name in texts, which marks a stand-in in every plot.
    """
    on = " and ".join(labels.values())
    calibration = {seed: record.calibration for seed, record in sorted(evidence.items()) if record.calibration}
    cells = {record.rule: record.table for record in findings}
    heat_maps = {
        name: cells_png(cells[rule], title=title, labels=labels)
        for name, (rule, title) in HEAT_MAPS.items()
        if cells.get(rule)
    }
    return {
        "lifts.png": reports.forest(
            lift_effects(evidence), title="Lift in pass@1 of p_pass over each control (*: the best)", x="points (95% interval)",
            threshold=RERANK_POINTS.value,
        ),
        "roc.png": reports.roc_curves(
            {seed: curves for seed, rows in sorted(completions.items())
             if (curves := roc_of(rows, calibration.get(seed)))},
            on=on,
        ),
        "auc_differences.png": reports.forest(
            difference_effects(calibration, on=on), title="ROC-AUC of p_pass minus that of each control (*: in the gate)",
            x="difference (95% interval by problem)", threshold=CALIBRATION_MARGIN.value, digits=3,
        ),
        "reliability_curve.png": reports.reliability_curve(
            {seed: bins for seed, record in calibration.items()
             if (ours := record.overall.get("p_pass")) and (bins := ours.calibration_bins)},
            {seed: ours.expected_calibration_error for seed, record in calibration.items()
             if (ours := record.overall.get("p_pass"))},
            on=on,
        ),
        "training_curve.png": reports.training_curve(events, on=on),
        **heat_maps,
    }  # fmt: skip


def lift_effects(evidence: Mapping[int, SeedEvidence]) -> list[Effect]:
    """A row per benchmark, control and seed, and one over the best control of each resample."""
    effects = []
    for seed, record in evidence.items():
        for benchmark in record.rerank.benchmarks.values() if record.rerank else ():
            group, best = benchmark.benchmark_label, benchmark.best_control
            effects += [Effect(group, name, seed, lift.points, lift.ci95, name == best)
                        for name, lift in benchmark.lift.items() if name != "p_pass_raw"]  # fmt: skip
            if over := benchmark.lift_over_best_control:
                effects.append(Effect(group, BEST, seed, over.points, over.ci95))
    return sorted(effects, key=lambda e: (e.group, e.name == BEST, e.name, e.seed))


def difference_effects(reports: Mapping[int, CalibrationReport], *, on: str) -> list[Effect]:
    """A row per control and seed; the gate's control is marked. Args: on: names of the benchmarks."""
    effects = [
        Effect(f"held-out completions of {on}", name, seed, row.difference, row.ci95, name == "surface_lr")
        for seed, report in reports.items()
        for name, row in report.difference.items()
        if name != "p_pass_raw"
    ]
    return sorted(effects, key=lambda e: (e.name, e.seed))


def roc_of(rows: Sequence[ScoreRow], report: CalibrationReport | None) -> list[Curve]:
    """The ROC curve of each score that has one, the largest area first."""
    names = sorted({name for row in rows for name in row.scores} - {"p_pass_raw"})
    curves = []
    for name in names:
        points = roc_points(rows, name)
        if points is not None:
            known = report.overall.get(name) if report else None
            curves.append(Curve(name, points, known.roc_auc if known else None, known.roc_auc_ci95 if known else None))
    return sorted(curves, key=lambda curve: (-(curve.auc or 0.0), curve.score))


def roc_points(rows: Sequence[ScoreRow], name: str) -> tuple[list[float], list[float]] | None:
    """(false positive rates, true positive rates) of a score; None with a single class or without finite scores.

    Source: scikit-learn `roc_curve`.
    """
    usable = [row for row in rows if row.finite(name) is not None]
    passed = np.array([row.passed for row in usable], dtype=bool)
    if not usable or passed.all() or not passed.any():
        return None
    from sklearn.metrics import roc_curve

    false_rate, true_rate, _ = roc_curve(passed, [row.finite(name) for row in usable])
    return false_rate.tolist(), true_rate.tolist()
