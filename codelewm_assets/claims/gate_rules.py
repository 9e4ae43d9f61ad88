"""Gate rules on one seed's reports. A missing figure leaves a gate UNDECIDED; no metric is computed here."""

from collections.abc import Callable
from dataclasses import dataclass, field

from codelewm_assets.claims import register
from codelewm_assets.claims.verdicts import REASONS, Need, Reason, State
from codelewm_assets.core.ids import BENCHMARKS, BenchmarkId
from codelewm_assets.evaluation.reports import IntegrityEvidence, Interval, SeedEvidence

STAND_IN = "{}: problems of this project stand in for the published benchmark, and no benchmark claim opens on them."
ZERO = Need(relation="above", threshold=0.0)
NONE = Need(relation="at_most", threshold=0.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state with its reasons, the figures, and their needs."""

    state: State
    reasons: tuple[Reason, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
    needs: dict[str, Need] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FigureCheck:
    """A figure against its need. `value` None: missing; `reason` None: the need is met."""

    name: str
    value: float | None
    need: Need
    reason: Reason | None


def absent(sentence: str) -> Verdict:
    """UNDECIDED, because evidence is missing."""
    return Verdict("UNDECIDED", (_missing(sentence),))


def _missing(sentence: str, name: str | None = None) -> Reason:
    return Reason(code="evidence_missing", detail=sentence, name=name)


def _verdict(*checks: FigureCheck) -> Verdict:
    reasons = sorted((check.reason for check in checks if check.reason), key=lambda r: not REASONS[r.code].fails)
    fails = any(REASONS[reason.code].fails for reason in reasons)
    figures = {check.name: check.value for check in checks if check.value is not None}
    state: State = "FAILS" if fails else "UNDECIDED" if reasons else "HOLDS"
    return Verdict(state, tuple(reasons), figures, {check.name: check.need for check in checks})


def format_against(value: float, threshold: float) -> str:
    """The value with at least three digits, and as many as distinguish it from the threshold."""
    texts = (f"{value + 0.0:.{digits}g}" for digits in range(3, 18))
    return next(text for text in texts if value == threshold or float(text) != threshold)


def _check(name: str, code: str, value: float | None, need: Need, subject: str) -> FigureCheck:
    """Args: subject: the figure in words, as the start of a sentence."""
    if value is None:
        return FigureCheck(name, value, need, _missing(f"{subject} is missing.", name))
    if need.is_met(value):
        return FigureCheck(name, value, need, None)
    words = f"{need.relation.replace('_', ' ')} {need.threshold:g} is needed"
    detail = f"{subject} is {format_against(value, need.threshold)}; {words}."
    return FigureCheck(
        name, value, need, Reason(code=code, detail=detail, name=name, figure=value, threshold=need.threshold)
    )


def _at_least(threshold: register.Threshold) -> Need:
    return Need(relation="at_least", threshold=threshold.value)


def _check_interval(prefix: str, bounds: Interval | None, *, lift: str, than: str, unit: str = "") -> FigureCheck:
    """The interval of a lift must be above 0. Args: prefix: of the names of its bounds. lift: the lift in words."""
    lower = f"{prefix}_lower"
    if bounds is None:
        return FigureCheck(lower, None, ZERO, _missing(f"The interval of {lift} is missing.", lower))
    low, high = bounds
    if low > 0:
        return FigureCheck(lower, low, ZERO, None)
    text = f"The {prefix.removeprefix('ci')}% interval of {lift}, {format_against(low, 0)} to {format_against(high, 0)}{unit},"
    if high < 0:
        detail = f"{text} lies below 0: significantly worse than {than}."
        worse = Reason(
            code="significantly_worse",
            detail=detail,
            name=f"{prefix}_upper",
            figure=high,
            threshold=0.0,
            interval=bounds,
        )
        return FigureCheck(lower, low, ZERO, worse)
    spans = Reason(
        code="interval_includes_zero",
        detail=f"{text} includes 0.",
        name=lower,
        figure=low,
        threshold=0.0,
        interval=bounds,
    )
    return FigureCheck(lower, low, ZERO, spans)


def collapse_gate(evidence: SeedEvidence) -> Verdict:
    """Effective rank, variance and neighbour entropy of z_pred above their floors, and weights finite."""
    report = evidence.collapse
    if report is None:
        return absent("The report checkpoint_inspection is missing.")
    floors = [
        _check(
            name, "collapsed", getattr(report, name), Need(relation="at_least", threshold=floor), f"{name} of z_pred"
        )
        for name, floor in register.COLLAPSE_FLOORS.items()
    ]
    count = float(len(report.nonfinite_tensors))
    return _verdict(
        *floors,
        _check("nonfinite_tensors", "weights_not_finite", count, NONE, "The number of tensors that are not finite"),
    )


def retrieval_gate(evidence: SeedEvidence) -> Verdict:
    """Recall@1 and MRR each at least no_action plus the margin."""
    report = evidence.retrieval
    if report is None:
        return absent("The report retrieval_report is missing.")
    if report.scores is None or not {"model", "no_action"} <= report.scores.keys():
        return absent("retrieval_report has no scores of the model and of no_action.")
    ours, control, need = report.scores["model"], report.scores["no_action"], _at_least(register.RETRIEVAL_MARGIN)
    lifts = {
        "recall_at_1": ("Recall@1", ours.recall_at_1 - control.recall_at_1),
        "mrr": ("MRR", ours.mrr - control.mrr),
    }
    return _verdict(
        *(_check(f"{name}_lift", "below_no_action_margin", lift, need, f"{title} of the model minus that of no_action")
          for name, (title, lift) in lifts.items())
    )  # fmt: skip


def surprise_gate(evidence: SeedEvidence) -> Verdict:
    """Pairwise AUC of each category above its floor, on enough pairs and problems."""
    report = evidence.surprise
    if report is None:
        return absent("The report surprise_report is missing.")
    checks = []
    for name, threshold in register.SURPRISE_AUC.items():
        category = report.categories.get(name)
        pairs, problems = (category.pair_count, category.problem_count) if category else (0, 0)
        enough = [
            _check(
                f"{name}_pairs",
                "too_few_pairs",
                float(pairs),
                _at_least(register.SURPRISE_PAIRS),
                f"The number of {name} pairs",
            )
        ]
        if name == "same_problem_different_submission" and enough[0].reason is None:
            need = _at_least(register.SURPRISE_PROBLEMS)
            enough.append(
                _check(
                    f"{name}_problems",
                    "too_few_problems",
                    float(problems),
                    need,
                    f"The number of problems with {name} pairs",
                )
            )
        auc = category.auc if category else None
        few = [check for check in enough if check.reason]
        checks += few or [
            _check(f"{name}_auc", "auc_below_threshold", auc, _at_least(threshold), f"The pairwise AUC of {name}")
        ]
    return _verdict(*checks)


def probe_gate(evidence: SeedEvidence) -> Verdict:
    """One of five or more targets beats every control by more than the margin, with an interval above 0."""
    report = evidence.probe
    if report is None:
        return absent("The report latent_probe_report is missing.")
    lifts = {n: t.lift_over_best_control for n, t in report.targets.items() if t.lift_over_best_control is not None}
    few = _check(
        "targets",
        "too_few_targets",
        float(len(lifts)),
        _at_least(register.PROBE_TARGETS),
        "The number of probed targets",
    )
    if few.reason:
        return Verdict("UNDECIDED", (few.reason,), lifts)
    need = Need(relation="above", threshold=register.PROBE_MARGIN.value)
    needs = dict.fromkeys(lifts, need)
    large = [name for name, lift in lifts.items() if need.is_met(lift)]
    if not large:
        best = max(lifts, key=lambda name: lifts[name])
        subject = f"The largest lift of a probed target over its best control, that of {best},"
        reason = _check(best, "below_controls_margin", lifts[best], need, subject).reason
        return Verdict("FAILS", (reason,) if reason else (), lifts, needs)
    intervals = [
        _check_interval(
            "ci99",
            report.targets[name].lift_ci99,
            lift=f"the lift of {name} over its best control",
            than="that control",
        )
        for name in large
    ]
    if any(check.reason is None for check in intervals):
        return Verdict("HOLDS", (), lifts, needs)
    return Verdict(_verdict(*intervals).state, tuple(check.reason for check in intervals if check.reason), lifts, needs)


def calibration_gate(evidence: SeedEvidence) -> Verdict:
    """ROC-AUC above surface_lr by the margin with an interval above 0, and a small calibration error."""
    report = evidence.calibration
    if report is None:
        return absent("The report p_pass_calibration is missing.")
    ours = report.overall.get("p_pass")
    if ours is None or ours.status != "ok":
        return absent(
            f"p_pass_calibration has no metrics of p_pass: {'no such score' if ours is None else ours.status}."
        )
    if ours.missing_count or ours.nonfinite_count:
        return absent(f"p_pass is missing or not finite on {ours.missing_count + ours.nonfinite_count} rows.")
    over = report.difference.get("surface_lr")
    of = "ROC-AUC of p_pass minus that of surface_lr"
    most = Need(relation="at_most", threshold=register.CALIBRATION_ERROR.value)
    return _verdict(
        _check("roc_auc_over_surface_lr", "below_surface_lr_margin", over.difference if over else None,
               _at_least(register.CALIBRATION_MARGIN), of),
        _check_interval("ci95", over.ci95 if over else None, lift=of, than="surface_lr"),
        _check("expected_calibration_error", "miscalibrated", ours.expected_calibration_error, most,
               "The expected calibration error of p_pass"),
    )  # fmt: skip


def rerank_gate(evidence: SeedEvidence, benchmark: BenchmarkId) -> Verdict:
    """Lift over the best control of at least the points asked, interval above 0, pools unsaturated, no stand-in."""
    if evidence.rerank is None:
        return absent("The report rerank_report is missing.")
    report = evidence.rerank.benchmarks.get(benchmark)
    if report is None or report.best_control is None:
        return absent(f"rerank_report has no {'best control on ' if report else ''}{benchmark}.")
    lift = report.lift_over_best_control
    figures = (
        {} if lift is None else {"lift_points": lift.points, "ci95_lower": lift.ci95[0], "ci95_upper": lift.ci95[1]}
    )
    if "stand-in" in report.benchmark_label:
        stand_in = Reason(code="benchmark_is_a_stand_in", detail=STAND_IN.format(report.benchmark_label))
        return Verdict("UNDECIDED", (stand_in,), figures)
    few = [
        _missing(
            f"{name} has a score in {report.complete_pool_count.get(name, 0)} of {report.pool_count} pools; all are needed.",
            name,
        )
        for name in ("p_pass", *register.CONTROLS)
        if report.complete_pool_count.get(name, 0) < report.pool_count
    ]
    problems = _check("problem_count", "too_few_problems", float(report.problem_count), _at_least(register.RERANK_PROBLEMS),
                      f"The number of problems of {benchmark}")  # fmt: skip
    if few or problems.reason:
        return Verdict("UNDECIDED", (*few, *([problems.reason] if problems.reason else [])), figures)
    if lift is None:
        return absent(f"rerank_report has no lift over the best control on {benchmark}.")
    best = report.best_control
    top = report.pass_at_1.get(best)
    reached = "–" if top is None else f"{top:.3f}"
    verdict = _verdict(
        _check("lift_points", "lift_below_threshold", lift.points, _at_least(register.RERANK_POINTS),
               f"Pass@1 of p_pass minus that of {best}, the best control, in points,"),
        _check_interval("ci95", lift.ci95, lift="pass@1 of p_pass minus that of each resample's best control",
                        than="the best control", unit=" points"),
        _check("saturated", "benchmark_saturated", None if report.saturated is None else float(report.saturated), NONE,
               f"Saturation (1: {best} reaches a pass@1 of {reached}, so there is no room for a lift)"),
    )  # fmt: skip
    return Verdict(verdict.state, verdict.reasons, verdict.figures | figures, verdict.needs)


def _rerank_gate_of(benchmark: BenchmarkId) -> Callable[[SeedEvidence], Verdict]:
    return lambda evidence: rerank_gate(evidence, benchmark)


def integrity_gate(evidence: IntegrityEvidence | None) -> Verdict:
    """Manifests verify with their parents, secret scans are clean, no scored problem was trained on."""
    if evidence is None:
        return absent("Nothing was checked of the artifacts behind the reports.")
    named = {
        "manifest_mismatches": ("manifest_mismatch", "The number of files that are not those of their manifests"),
        "secret_findings": ("secret_found", "The number of findings of the secret scan"),
        "scored_problems_trained_on": (
            "scored_problem_trained_on",
            "The number of scored problems that were trained on",
        ),
    }
    rows = {name: getattr(evidence, name) for name in named}
    checks = [
        _check(name, code, None if rows[name] is None else float(len(rows[name])), NONE, subject)
        for name, (code, subject) in named.items()
    ]
    if evidence.manifests_verified == 0:
        subject = "The number of verified manifests is 0"
        checks.append(
            FigureCheck(
                "manifests_verified", None, ZERO, _missing(f"{subject}: nothing was verified.", "manifests_verified")
            )
        )
    return _verdict(*checks)


SEED_GATES: dict[str, Callable[[SeedEvidence], Verdict]] = {
    "collapse": collapse_gate,
    "retrieval": retrieval_gate,
    "surprise": surprise_gate,
    "probe": probe_gate,
    "calibration": calibration_gate,
    **{f"rerank:{name}": _rerank_gate_of(name) for name in BENCHMARKS},
}
