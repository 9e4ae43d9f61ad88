"""Verdicts on published claims: those that survive, those that do not, and those that no one can tell from the files."""

from collections.abc import Iterator, Sequence

from codelewm_assets.core.ids import ABLATIONS
from codelewm_assets.published.evidence import Evidence, EvidenceFile
from codelewm_assets.published.forms import (
    CALIBRATION,
    DECOY_SUMMARY,
    DEMO_GATE,
    PROBE,
    RERANK,
    RETRIEVAL,
    SCORE_ROW,
    SURPRISE,
    TRAIN_CONFIG,
    PublishedCalibration,
    PublishedDecoySummary,
    PublishedDemoGate,
    PublishedProbe,
    PublishedRerank,
    PublishedRetrieval,
    PublishedSurprise,
    PublishedTrainConfig,
)
from codelewm_assets.published.lineage import Lineage
from codelewm_assets.published.records import (
    ManifestCheck,
    PublishedClaim,
    ReportCheck,
    RuleFigures,
    ScoreRowsCheck,
    Verdict,
)

KNOWN_SPLIT = ("pack", "confirmed")


def claims_of(
    evidence: Evidence,
    lineage: Lineage,
    manifests: Sequence[ManifestCheck],
    reports: Sequence[ReportCheck],
    rows: Sequence[ScoreRowsCheck],
) -> list[PublishedClaim]:
    """Every statement that the files make and that can be held against them, in the order of the evidence."""
    of_rows = {check.path: check for check in rows}
    of_report = {check.path: check for check in reports}
    reranks = list(_rerank_claims(evidence, lineage, of_report, of_rows))
    return [
        *_manifest_claims(manifests),
        *reranks,
        *_row_claims(rows),
        *_calibration_claims(evidence, of_report),
        *_diagnostic_claims(evidence, of_report),
        *_document_claims(evidence, reranks),
    ]


def _claim(claim: str, source: str, verdict: Verdict, *reasons: str) -> PublishedClaim:
    return PublishedClaim(claim=claim, source=source, verdict=verdict, reasons=list(reasons))


def _manifest_claims(manifests: Sequence[ManifestCheck]) -> Iterator[PublishedClaim]:
    if not manifests:
        return
    wrong = [check.path for check in manifests if not check.recomputes]
    claim = "The artifacts are what their manifests say."
    files = [file.state for check in manifests for file in check.files]
    counts = f"{files.count('recomputes')} of {len(files)} listed files are here and have the stated digest"
    if wrong:
        yield _claim(claim, "manifests", "does_not_survive", f"these do not recompute: {', '.join(wrong)}", counts)
    else:
        ids = sum(check.artifact_id_recomputes is True for check in manifests)
        yield _claim(claim, "manifests", "survives", f"{ids} of {len(manifests)} artifact ids recompute", counts)
    if absent := files.count("absent"):
        yield _claim(
            "Every listed file is as published.", "manifests", "cannot_tell", f"{absent} listed files are absent"
        )
    if parents := sorted({parent for check in manifests for parent in check.absent_parents}):
        names = ", ".join(parents)
        yield _claim(
            "The manifests verify with their parents.",
            "manifests",
            "cannot_tell",
            f"manifests of parents are absent: {names}",
        )


def _rerank_claims(
    evidence: Evidence, lineage: Lineage, of_report: dict[str, ReportCheck], of_rows: dict[str, ScoreRowsCheck]
) -> Iterator[PublishedClaim]:
    for file, report in evidence.of(RERANK, PublishedRerank):
        check = of_report[file.name]
        low, high = report.bootstrap_lift_over_no_action_ci
        figures = f"{report.codelewm_lift_over_no_action:+.2f} points over no_action, 95% {low:.2f} to {high:.2f}"
        state = "open" if report.claim_allowed else "closed"
        claim = f"{report.benchmark}: the reranking claim is {state} ({figures})."
        if check.recomputes is None:
            yield _claim(claim, file.name, "cannot_tell", check.reason)
        elif not check.recomputes:
            yield _claim(claim, file.name, "does_not_survive", check.reason)
        elif not report.claim_allowed:
            yield _claim(claim, file.name, "survives", "its figures and its gate recompute from the rows")
        else:
            against = list(_against(of_rows[check.from_rows[0]]))
            yield _claim(
                claim, file.name, "does_not_survive" if against else "survives",
                "its figures and its gate, which asks llm_order and no_action alone, recompute from the rows", *against,
            )  # fmt: skip
        if check.recomputes:
            yield from _tie_claims(file, report, of_rows[check.from_rows[0]])


def _against(rows: ScoreRowsCheck) -> Iterator[str]:
    """Reasons against an open claim, from its rows."""
    best = rows.lift_over_best
    if best is not None and best.ci95[0] <= 0:
        yield (
            f"over the best control in each resample ({best.control} on all problems) the lift is {best.points:+.2f} points, "
            f"95% {best.ci95[0]:.2f} to {best.ci95[1]:.2f}, which reaches zero"
        )
    if rows.split.status in KNOWN_SPLIT and rows.split.trained:
        yield (
            f"{len(rows.split.trained)} of {rows.problem_count} problems were in the train part of the checkpoint's pack: "
            f"{rows.split.reason}"
        )
        heldout = rows.slices.get("heldout")
        if heldout is not None and "no_action" in heldout.lift:
            points = heldout.lift["no_action"].points
            yield f"on the {heldout.problem_count} held-out problems it is {points:+.2f} points over no_action"
        elif heldout is None:
            yield "no problem was held out"


def _tie_claims(file: EvidenceFile, report: PublishedRerank, rows: ScoreRowsCheck) -> Iterator[PublishedClaim]:
    for baseline in report.baselines:
        both = rows.pass_at_1.get(baseline.baseline)
        if both is not None and abs(both.published_ties - both.shared_ties) > 1e-9:
            yield _claim(
                f"{report.benchmark}: {baseline.baseline} reaches pass@1 {baseline.pass_at_1:.4f}.", file.name, "does_not_survive",
                f"it recomputes and rests on ties, which that rule gives to the lowest id: with shared ties {both.shared_ties:.4f}",
                place_sentence(rows),
            )  # fmt: skip


def place_sentence(rows: RuleFigures) -> str:
    """The place of the passing member, and what a constant score reaches by it."""
    return (
        f"the member with the lowest id passes in {rows.place.lowest_id_passes} of {rows.place.pool_count} pools: a constant score "
        f"reaches {rows.constant_score.published_ties:.4f} by the published rule and {rows.constant_score.shared_ties:.4f} with "
        "shared ties"
    )


def _row_claims(rows: Sequence[ScoreRowsCheck]) -> Iterator[PublishedClaim]:
    for check in rows:
        if check.stated_splits:
            stated = ", ".join(f"{count} {name}" for name, count in sorted(check.stated_splits.items()))
            yield _split_claim(check, f"The rows are of the split that they state ({stated}).")
        if check.form == SCORE_ROW and not check.has_p_pass:
            yield _claim(
                "The pass head, p_pass, orders these programs.", check.path, "cannot_tell", "no p_pass in every row"
            )
        if check.form != SCORE_ROW:
            yield from _own_claims(check)


def _split_claim(check: ScoreRowsCheck, claim: str) -> PublishedClaim:
    trained, count = len(check.split.trained), check.problem_count
    if check.split.status not in KNOWN_SPLIT:
        return _claim(claim, check.path, "cannot_tell", check.split.reason)
    if trained and "train" not in check.stated_splits:
        return _claim(
            claim,
            check.path,
            "does_not_survive",
            f"{trained} of {count} problems were in the train part",
            check.split.reason,
        )
    return _claim(claim, check.path, "survives", check.split.reason)


def _own_claims(check: ScoreRowsCheck) -> Iterator[PublishedClaim]:
    for benchmark, figures in (check.by_benchmark or {check.benchmarks[0]: check}).items():
        ablations = [name for name in ABLATIONS if name in figures.lift]
        aside = f", the ablations {' and '.join(ablations)} aside" if ablations else ""
        claim = f"{benchmark}: {check.subject} orders these pools better than every control in the rows{aside}."
        over = [
            f"{lift.points:+.2f} points over {name}, an ablation, 95% {lift.ci95[0]:.2f} to {lift.ci95[1]:.2f}"
            for name, lift in figures.lift.items()
            if name in ablations
        ]
        best = figures.lift_over_best
        if best is None:
            yield _claim(
                claim,
                check.path,
                "cannot_tell",
                f"there is no lift: {'; '.join(check.notes) or 'no control in the rows'}",
                *over,
            )
            continue
        best_lift = (
            f"{best.points:+.2f} points over the best ({best.control}), 95% {best.ci95[0]:.2f} to {best.ci95[1]:.2f}"
        )
        best_lift += f", {figures.problem_count} problems"
        if figures.problem_count < 2:
            yield _claim(claim, check.path, "cannot_tell", best_lift, "one problem has no interval", *over)
        else:
            verdict: Verdict = "survives" if best.ci95[0] > 0 else "does_not_survive"
            yield _claim(claim, check.path, verdict, best_lift, *over)


def _calibration_claims(evidence: Evidence, of_report: dict[str, ReportCheck]) -> Iterator[PublishedClaim]:
    for file, report in evidence.of(CALIBRATION, PublishedCalibration):
        check = of_report[file.name]
        claim = (
            f"The calibration figures are as reported, and the claim is {'open' if report.claim_allowed else 'closed'}."
        )
        verdict: Verdict = (
            "cannot_tell" if check.recomputes is None else "survives" if check.recomputes else "does_not_survive"
        )
        baselines = report.overall.baselines
        texts = [
            f"{name}: ROC-AUC {figures.roc_auc:.4f}, expected calibration error {figures.expected_calibration_error:.4f}"
            for name in ("codelewm", "no_action")
            if (figures := baselines.get(name)) is not None and figures.status == "ok"
        ]
        missing = [name for name, metrics in baselines.items() if metrics.status == "missing"]
        yield _claim(
            claim, file.name, verdict, check.reason, *texts,
            *[f"{name} is in no row, so nothing is said of it" for name in missing],
        )  # fmt: skip


def _diagnostic_claims(evidence: Evidence, of_report: dict[str, ReportCheck]) -> Iterator[PublishedClaim]:
    for file, surprise in evidence.of(SURPRISE, PublishedSurprise):
        yield from _surprise_claims(file, surprise, of_report[file.name])
    for schema, model, name in (
        (RETRIEVAL, PublishedRetrieval, "retrieval"),
        (PROBE, PublishedProbe, "probe"),
    ):
        for file, _ in evidence.of(schema, model):
            yield _claim(f"The {name} figures are as reported.", file.name, "cannot_tell", of_report[file.name].reason)
    for file, summary in evidence.of(DECOY_SUMMARY, PublishedDecoySummary):
        check = of_report[file.name]
        verdict: Verdict = (
            "cannot_tell" if check.recomputes is None else "survives" if check.recomputes else "does_not_survive"
        )
        yield _claim(f"The decoy pack has {summary.pair_count} pairs.", file.name, verdict, check.reason)


def _surprise_claims(file: EvidenceFile, report: PublishedSurprise, check: ReportCheck) -> Iterator[PublishedClaim]:
    for category, auc in sorted(report.metrics.pairwise_auc_by_category.items()):
        true = [e.true_score for e in report.examples if e.decoy_scores_by_category.get(category)]
        decoys = [score for e in report.examples for score in e.decoy_scores_by_category.get(category, [])]
        apart = (
            f"true energies {min(true):.3g} to {max(true):.3g}, decoys {min(decoys):.3g} to {max(decoys):.3g}"
            if true and decoys
            else "no pair of it was scored"
        )
        verdict: Verdict = "survives" if check.recomputes else "does_not_survive"
        yield _claim(f"Surprise AUC of {category} decoys is {auc:.4f}.", file.name, verdict, check.reason, apart)
    for category in report.metadata.decoy_policy.requested:
        if category not in report.metrics.pairwise_auc_by_category:
            yield _claim(f"Surprise on {category} decoys.", file.name, "cannot_tell", "no pair of it was scored")


def _document_claims(evidence: Evidence, reranks: Sequence[PublishedClaim]) -> Iterator[PublishedClaim]:
    for file, config in evidence.of(TRAIN_CONFIG, PublishedTrainConfig):
        sources, held_out = config.data.ingestion_sources or [], config.data.held_out_for_eval or []
        both = sorted(set(sources) & set(held_out))
        if held_out:
            yield _claim(
                f"Held out for evaluation: {', '.join(held_out)}.", file.name,
                "does_not_survive" if both else "cannot_tell",
                f"the same configuration trains on {', '.join(sources)}"
                if both else "no pack is here whose problems would show it",
            )  # fmt: skip
    for file, gate in evidence.of(DEMO_GATE, PublishedDemoGate):
        opened = [claim for claim in reranks if "claim is open" in claim.claim]
        fallen = [claim.source for claim in opened if claim.verdict == "does_not_survive"]
        verdict: Verdict = "does_not_survive" if fallen else "survives" if opened else "cannot_tell"
        reasons = [f"its score source is {gate.score_source}: it adds no run of its own"]
        reasons += [f"the open claims that it repeats do not survive: {', '.join(fallen)}"] if fallen else []
        yield _claim(f"Approved wording: {gate.approved_public_wording}", file.name, verdict, *reasons)
