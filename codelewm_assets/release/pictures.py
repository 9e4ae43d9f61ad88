"""Plots of one report for the UI. Plotting libraries are imported lazily."""

from codelewm_assets.claims.register import RERANK_POINTS
from codelewm_assets.evaluation.reports import CalibrationReport, RerankReport, SeedEvidence
from codelewm_assets.evaluation.score_files import read_twin_rows
from codelewm_assets.evaluation.scored import Scored
from codelewm_assets.store.store import Artifact


def calibration_pictures(scored: Scored, artifact: Artifact) -> dict[str, bytes]:
    """Reliability and ROC curves as PNG, by name. Args: artifact: `p_pass_calibration`."""
    from codelewm_assets.plots.reports import reliability_curve, roc_curves
    from codelewm_assets.release.figures import roc_of

    report = CalibrationReport.model_validate(artifact.read_json("p_pass_calibration_report.json"))
    ours, rows = report.overall["p_pass"], read_twin_rows(scored.artifact.path("completion_scores.jsonl"))
    bins, errors = {scored.seed: ours.calibration_bins or ()}, {scored.seed: ours.expected_calibration_error}
    on = " and ".join(scored.labels.values())
    curves = {scored.seed: roc_of(rows, report)}
    return {"reliability": reliability_curve(bins, errors, on=on), "roc": roc_curves(curves, on=on)}


def rerank_pictures(scored: Scored, artifact: Artifact) -> dict[str, bytes]:
    """Lifts over each control as a PNG, by name. Args: artifact: `rerank_report`."""
    from codelewm_assets.plots.reports import forest
    from codelewm_assets.release.figures import lift_effects

    report = RerankReport.model_validate(artifact.read_json("rerank_report.json"))
    effects = lift_effects({scored.seed: SeedEvidence(rerank=report)})
    title = "Lift in pass@1 of p_pass over each control"
    return {"lifts": forest(effects, title=title, x="points (95% interval)", threshold=RERANK_POINTS.value)}
