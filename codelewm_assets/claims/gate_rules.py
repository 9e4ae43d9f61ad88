"""What each gate asks of one seed's reports. A missing figure leaves a gate undecided; no metric is worked out here."""

from collections.abc import Callable

from codelewm_assets.claims import register
from codelewm_assets.claims.verdicts import Reason, State
from codelewm_assets.core.ids import BENCHMARKS, BenchmarkId
from codelewm_assets.evaluation.reports import IntegrityEvidence, SeedEvidence

Verdict = tuple[State, tuple[Reason, ...], dict[str, float]]


def absent(what: str) -> Verdict:
    """No verdict, as evidence is missing."""
    return "UNDECIDED", (Reason(code="evidence_missing", detail=what),), {}


Row = tuple[str, str, float | None, bool]
"""(figure, reason code, value, whether it is good enough); a missing value leaves the gate undecided."""


def _judge(*rows: Row) -> Verdict:
    figures = {name: value for name, _, value, _ in rows if value is not None}
    missing = [Reason(code="evidence_missing", detail=name) for name, _, value, _ in rows if value is None]
    bad = [
        Reason(code=code, detail=f"{name} is {v:.4g}")
        for name, code, v, is_good in rows
        if v is not None and not is_good
    ]
    if bad:
        return "FAILS", (*bad, *missing), figures
    return ("UNDECIDED", tuple(missing), figures) if missing else ("HOLDS", (), figures)


def _at_least(name: str, code: str, value: float | None, wanted: float) -> Row:
    return name, code, value, value is not None and value >= wanted


def _at_most(name: str, code: str, value: float | None, allowed: float) -> Row:
    return name, code, value, value is not None and value <= allowed


def _above_zero(name: str, value: float | None) -> Row:
    return name, "interval_includes_zero", value, value is not None and value > 0


def collapse_gate(evidence: SeedEvidence) -> Verdict:
    """Effective rank, variance and neighbour entropy of z_pred above their floors, and weights finite."""
    report = evidence.collapse
    if report is None:
        return absent("checkpoint_inspection")
    floors = [_at_least(n, "collapsed", getattr(report, n), floor) for n, floor in register.COLLAPSE_FLOORS.items()]
    return _judge(*floors, _at_most("nonfinite_tensors", "weights_not_finite", float(len(report.nonfinite_tensors)), 0))


def retrieval_gate(evidence: SeedEvidence) -> Verdict:
    """Recall@1 and MRR each at least no_action plus the margin."""
    report = evidence.retrieval
    if report is None or report.scores is None:
        return absent("retrieval_report")
    ours, control, margin = report.scores["model"], report.scores["no_action"], register.RETRIEVAL_MARGIN.value
    return _judge(
        _at_least("recall_at_1_lift", "below_no_action_margin", ours.recall_at_1 - control.recall_at_1, margin),
        _at_least("mrr_lift", "below_no_action_margin", ours.mrr - control.mrr, margin),
    )


def surprise_gate(evidence: SeedEvidence) -> Verdict:
    """Pairwise AUC of each category above its floor, on pairs and problems enough."""
    report = evidence.surprise
    if report is None:
        return absent("surprise_report")
    few, rows = list[Reason](), list[Row]()
    for name, threshold in register.SURPRISE_AUC.items():
        found = report.categories.get(name)
        if found is None or found.pair_count < register.SURPRISE_PAIRS.value:
            few.append(Reason(code="too_few_pairs", detail=f"{name}: {found.pair_count if found else 0} pairs"))
            continue
        if name == "same_problem_different_submission" and found.problem_count < register.SURPRISE_PROBLEMS.value:
            few.append(Reason(code="too_few_problems", detail=f"{name}: {found.problem_count} problems"))
            continue
        rows.append(_at_least(f"{name}_auc", "auc_below_threshold", found.auc, threshold.value))
    state, reasons, figures = _judge(*rows)
    if few:
        return ("FAILS" if state == "FAILS" else "UNDECIDED"), (*reasons, *few), figures
    return state, reasons, figures


def probe_gate(evidence: SeedEvidence) -> Verdict:
    """One of five or more targets beats every control by more than the margin, with an interval above 0."""
    report = evidence.probe
    if report is None:
        return absent("latent_probe_report")
    lifts = {n: t.lift_over_best_control for n, t in report.targets.items() if t.lift_over_best_control is not None}
    if len(lifts) < register.PROBE_TARGETS.value:
        return "UNDECIDED", (Reason(code="too_few_targets", detail=f"{len(lifts)} targets could be probed"),), lifts
    margin = register.PROBE_MARGIN.value
    sure = [
        n for n, t in report.targets.items() if n in lifts and lifts[n] > margin and t.lift_ci99 and t.lift_ci99[0] > 0
    ]
    if sure:
        return "HOLDS", (), lifts
    best = max(lifts, key=lambda name: lifts[name])
    interval = report.targets[best].lift_ci99
    shown = "no interval" if interval is None else f"99% interval {interval[0]:.3f} to {interval[1]:.3f}"
    code = "interval_includes_zero" if lifts[best] > margin else "no_target_beats_controls"
    return "FAILS", (Reason(code=code, detail=f"largest lift {best} {lifts[best]:.4f}, {shown}"),), lifts


def calibration_gate(evidence: SeedEvidence) -> Verdict:
    """ROC-AUC above surface_lr by the margin with an interval above 0, and a small calibration error."""
    report = evidence.calibration
    if report is None or report.overall.get("p_pass") is None or report.overall["p_pass"].status != "ok":
        return absent("p_pass_calibration")
    ours = report.overall["p_pass"]
    if ours.missing_count or ours.nonfinite_count:
        return absent(f"p_pass of {ours.missing_count + ours.nonfinite_count} rows")
    over = report.difference.get("surface_lr")
    lift, lower = (over.difference, over.ci95[0]) if over else (None, None)
    error = ours.expected_calibration_error
    return _judge(
        _at_least("roc_auc_over_surface_lr", "below_surface_lr_margin", lift, register.CALIBRATION_MARGIN.value),
        _above_zero("ci95_lower", lower),
        _at_most("expected_calibration_error", "miscalibrated", error, register.CALIBRATION_ERROR.value),
    )


def rerank_gate(evidence: SeedEvidence, benchmark: BenchmarkId) -> Verdict:
    """Lift over the best control of at least the points asked, interval above 0, pools unsaturated, no stand-in."""
    found = evidence.rerank.benchmarks.get(benchmark) if evidence.rerank else None
    if found is None or found.best_control is None:
        return absent(f"rerank_report of {benchmark}")
    lift = found.lift_over_best_control
    figures = (
        {} if lift is None else {"lift_points": lift.points, "ci95_lower": lift.ci95[0], "ci95_upper": lift.ci95[1]}
    )
    if "stand-in" in found.benchmark_label:
        return "UNDECIDED", (Reason(code="benchmark_is_a_stand_in", detail=found.benchmark_label),), figures
    holes = [
        f"{name} in {found.complete_pool_count.get(name, 0)} of {found.pool_count} pools"
        for name in ("p_pass", *register.CONTROLS)
        if found.complete_pool_count.get(name, 0) < found.pool_count
    ]
    if found.problem_count < register.RERANK_PROBLEMS.value:
        holes.append(f"{found.problem_count} problems, wanted {register.RERANK_PROBLEMS.value:.0f}")
    if holes:
        return "UNDECIDED", tuple(Reason(code="evidence_missing", detail=hole) for hole in holes), figures
    if lift is None:
        return absent(f"lift over {found.best_control}")
    state, reasons, _ = _judge(
        _at_least(f"lift over {found.best_control}", "lift_below_threshold", lift.points, register.RERANK_POINTS.value),
        _above_zero("ci95_lower", lift.ci95[0]),
        _at_most("saturated", "benchmark_saturated", float(bool(found.saturated)), 0),
    )
    return state, reasons, figures


def _rerank_gate_of(benchmark: BenchmarkId) -> Callable[[SeedEvidence], Verdict]:
    return lambda evidence: rerank_gate(evidence, benchmark)


def integrity_gate(evidence: IntegrityEvidence | None) -> Verdict:
    """Manifests verify with their parents, secret scans are clean, no scored problem was trained on."""
    if evidence is None:
        return absent("integrity evidence")
    named = {
        "manifest_mismatches": "manifest_mismatch",
        "secret_findings": "secret_found",
        "scored_problems_trained_on": "scored_problem_trained_on",
    }
    found = {name: getattr(evidence, name) for name in named}
    counts = {name: None if rows is None else float(len(rows)) for name, rows in found.items()}
    if evidence.manifests_verified == 0:
        counts["manifests_verified"] = None
    return _judge(*(_at_most(name, named.get(name, ""), count, 0) for name, count in counts.items()))


SEED_GATES: dict[str, Callable[[SeedEvidence], Verdict]] = {
    "collapse": collapse_gate,
    "retrieval": retrieval_gate,
    "surprise": surprise_gate,
    "probe": probe_gate,
    "calibration": calibration_gate,
    **{f"rerank:{name}": _rerank_gate_of(name) for name in BENCHMARKS},
}
