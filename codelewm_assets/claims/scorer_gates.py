"""Gate rules that every candidate scorer has, on one seed's reports. No metric is computed here."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import assert_never

from codelewm_assets.claims import register
from codelewm_assets.claims.figure_checks import (
    NONE,
    STAND_IN,
    Verdict,
    absent,
    at_least,
    check_difference,
    check_figure,
    check_interval,
    missing,
    of_lift,
    verdict_of,
)
from codelewm_assets.claims.register import Scorer
from codelewm_assets.claims.verdicts import Need, Reason, State
from codelewm_assets.core.ids import BENCHMARKS, CONTROLS, MODEL_CONTROLS, BenchmarkId
from codelewm_assets.evaluation.reports import RerankReport, SeedEvidence


def calibration_gate(evidence: SeedEvidence, scorer: Scorer) -> Verdict:
    """ROC-AUC above surface_lr by the margin and above static, intervals above 0, and a small calibration error."""
    report, name = evidence.of_scorer(scorer.name).calibration, scorer.score
    if report is None:
        return absent(f"The calibration report of {name} is missing.")
    ours = report.overall.get(name)
    if ours is None or ours.status != "ok":
        return absent(
            f"The calibration report has no metrics of {name}: {'no such score' if ours is None else ours.status}."
        )
    if ours.missing_count or ours.nonfinite_count:
        return absent(f"{name} is missing or not finite on {ours.missing_count + ours.nonfinite_count} rows.")
    over = report.difference.get("surface_lr")
    of = f"ROC-AUC of {name} minus that of surface_lr"
    most = Need(relation="at_most", threshold=register.CALIBRATION_ERROR.value)
    return verdict_of(
        check_figure("roc_auc_over_surface_lr", "below_surface_lr_margin", over.difference if over else None,
               at_least(register.CALIBRATION_MARGIN), of),
        check_interval("ci95", over.ci95 if over else None, lift=of, than="surface_lr"),
        *check_difference("roc_auc_over_static", "not_above_control", report.difference.get("static"),
                           f"ROC-AUC of {name} minus that of static", "static"),
        check_figure("expected_calibration_error", "miscalibrated", ours.expected_calibration_error, most,
               f"The expected calibration error of {name}"),
    )  # fmt: skip


def rerank_gate(evidence: SeedEvidence, benchmark: BenchmarkId, scorer: Scorer = register.CODELEWM) -> Verdict:
    """Lifts over the best control in pass@1 and MRR, intervals above 0, pools unsaturated, no stand-in."""
    report = evidence.of_scorer(scorer.name).rerank
    if report is None:
        return absent(f"The rerank report of {scorer.score} is missing.")
    return _reranked(report, benchmark, scorer.score, (*CONTROLS, *report.named_controls))


def _reranked(rerank: RerankReport, benchmark: BenchmarkId, score: str, controls: Sequence[str]) -> Verdict:
    report = rerank.benchmarks.get(benchmark)
    if report is None or report.best_control is None:
        return absent(f"The rerank report of {score} has no {'best control on ' if report else ''}{benchmark}.")
    lift, mrr = report.lift_over_best_control, report.mrr_lift_over_best_control
    figures = (
        {} if lift is None else {"lift_points": lift.points, "ci95_lower": lift.ci95[0], "ci95_upper": lift.ci95[1]}
    )
    if "stand-in" in report.benchmark_label:
        stand_in = Reason(code="benchmark_is_a_stand_in", detail=STAND_IN.format(report.benchmark_label))
        return Verdict("UNDECIDED", (stand_in,), figures)
    few = [
        missing(
            f"{name} has a score in {report.complete_pool_count.get(name, 0)} of {report.pool_count} pools; all are needed.",
            name,
        )
        for name in (score, *controls)
        if report.complete_pool_count.get(name, 0) < report.pool_count
    ]
    problems = check_figure("problem_count", "too_few_problems", float(report.problem_count), at_least(register.RERANK_PROBLEMS),
                      f"The number of problems of {benchmark}")  # fmt: skip
    if few or problems.reason:
        return Verdict("UNDECIDED", (*few, *([problems.reason] if problems.reason else [])), figures)
    if lift is None or mrr is None:
        return absent(f"The rerank report of {score} has no lift over the best control on {benchmark}.")
    best = report.best_control
    top = report.pass_at_1.get(best)
    reached = "–" if top is None else f"{top:.3f}"
    verdict = verdict_of(
        check_figure("lift_points", "lift_below_threshold", lift.points, at_least(register.RERANK_POINTS),
               f"Pass@1 of {score} minus that of {best}, the best control, in points,"),
        check_interval("ci95", lift.ci95, lift=f"pass@1 of {score} minus that of each resample's best control",
                        than="the best control", unit=" points"),
        *check_difference("mrr_lift", "not_above_control", of_lift(mrr),
                           f"MRR of {score} minus that of the best control, in hundredths,", "the best control"),
        check_figure("saturated", "benchmark_saturated", None if report.saturated is None else float(report.saturated), NONE,
               f"Saturation (1: {best} reaches a pass@1 of {reached}, so there is no room for a lift)"),
    )  # fmt: skip
    return Verdict(verdict.state, verdict.reasons, verdict.figures | figures, verdict.needs)


def unseen_operators_gate(evidence: SeedEvidence, scorer: Scorer) -> Verdict:
    """On families that the scorer was trained without, pass@1 above lm in the mean over families."""
    report = evidence.of_scorer(scorer.name).transfer
    if report is None or not report.families:
        return absent(f"No operator family was held out of the training of {scorer.score}.")
    pools = sum(family.pool_count for family in report.families.values())
    if report.asked_pool_count is not None and pools < report.asked_pool_count:
        detail = f"{scorer.score} and lm have scores in {pools} of {report.asked_pool_count} pools; all are needed."
        return Verdict("UNDECIDED", (missing(detail, scorer.score),))
    families = check_figure("families", "too_few_families", float(len(report.families)), at_least(register.FAMILIES),
                      f"The number of operator families that {scorer.score} was trained without")  # fmt: skip
    if families.reason:
        return Verdict("UNDECIDED", (families.reason,))
    over = of_lift(report.mean_lift)
    subject = f"Pass@1 of {scorer.score} minus that of lm in the mean over families, in points,"
    verdict = verdict_of(*check_difference("points_over_lm", "not_above_control", over, subject, "lm"))
    of_families = {f"{name}_points": family.lift.points for name, family in report.families.items()}
    return Verdict(verdict.state, verdict.reasons, verdict.figures | of_families, verdict.needs)


def equivalent_edits_gate(evidence: SeedEvidence, scorer: Scorer) -> Verdict:
    """The unedited program is hardly preferred where both pass."""
    report = evidence.of_scorer(scorer.name).transfer
    edits = report.equivalent if report else None
    if edits is None:
        return absent(f"{scorer.score} was not asked about edited programs that pass.")
    if edits.asked_pair_count is not None and edits.pair_count < edits.asked_pair_count:
        detail = f"{scorer.score} has scores of {edits.pair_count} of {edits.asked_pair_count} pairs; all are needed."
        return Verdict("UNDECIDED", (missing(detail, scorer.score),))
    pairs = check_figure("pairs", "too_few_pairs", float(edits.pair_count), at_least(register.EQUIVALENT_PAIRS),
                   "The number of pairs of programs that both pass")  # fmt: skip
    if pairs.reason:
        return Verdict("UNDECIDED", (pairs.reason,))
    most = Need(relation="at_most", threshold=register.EQUIVALENT_AUC.value)
    subject = "The AUC of the unedited over the edited program"
    return verdict_of(check_figure("equivalent_auc", "prefers_the_unedited", edits.auc, most, subject))


def model_programs_gate(evidence: SeedEvidence, scorer: Scorer) -> Verdict:
    """On programs that models wrote, problems and models held out: ROC-AUC above chance, and reranking, on each benchmark."""
    reports = evidence.of_scorer(scorer.name)
    if reports.unseen_model_calibration is None or reports.unseen_model_rerank is None:
        asked = reports.model_rerank is not None
        missing_part = "programs of models that it was not trained on" if asked else "programs that models wrote"
        return absent(f"{scorer.score} was not asked about {missing_part}.")
    state: State = "HOLDS"
    reasons, figures, needs = list[Reason](), dict[str, float](), dict[str, Need]()
    for benchmark in register.TRACKED:
        metrics = reports.unseen_model_calibration.slices.benchmark.get(benchmark, {}).get(scorer.score)
        bounds = metrics.roc_auc_ci95 if metrics else None
        subject = f"The lower bound of the ROC-AUC of {scorer.score} on programs of models, {benchmark},"
        area = check_figure(
            "roc_auc_lower", "not_above_control", bounds[0] if bounds else None,
            Need(relation="above", threshold=register.MODEL_AUC.value), subject,
        )  # fmt: skip
        for verdict in (
            verdict_of(area),
            _reranked(
                reports.unseen_model_rerank,
                benchmark,
                scorer.score,
                (*MODEL_CONTROLS, *reports.unseen_model_rerank.named_controls),
            ),
        ):
            state = min(state, verdict.state, key=("FAILS", "UNDECIDED", "HOLDS").index)
            reasons += [
                reason.model_copy(update={"name": reason.name and f"{benchmark}_{reason.name}"})
                for reason in verdict.reasons
            ]
            figures |= {f"{benchmark}_{name}": value for name, value in verdict.figures.items()}
            needs |= {f"{benchmark}_{name}": need for name, need in verdict.needs.items()}
    return Verdict(state, tuple(reasons), figures, needs)


def stated_training_gate(evidence: SeedEvidence, scorer: Scorer) -> Verdict:
    """The training of a scorer of the profile is stated, and holds no scored problem and no near-duplicate of one."""
    report = evidence.of_scorer(scorer.name).contamination
    if report is None:
        return absent(f"The contamination report of {scorer.score} is missing.")
    match report.statement:
        case "none_of_the_benchmarks":
            return Verdict("HOLDS")
        case "unknown":
            detail = (
                f"What {scorer.score} was trained on is not stated: no figure of it shows what it does on problems that it never "
                "saw. State it as trained_on in the profile."
            )
            return Verdict("UNDECIDED", (Reason(code="contamination_unknown", detail=detail),))
        case "problems":
            seen = report.scored_problems_trained_on
            named = f" ({', '.join(seen[:3])}{' …' if len(seen) > 3 else ''})" if seen else ""
            subject = (
                f"The number of scored problems that {scorer.score} was trained on{named}, near-duplicates included,"
            )
            check = check_figure(
                "scored_problems_trained_on", "scored_problem_trained_on", float(len(seen)), NONE, subject
            )
            return verdict_of(check)
        case _:
            assert_never(report.statement)


def gates_of_named(scorer: Scorer) -> dict[str, Callable[[SeedEvidence], Verdict]]:
    """The same for a candidate that a profile names."""
    name = f"{scorer.prefix}contamination"
    return gates_of(scorer) | {name: partial(stated_training_gate, scorer=scorer)}


def gates_of(scorer: Scorer) -> dict[str, Callable[[SeedEvidence], Verdict]]:
    """The name of each gate of a candidate, and its rule."""
    gates: dict[str, Callable[..., Verdict]] = {
        "calibration": calibration_gate,
        **{f"rerank:{name}": partial(rerank_gate, benchmark=name) for name in BENCHMARKS},
        "unseen_operators": unseen_operators_gate,
        "equivalent_edits": equivalent_edits_gate,
        "model_programs": model_programs_gate,
    }
    return {f"{scorer.prefix}{name}": partial(gate, scorer=scorer) for name, gate in gates.items()}
