"""Gate rules on one seed's reports of CodeLeWM, and the rule of every gate. No metric is computed here."""

from collections.abc import Callable

from codelewm_assets.claims import register
from codelewm_assets.claims.figure_checks import (
    NONE,
    ZERO,
    FigureCheck,
    Verdict,
    absent,
    at_least,
    check_difference,
    check_figure,
    check_interval,
    difference,
    missing,
    of_lift,
    verdict_of,
)
from codelewm_assets.claims.scorer_gates import gates_of
from codelewm_assets.claims.verdicts import Need, Reason
from codelewm_assets.core.ids import ABLATIONS
from codelewm_assets.evaluation.reports import IntegrityEvidence, RetrieverName, SeedEvidence


def collapse_gate(evidence: SeedEvidence) -> Verdict:
    """Effective rank, variance and neighbour entropy above their floors, weights finite, R² above an untrained network's."""
    report = evidence.collapse
    if report is None:
        return absent("The report checkpoint_inspection is missing.")
    floors = [
        check_figure(
            name, "collapsed", getattr(report, name), Need(relation="at_least", threshold=floor), f"{name} of z_pred"
        )
        for name, floor in register.COLLAPSE_FLOORS.items()
    ]
    count = float(len(report.nonfinite_tensors))
    return verdict_of(
        *floors,
        check_figure("nonfinite_tensors", "weights_not_finite", count, NONE, "The number of tensors that are not finite"),
        *check_difference("r2", "no_better_than_untrained", difference(report.r2, report.r2_ci95),
                           "R² of z_pred on held-out records", "a constant"),
        *check_difference("r2_over_untrained", "no_better_than_untrained", report.over_untrained,
                           "R² of z_pred on held-out records minus that of the untrained network", "the untrained network"),
    )  # fmt: skip


def retrieval_gate(evidence: SeedEvidence) -> Verdict:
    """Recall@1 and MRR each at least no_action and lexical plus the margin, intervals above 0."""
    report = evidence.retrieval
    if report is None:
        return absent("The report retrieval_report is missing.")
    if report.scores is None or "model" not in report.scores:
        return absent("retrieval_report has no scores of the model.")
    need = at_least(register.RETRIEVAL_MARGIN)
    checks = list[FigureCheck]()
    codes: dict[RetrieverName, str] = {"no_action": "below_no_action_margin", "lexical": "below_lexical_margin"}
    for control, code in codes.items():
        for name, title in (("recall_at_1", "Recall@1"), ("mrr", "MRR")):
            theirs, over = report.scores.get(control), of_lift(report.lift.get(control, {}).get(name), 0.01)
            of_scores = getattr(report.scores["model"], name) - getattr(theirs, name) if theirs else None
            value = over.difference if over else of_scores
            figure, subject = f"{name}_over_{control}", f"{title} of the model minus that of {control}"
            checks += [
                check_figure(figure, code, value, need, subject),
                check_interval(f"{figure}_ci95", over.ci95 if over else None, lift=subject, than=control),
            ]
    return verdict_of(*checks)


def surprise_gate(evidence: SeedEvidence) -> Verdict:
    """Pairwise AUC of each category above its floor, no_action and frequency, on enough pairs and problems."""
    report = evidence.surprise
    if report is None:
        return absent("The report surprise_report is missing.")
    checks = []
    for name, threshold in register.SURPRISE_AUC.items():
        category = report.categories.get(name)
        pairs, problems = (category.pair_count, category.problem_count) if category else (0, 0)
        enough = [
            check_figure(
                f"{name}_pairs",
                "too_few_pairs",
                float(pairs),
                at_least(register.SURPRISE_PAIRS),
                f"The number of {name} pairs",
            )
        ]
        if name == "same_problem_different_submission" and enough[0].reason is None:
            need = at_least(register.SURPRISE_PROBLEMS)
            enough.append(
                check_figure(
                    f"{name}_problems",
                    "too_few_problems",
                    float(problems),
                    need,
                    f"The number of problems with {name} pairs",
                )
            )
        auc = category.auc if category else None
        few = [check for check in enough if check.reason]
        subject = f"The pairwise AUC of {name}"
        checks += few or [check_figure(f"{name}_auc", "auc_below_threshold", auc, at_least(threshold), subject)]
        for control in () if few else ("no_action", "frequency"):
            over = getattr(category, f"over_{control}", None)
            of = f"{subject} minus that of {control}"
            checks += check_difference(f"{name}_over_{control}", "not_above_control", over, of, control)
    return verdict_of(*checks)


def probe_gate(evidence: SeedEvidence) -> Verdict:
    """One of five or more targets beats every control by more than the margin, with an interval above 0."""
    report = evidence.probe
    if report is None:
        return absent("The report latent_probe_report is missing.")
    lifts = {n: t.lift_over_best_control for n, t in report.targets.items() if t.lift_over_best_control is not None}
    few = check_figure(
        "targets",
        "too_few_targets",
        float(len(lifts)),
        at_least(register.PROBE_TARGETS),
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
        reason = check_figure(best, "below_controls_margin", lifts[best], need, subject).reason
        return Verdict("FAILS", (reason,) if reason else (), lifts, needs)
    intervals = [
        check_interval(
            "ci99",
            report.targets[name].lift_ci99,
            lift=f"the lift of {name} over its best control",
            than="that control",
            level=99,
        )
        for name in large
    ]
    if any(check.reason is None for check in intervals):
        return Verdict("HOLDS", (), lifts, needs)
    return Verdict(
        verdict_of(*intervals).state, tuple(check.reason for check in intervals if check.reason), lifts, needs
    )


def action_use_gate(evidence: SeedEvidence) -> Verdict:
    """On each benchmark better than both ablations, and within a completion better than the input alone."""
    reports = {"rerank": evidence.rerank, "calibration": evidence.calibration, "record": evidence.record_calibration}
    missing = [name for name, report in reports.items() if report is None]
    if evidence.rerank is None or evidence.calibration is None or evidence.record_calibration is None:
        return absent(f"The report of p_pass is missing: {', '.join(missing)}.")
    checks = list[FigureCheck]()
    for benchmark in register.TRACKED:
        ranked = evidence.rerank.benchmarks.get(benchmark)
        for ablation in ABLATIONS:
            lift = ranked.lift.get(ablation) if ranked else None
            top = of_lift(lift, 0.01)
            area = evidence.calibration.within_pool_difference.get(benchmark, {}).get(ablation)
            known = [over for over in (top, area) if over is not None]
            best = max(known, key=lambda over: (over.ci95[0], over.difference), default=None)
            subject = f"Pass@1 or within-problem AUC of p_pass minus that of {ablation} on {benchmark}"
            checks += check_difference(f"{benchmark}_over_{ablation}", "not_above_control", best, subject, ablation)
        prior = evidence.record_calibration.within_pool_difference.get(benchmark, {}).get("input_prior")
        subject = f"AUC of p_pass within a completion minus that of the input alone on {benchmark}"
        checks += check_difference(
            f"{benchmark}_over_input_prior", "not_above_control", prior, subject, "the input alone"
        )
    return verdict_of(*checks)


def contamination_gate(evidence: SeedEvidence) -> Verdict:
    """The encoder's pretraining cannot hold a benchmark."""
    seen = evidence.collapse.encoder_may_have_seen_benchmarks if evidence.collapse else None
    if seen is None:
        return absent("checkpoint_inspection does not say what the encoder was pretrained on.")
    if seen == "false":
        return Verdict("HOLDS")
    may = "may hold the benchmarks" if seen == "true" else "is not known"
    detail = f"What the encoder was pretrained on {may}: no figure of CodeLeWM shows what it does on problems that it never saw."
    return Verdict("UNDECIDED", (Reason(code="contamination_unknown", detail=detail),))


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
        check_figure(name, code, None if rows[name] is None else float(len(rows[name])), NONE, subject)
        for name, (code, subject) in named.items()
    ]
    if evidence.manifests_verified == 0:
        subject = "The number of verified manifests is 0"
        checks.append(
            FigureCheck(
                "manifests_verified", None, ZERO, missing(f"{subject}: nothing was verified.", "manifests_verified")
            )
        )
    return verdict_of(*checks)


SEED_GATES: dict[str, Callable[[SeedEvidence], Verdict]] = {
    "collapse": collapse_gate,
    "retrieval": retrieval_gate,
    "surprise": surprise_gate,
    "probe": probe_gate,
    "action_use": action_use_gate,
    "contamination": contamination_gate,
    **{name: gate for scorer in register.SCORERS for name, gate in gates_of(scorer).items()},
}
