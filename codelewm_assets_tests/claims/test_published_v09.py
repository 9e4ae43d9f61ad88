"""The published v0.9 summary judged by these gates: the published verdict where the rule is the same, and why where it is not.

Sources, of github.com/AbdelStark/CodeLeWM: docs/benchmark/EXECUTION_V0_9_RESULTS_2026-06-07.md, and from docs/benchmark/v0_9/ the
retrieval reports (MRR of the controls), the rerank reports (MRR) and the calibration reports (64 of 384 rows passed). What neither
gives is absent here, never guessed; counts that no gate reads are 0.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from codelewm_assets.claims.audit import audit_text, claim_statuses
from codelewm_assets.claims.gates import evaluate_gates
from codelewm_assets.claims.verdicts import ClaimGates, Gate
from codelewm_assets.core.ids import BENCHMARKS, CONTROLS, SEEDS
from codelewm_assets.evaluation.reports import (
    BenchmarkRerank,
    CalibrationReport,
    CollapseReport,
    IntegrityEvidence,
    LatentProbeReport,
    Lift,
    ProbeTarget,
    RerankReport,
    RetrievalReport,
    RetrievalScores,
    SeedEvidence,
    SurpriseCategory,
    SurpriseReport,
)
from codelewm_assets_tests.claims.evidence import collapse, difference, gates_of, together

PUBLISHED = {
    "collapse": "PASS",
    "retrieval": "PASS",
    "surprise": "CLOSED",  # broad semantic surprise; of mutations alone PASS
    "probe": "CLOSED",
    "rerank:humaneval": "PASS",
    "rerank:mbpp_plus": "CLOSED",
    "integrity": "PASS",
}
"""Verdicts of the published gate table; there was none on calibration."""
V09_CONTROLS = ("no_action", "shuffled_action", "lexical", "llm_order", "random")
TRAINED_ON = "the pack is made of the rerank completions: 14 of the 17 MBPP-Plus problems lie in its train part"
LABELS = {name: name for name in BENCHMARKS}


@dataclass(frozen=True)
class Figures:
    """What was published of one seed: model, no_action, shuffled_action where three stand together."""

    recall_at_1: tuple[float, float, float]
    mrr: tuple[float, float, float]
    effective_rank_ratio: float
    passed: tuple[float, float, str]  # accuracy, best control's, which
    magnitude: tuple[float, float, str]
    humaneval: dict[str, float]  # pass@1
    humaneval_lift: tuple[float, float, float]  # over no_action, in points
    mbpp_plus: dict[str, float]
    codelewm_auc: float
    no_action_auc: float


V09 = {
    42: Figures(
        recall_at_1=(0.2538, 0.0115, 0.0192), mrr=(0.3804, 0.0604, 0.0766), effective_rank_ratio=0.388272,
        passed=(0.6552, 0.6897, "no_action"), magnitude=(0.5000, 0.5000, "z_after"),
        humaneval={"p_pass": 0.9787, "no_action": 0.8723, "shuffled_action": 0.8936, "lexical": 0.6596, "llm_order": 0.1489,
                   "random": 0.2128},
        humaneval_lift=(10.64, 2.13, 21.28),
        mbpp_plus={"p_pass": 1.0, "no_action": 1.0, "shuffled_action": 1.0, "lexical": 1.0, "llm_order": 0.1765,
                   "random": 0.2353},
        codelewm_auc=0.9352, no_action_auc=0.9482,
    ),
    1729: Figures(
        recall_at_1=(0.2731, 0.0192, 0.0231), mrr=(0.3982, 0.0725, 0.0742), effective_rank_ratio=0.405622,
        passed=(0.6158, 0.7980, "no_action"), magnitude=(0.8421, 0.8421, "z_after"),
        humaneval={"p_pass": 0.9787, "no_action": 0.8936, "shuffled_action": 0.9149, "lexical": 0.6596, "llm_order": 0.1489,
                   "random": 0.2128},
        humaneval_lift=(8.51, 2.13, 17.02),
        mbpp_plus={"p_pass": 1.0, "no_action": 1.0, "shuffled_action": 0.9412, "lexical": 1.0, "llm_order": 0.1765,
                   "random": 0.2353},
        codelewm_auc=0.9746, no_action_auc=0.9731,
    ),
}  # fmt: skip


def _retrieval(found: Figures, seed: int) -> RetrievalReport:
    names = ("model", "no_action", "shuffled_action")
    scores: Any = {
        name: RetrievalScores(recall_at_1=found.recall_at_1[at], mrr=found.mrr[at]) for at, name in enumerate(names)
    }
    return RetrievalReport(seed=seed, query_count=260, candidates_per_query=260, scores=scores)


def _surprise(seed: int) -> SurpriseReport:
    """358 pairs in the decoy pack, none of which joins the pack; 260 pairs of mutations were scored."""
    nothing: dict[str, Any] = dict.fromkeys(("auc_ci95", "no_action_auc", "mean_real_energy", "mean_decoy_energy"))
    above = {f"over_{name}": difference() for name in ("no_action", "frequency")}  # not published
    return SurpriseReport(
        seed=seed,
        categories={
            "mutation": SurpriseCategory(pair_count=260, problem_count=0, auc=1.0, **nothing | above),
            "same_problem_different_submission": SurpriseCategory(pair_count=0, problem_count=0, auc=None, **nothing),
            "same_code_different_input": SurpriseCategory(pair_count=0, problem_count=0, auc=None, **nothing),
        },
    )


def _target(figures: tuple[float, float, str], classes: int, test_count: int) -> ProbeTarget:
    ours, control, name = figures
    return ProbeTarget(
        status="ok", class_count=classes, fit_count=1000, test_count=test_count, model=ours, controls={name: control},
        best_control=name, lift_over_best_control=ours - control, lift_ci99=None,
    )  # fmt: skip


def _calibration(seed: int) -> CalibrationReport:
    """`p_pass` was not among the scores of the rows; the learned score stood under the name codelewm."""
    missing = {
        "status": "missing",
        "positive_count": 0,
        "negative_count": 0,
        "missing_count": 384,
        "nonfinite_count": 0,
    }
    ours = {"status": "ok", "roc_auc": V09[seed].codelewm_auc, "positive_count": 64, "negative_count": 320}
    control = ours | {"roc_auc": V09[seed].no_action_auc}
    whole = {"missing_count": 0, "nonfinite_count": 0}
    return CalibrationReport.model_validate(
        {
            "seed": seed, "row_count": 384, "problem_count": 64, "slices": {"benchmark": {}}, "difference": {},
            "overall": {"p_pass": missing, "codelewm": ours | whole, "no_action": control | whole},
        }
    )  # fmt: skip


def _rerank(benchmark: str, found: Figures, seed: int, **changes: Any) -> RerankReport:
    """One pool a problem. The published interval is of the lift over no_action; over the best control there is none."""
    pass_at_1, count = (found.humaneval, 47) if benchmark == "humaneval" else (found.mbpp_plus, 17)
    points, low, high = found.humaneval_lift if benchmark == "humaneval" else (0.0, 0.0, 0.0)
    controls = {name: value for name, value in pass_at_1.items() if name != "p_pass"}
    fields: dict[str, Any] = {
        "benchmark_label": benchmark,
        "problem_count": count,
        "pool_count": count,
        "pass_at_1": pass_at_1,
        "mrr": {},
        "lift": {"no_action": Lift(points=points, ci95=(low, high))},
        "best_control": max(controls, key=lambda name: controls[name]),
        "saturated": benchmark == "mbpp_plus",
        "complete_pool_count": dict.fromkeys(("p_pass", *V09_CONTROLS), count),
    }
    return RerankReport(seed=seed, resamples=2000, benchmarks={benchmark: BenchmarkRerank(**fields | changes)})


def _evidence(seed: int, **changes: Any) -> SeedEvidence:
    found = V09[seed]
    fields: dict[str, Any] = {
        "collapse": CollapseReport(
            seed=seed, latent_count=0, effective_rank_ratio=found.effective_rank_ratio, median_variance=None,
            neighbour_entropy=None, tensor_count=0, parameter_count=0,
        ),
        "retrieval": _retrieval(found, seed),
        "surprise": _surprise(seed),
        "probe": LatentProbeReport(
            seed=seed,
            targets={
                "passed": _target(found.passed, 2, 203),
                "output_magnitude_bucket": _target(found.magnitude, 3, 38),
            },
        ),
        "calibration": _calibration(seed),
        "rerank": together(_rerank(name, found, seed) for name in BENCHMARKS),
    }  # fmt: skip
    return SeedEvidence(**fields | changes)


def _integrity(**changes: Any) -> IntegrityEvidence:
    """Twelve manifests verified and every scan was clean, as published; and what was found later."""
    fields: dict[str, Any] = {
        "manifests_verified": 12,
        "manifest_mismatches": [],
        "secret_findings": [],
        "scored_problems_trained_on": [TRAINED_ON],
    }
    return IntegrityEvidence(**fields | changes)


def _judged(integrity: IntegrityEvidence | None = None, **changes: Any) -> ClaimGates:
    seeds = {seed: _evidence(seed, **{k: v(seed) for k, v in changes.items()}) for seed in SEEDS}
    return evaluate_gates(seeds, integrity or _integrity(), profile="v0.9", benchmark_labels=LABELS)


def _gate(found: ClaimGates, name: str) -> Gate:
    return next(gate for gate in found.gates if gate.gate == name)


def _codes(gate: Gate) -> set[str]:
    return {reason.code for reason in gate.reasons}


def _agrees(state: str, published: str) -> bool:
    return (state == "HOLDS") is (published == "PASS")


def test_where_the_rule_is_the_same_the_verdict_is_the_published_one() -> None:
    found = _judged()
    for name in ("surprise", "probe", "rerank:mbpp_plus"):
        assert _agrees(_gate(found, name).state, PUBLISHED[name]), name


def test_retrieval_has_the_published_margins_and_is_undecided_without_their_intervals_and_lexical() -> None:
    """0.2538 - 0.0115 = 0.2423 and 0.2731 - 0.0192 = 0.2539 in Recall@1; 0.3200 and 0.3257 in MRR; 0.05 is asked."""
    gate = _gate(_judged(), "retrieval")
    assert (gate.state, _codes(gate)) == ("UNDECIDED", {"evidence_missing"})
    assert [row.figures["recall_at_1_over_no_action"] for row in gate.seeds] == pytest.approx([0.2423, 0.2539])
    assert [row.figures["mrr_over_no_action"] for row in gate.seeds] == pytest.approx([0.32, 0.3257])
    missing = {reason.name for reason in gate.reasons}
    assert {"recall_at_1_over_no_action_ci95_lower", "recall_at_1_over_lexical"} <= missing
    assert "recall_at_1_over_no_action" not in missing


def test_surprise_is_undecided_for_want_of_pairs_though_mutations_are_distinguished() -> None:
    """Published as closed by coverage: 0 of 358 pairs can be scored. A perfect AUC on mutations does not stand in for them."""
    gate = _gate(_judged(), "surprise")
    assert (gate.state, _codes(gate)) == ("UNDECIDED", {"too_few_pairs"})
    assert {row.figures["mutation_auc"] for row in gate.seeds} == {1.0}
    assert not any("mutation" in reason.detail for reason in gate.reasons)


def test_probes_are_undecided_with_two_targets_and_would_fail_with_five() -> None:
    """Published as closed: no target beats its control. Two targets are fewer than the five that RFC-0015 asks for."""
    gate = _gate(_judged(), "probe")
    assert (gate.state, _codes(gate)) == ("UNDECIDED", {"too_few_targets"})

    def five(seed: int) -> LatentProbeReport:
        targets = {f"t{i}": _target(V09[seed].magnitude, 3, 38) for i in range(4)} | {
            "passed": _target(V09[seed].passed, 2, 203)
        }
        return LatentProbeReport(seed=seed, targets=targets)

    again = _gate(_judged(probe=five), "probe")
    assert (again.state, _codes(again)) == ("FAILS", {"below_controls_margin"})


def test_collapse_is_undecided_since_two_of_its_three_figures_were_not_published_and_holds_once_they_are_known() -> (
    None
):
    """The published verdict looks at the rank ratio alone, 0.3883 and 0.4056 against 0.20. The list names three floors."""
    gate = _gate(_judged(), "collapse")
    assert (gate.state, _codes(gate)) == ("UNDECIDED", {"evidence_missing"})
    explained = {"r2", "r2_ci95_lower", "r2_over_untrained", "r2_over_untrained_ci95_lower"}
    assert {reason.name for reason in gate.reasons} == {"median_variance", "neighbour_entropy"} | explained

    def at_their_floors(seed: int) -> CollapseReport:
        report = _evidence(seed).collapse
        assert report is not None
        return report.model_copy(update={"median_variance": 1e-8, "neighbour_entropy": 0.10})

    again = _gate(_judged(collapse=at_their_floors), "collapse")
    assert {reason.name for reason in again.reasons} == explained

    def better_than_untrained(seed: int) -> CollapseReport:
        known = {name: getattr(collapse(), name) for name in ("r2", "r2_ci95", "over_untrained")}
        return at_their_floors(seed).model_copy(update=known)

    assert _gate(_judged(collapse=better_than_untrained), "collapse").state == "HOLDS"


def test_calibration_is_undecided_since_p_pass_is_missing_and_no_other_score_stands_in_for_it() -> None:
    """v0.9 read the learned score instead, with ROC-AUC 0.9352 and 0.9746; no_action had 0.9482 and 0.9731."""
    gate = _gate(_judged(), "calibration")
    assert (gate.state, _codes(gate)) == ("UNDECIDED", {"evidence_missing"})
    assert all("p_pass" in reason.detail for reason in gate.reasons)


def test_humaneval_reranking_is_undecided_where_v09_said_pass_since_it_was_set_against_no_action_alone() -> None:
    """The best control that was scored is shuffled_action, and three that this gate asks for were not scored at all."""
    found = _judged()
    gate = _gate(found, "rerank:humaneval")
    assert (gate.state, _codes(gate)) == ("UNDECIDED", {"evidence_missing", "too_few_problems"})
    for control in ("consensus", "anti_consensus", "length", "surface_lr"):
        assert any(control in reason.detail for reason in gate.reasons)
    reports = [_evidence(seed).rerank for seed in SEEDS]
    assert [report and report.benchmarks["humaneval"].best_control for report in reports] == ["shuffled_action"] * 2


def test_humaneval_reranking_would_hold_on_a_hundred_problems_if_every_control_were_no_better_than_no_action() -> None:
    """The same three points and interval: 10.64 and 8.51 points over no_action, from 2.13. There were 47 problems."""

    def as_published(seed: int) -> RerankReport:
        scored = dict.fromkeys(("p_pass", *CONTROLS), 47)
        over_no_action = Lift(points=V09[seed].humaneval_lift[0], ci95=V09[seed].humaneval_lift[1:])
        changes: dict[str, Any] = {"best_control": "no_action", "complete_pool_count": scored}
        changes |= {"lift_over_best_control": over_no_action, "mrr_lift_over_best_control": over_no_action}
        return _rerank("humaneval", V09[seed], seed, **changes)

    def of_a_hundred(seed: int) -> RerankReport:
        report = as_published(seed)
        own = report.benchmarks["humaneval"].model_copy(update={"problem_count": 100})
        return report.model_copy(update={"benchmarks": {"humaneval": own}})

    gate = _gate(_judged(rerank=as_published), "rerank:humaneval")
    assert (gate.state, _codes(gate)) == ("UNDECIDED", {"too_few_problems"})
    assert _gate(_judged(rerank=of_a_hundred), "rerank:humaneval").state == "HOLDS"


def test_mbpp_plus_reranking_is_not_open_on_17_saturated_problems() -> None:
    gate = _gate(_judged(), "rerank:mbpp_plus")
    assert gate.state == "UNDECIDED"
    assert [(r.figure, r.threshold) for r in gate.reasons if r.code == "too_few_problems"] == [(17.0, 100.0)] * len(
        SEEDS
    )


def test_integrity_held_by_what_was_published_and_fails_by_what_was_found_later() -> None:
    """v0.9 verified bytes and scanned for secrets; it did not look whether scored problems had been trained on."""
    assert _gate(_judged(_integrity(scored_problems_trained_on=[])), "integrity").state == "HOLDS"
    gate = _gate(_judged(), "integrity")
    assert (gate.state, _codes(gate)) == ("FAILS", {"scored_problem_trained_on"})


def test_contamination_closes_the_humaneval_claim_though_every_other_gate_of_it_were_to_hold() -> None:
    everything_else = gates_of(evidence=_integrity())
    claims = {claim.claim_id: claim for claim in everything_else.claims}
    for name in ("improves_reranking", "improves_reranking_on_humaneval", "improves_reranking_on_mbpp_plus"):
        assert claims[name].status == "CLOSED"
        assert {reason.code for reason in claims[name].reasons} == {"scored_problem_trained_on"}


def test_no_claim_of_v09_is_open_and_its_own_summary_says_more_than_the_gates() -> None:
    found = _judged()
    assert {claim.status for claim in found.claims} == {"CLOSED"}
    text = "CodeLeWM passed HumanEval reranking on both seeds.\n\nDo not claim:\n\n- It generally improves Python coding.\n"
    assert [(row.line, row.claim_id) for row in audit_text(text, claim_statuses(found))] == [
        (1, "gate:rerank:humaneval")
    ]
