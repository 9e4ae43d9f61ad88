"""Each gate holds a hair above its thresholds, fails a hair below, and is undecided on absent evidence."""

from typing import Any

import pytest
from pydantic import ValidationError

from codelewm_assets.claims.gate_rules import SEED_GATES
from codelewm_assets.claims.gates import GATES, evaluate_gates
from codelewm_assets.claims.register import EQUIVALENT_PAIRS, FAMILIES, RERANK_PROBLEMS, SCORERS, Scorer
from codelewm_assets.claims.verdicts import Gate, SeedGate
from codelewm_assets.core.ids import ABLATIONS, BENCHMARKS, CONTROLS, MODEL_CONTROLS, SEEDS
from codelewm_assets.evaluation.reports import (
    CalibrationReport,
    FamilyTransfer,
    IntegrityEvidence,
    Lift,
    RerankReport,
    RetrievalReport,
    SurpriseReport,
)
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.claims.evidence import (
    HAIR,
    LABELS,
    STAND_IN,
    calibration,
    category,
    collapse,
    difference,
    equivalent,
    gates_of,
    integrity,
    nothing_known,
    probe,
    record_calibration,
    rerank,
    rerank_of,
    retrieval,
    seed_evidence,
    state_of,
    surprise,
    target,
    transfer,
    with_rerank,
    with_scorer,
)


def _gate(name: str, changes: dict[str, Any]) -> Gate:
    """The gate when seed 42's evidence is changed and seed 1729's is good."""
    return next(gate for gate in gates_of({42: changes}).gates if gate.gate == name)


def _codes(gate: Gate) -> set[str]:
    return {reason.code for reason in gate.reasons}


def test_every_gate_holds_a_hair_above_every_threshold() -> None:
    found = gates_of()
    assert tuple(gate.gate for gate in found.gates) == GATES
    assert {gate.gate: gate.state for gate in found.gates} == dict.fromkeys(GATES, "HOLDS")
    assert all(gate.reasons == () for gate in found.gates)


ablated = {name: difference() for name in ABLATIONS}


def without_top(*names: str) -> RerankReport:
    """A rerank report in which pass@1 is not above these ablations."""
    lifts = {name: Lift(points=0.0, ci95=(-1.0, 1.0)) for name in names}
    own = {name: rerank(name).benchmarks[name] for name in BENCHMARKS}
    changed = {name: found.model_copy(update={"lift": found.lift | lifts}) for name, found in own.items()}
    return RerankReport(seed=42, resamples=2000, benchmarks=changed)


def of_models(scorer: Scorer, **changes: Any) -> RerankReport:
    """A scorer's rerank report on programs that models wrote."""
    return rerank_of(scorer.score, MODEL_CONTROLS, **changes)


def one_worse(benchmark: str, **changes: Any) -> RerankReport:
    """The critic's rerank report with one benchmark changed."""
    report = rerank_of("critic")
    changed = report.benchmarks[benchmark].model_copy(update=changes)
    return report.model_copy(update={"benchmarks": report.benchmarks | {benchmark: changed}})


BELOW: list[tuple[str, dict[str, Any], str]] = [
    ("collapse", {"collapse": collapse(effective_rank_ratio=0.20 - HAIR)}, "collapsed"),
    ("collapse", {"collapse": collapse(median_variance=0.9e-8)}, "collapsed"),
    ("collapse", {"collapse": collapse(neighbour_entropy=0.10 - HAIR)}, "collapsed"),
    ("collapse", {"collapse": collapse(nonfinite_tensors=["fold 0 x"])}, "weights_not_finite"),
    ("collapse", {"collapse": collapse(r2=0.0)}, "no_better_than_untrained"),
    ("collapse", {"collapse": collapse(r2_ci95=(0.0, 0.5))}, "interval_includes_zero"),
    ("collapse", {"collapse": collapse(over_untrained=difference(0.0))}, "no_better_than_untrained"),
    ("collapse", {"collapse": collapse(over_untrained=difference(lower=-0.1))}, "interval_includes_zero"),
    ("retrieval", {"retrieval": retrieval(recall=0.05 - HAIR)}, "below_no_action_margin"),
    ("retrieval", {"retrieval": retrieval(mrr=0.05 - HAIR)}, "below_no_action_margin"),
    ("retrieval", {"retrieval": retrieval(mrr=0.05 - HAIR, control="lexical")}, "below_lexical_margin"),
    ("retrieval", {"retrieval": retrieval(lower=0.0)}, "interval_includes_zero"),
    *(
        ("surprise", {"surprise": surprise(mutation=category(0.9, **{f"over_{control}": over}))}, code)
        for control in ("no_action", "frequency")
        for over, code in ((difference(0.0), "not_above_control"), (difference(lower=0.0), "interval_includes_zero"))
    ),
    *(
        ("action_use", {"rerank": without_top(name), "calibration": calibration(**ablated | {name: over})}, code)
        for name in ABLATIONS
        for over, code in ((difference(0.0), "not_above_control"), (difference(lower=0.0), "interval_includes_zero"))
    ),
    ("action_use", {"record_calibration": record_calibration(difference(0.0))}, "not_above_control"),
    ("action_use", {"record_calibration": record_calibration(difference(lower=-0.1))}, "interval_includes_zero"),
    ("surprise", {"surprise": surprise(mutation=category(0.65 - HAIR))}, "auc_below_threshold"),
    (
        "surprise",
        {"surprise": surprise(same_problem_different_submission=category(0.60 - HAIR))},
        "auc_below_threshold",
    ),
    ("surprise", {"surprise": surprise(same_code_different_input=category(0.70 - HAIR))}, "auc_below_threshold"),
    ("probe", {"probe": probe(target(0.05 - HAIR))}, "below_controls_margin"),
    ("probe", {"probe": probe(target(0.06, lower=0.0))}, "interval_includes_zero"),
    ("calibration", {"calibration": calibration(difference=0.05 - HAIR, **ablated)}, "below_surface_lr_margin"),
    ("calibration", {"calibration": calibration(lower=0.0, **ablated)}, "interval_includes_zero"),
    ("calibration", {"calibration": calibration(error=0.10 + HAIR, **ablated)}, "miscalibrated"),
    ("calibration", {"calibration": calibration(lower=-0.2, upper=-HAIR, **ablated)}, "significantly_worse"),
    ("calibration", {"calibration": calibration(static=difference(0.0), **ablated)}, "not_above_control"),
    ("calibration", {"calibration": calibration(static=difference(lower=0.0), **ablated)}, "interval_includes_zero"),
    *(
        (f"{scorer.prefix}{name}", with_scorer(scorer.name, transfer=transfer(**changes)), code)
        for scorer in SCORERS
        for name, changes, code in (
            ("unseen_operators", {"mean_lift": Lift(points=0.0, ci95=(HAIR, 9.0))}, "not_above_control"),
            ("unseen_operators", {"mean_lift": Lift(points=1.0, ci95=(0.0, 9.0))}, "interval_includes_zero"),
            ("equivalent_edits", {"equivalent": equivalent(0.55 + HAIR)}, "prefers_the_unedited"),
        )
    ),
    *(
        (
            f"{scorer.prefix}model_programs",
            with_scorer(scorer.name, unseen_model_rerank=of_models(scorer, **changes)),
            code,
        )
        for scorer in SCORERS
        for changes, code in (
            ({"lift_over_best_control": Lift(points=3.0 - HAIR, ci95=(HAIR, 9.0))}, "lift_below_threshold"),
            ({"mrr_lift_over_best_control": Lift(points=1.0, ci95=(0.0, 9.0))}, "interval_includes_zero"),
            ({"saturated": True}, "benchmark_saturated"),
        )
    ),
    (
        "critic:calibration",
        with_scorer("critic", calibration=calibration(0.0, score="critic")),
        "below_surface_lr_margin",
    ),
    (
        "critic:rerank:humaneval",
        with_scorer("critic", rerank=one_worse("humaneval", lift_over_best_control=Lift(points=1.0, ci95=(0.5, 2.0)))),
        "lift_below_threshold",
    ),
    *(
        (f"rerank:{name}", with_rerank(name, rerank(name, **changes)), code)
        for name in BENCHMARKS
        for changes, code in (
            ({"points": 3.0 - HAIR}, "lift_below_threshold"),
            ({"mrr_lift_over_best_control": Lift(points=0.0, ci95=(HAIR, 9.0))}, "not_above_control"),
            ({"mrr_lift_over_best_control": Lift(points=1.0, ci95=(-1.0, 9.0))}, "interval_includes_zero"),
            ({"lower": 0.0}, "interval_includes_zero"),
            ({"lower": -1.0, "upper": 0.0}, "interval_includes_zero"),
            ({"lower": -1.0, "upper": -HAIR}, "significantly_worse"),
            ({"saturated": True}, "benchmark_saturated"),
        )
    ),
]


@each_case(("name", "changes", "code"), BELOW)
def test_a_hair_below_one_threshold_on_one_seed_fails_its_gate_and_no_other(
    name: str, changes: dict[str, Any], code: str
) -> None:
    found = gates_of({42: changes})
    assert [gate.gate for gate in found.gates if gate.state != "HOLDS"] == [name]
    gate = _gate(name, changes)
    assert gate.state == "FAILS"
    assert _codes(gate) == {code}
    assert all(reason.detail.startswith("seed 42: ") for reason in gate.reasons)
    assert [(row.seed, row.state) for row in gate.seeds] == [(42, "FAILS"), (1729, "HOLDS")]


EDGE: list[tuple[str, dict[str, Any]]] = [
    ("collapse", {"collapse": collapse(effective_rank_ratio=0.20, median_variance=1e-8, neighbour_entropy=0.10)}),
    ("surprise", {"surprise": surprise(mutation=category(0.65))}),
    ("calibration", {"calibration": calibration(difference=0.05, error=0.10, **ablated)}),
    ("critic:equivalent_edits", with_scorer("critic", transfer=transfer(equivalent=equivalent(0.55)))),
    ("retrieval", {"retrieval": retrieval(recall=0.05, mrr=0.05)}),
    ("rerank:humaneval", with_rerank("humaneval", rerank("humaneval", points=3.0))),
    (
        "rerank:humaneval",
        with_rerank("humaneval", rerank("humaneval", problem_count=int(RERANK_PROBLEMS.value))),
    ),
]


@each_case(("name", "changes"), EDGE)
def test_a_threshold_that_is_met_exactly_holds(name: str, changes: dict[str, Any]) -> None:
    assert _gate(name, changes).state == "HOLDS"


def test_a_probe_must_beat_the_margin_and_not_only_meet_it() -> None:
    assert _gate("probe", {"probe": probe(target(0.05))}).state == "FAILS"


def few_families() -> dict[str, FamilyTransfer]:
    """One family fewer than the gate asks for."""
    return dict(list(transfer().families.items())[: int(FAMILIES.value) - 1])


UNUSABLE = ("missing_count", "nonfinite_count")


def calibration_without(count: str) -> CalibrationReport:
    """Calibration in which one row has no usable p_pass, by the name of its count."""
    report = calibration()
    p_pass = report.overall["p_pass"].model_copy(update={count: 1})
    return report.model_copy(update={"overall": {"p_pass": p_pass}})


ABSENT: list[tuple[str, dict[str, Any], str]] = [
    ("collapse", {"collapse": None}, "evidence_missing"),
    ("collapse", {"collapse": collapse(effective_rank_ratio=None)}, "evidence_missing"),
    ("collapse", {"collapse": collapse(median_variance=None)}, "evidence_missing"),
    ("collapse", {"collapse": collapse(neighbour_entropy=None)}, "evidence_missing"),
    ("collapse", {"collapse": collapse(r2=None)}, "evidence_missing"),
    ("collapse", {"collapse": collapse(over_untrained=None)}, "evidence_missing"),
    ("retrieval", {"retrieval": retrieval().model_copy(update={"lift": {}})}, "evidence_missing"),
    ("surprise", {"surprise": surprise(mutation=category(0.99, over_frequency=None))}, "evidence_missing"),
    ("action_use", {"record_calibration": None}, "evidence_missing"),
    ("contamination", {"collapse": collapse(encoder_may_have_seen_benchmarks="true")}, "contamination_unknown"),
    ("contamination", {"collapse": collapse(encoder_may_have_seen_benchmarks="unknown")}, "contamination_unknown"),
    ("contamination", {"collapse": collapse(encoder_may_have_seen_benchmarks=None)}, "evidence_missing"),
    ("action_use", {"record_calibration": calibration()}, "evidence_missing"),
    *(
        (f"{scorer.prefix}{name}", with_scorer(scorer.name, **changes), code)
        for scorer in SCORERS
        for name, changes, code in (
            ("unseen_operators", {"transfer": transfer(families={})}, "evidence_missing"),
            ("unseen_operators", {"transfer": transfer(mean_lift=None)}, "evidence_missing"),
            ("unseen_operators", {"transfer": transfer(families=few_families())}, "too_few_families"),
            (
                "unseen_operators",
                {"transfer": transfer(asked_pool_count=121)},
                "evidence_missing",
            ),  # 3 x 40 have scores
            ("equivalent_edits", {"transfer": transfer(equivalent=None)}, "evidence_missing"),
            (
                "equivalent_edits",
                {"transfer": transfer(equivalent=equivalent().model_copy(update={"asked_pair_count": 31}))},
                "evidence_missing",
            ),
            (
                "equivalent_edits",
                {"transfer": transfer(equivalent=equivalent(0.9, pairs=int(EQUIVALENT_PAIRS.value) - 1))},
                "too_few_pairs",
            ),
            ("model_programs", {"unseen_model_rerank": None}, "evidence_missing"),
            ("model_programs", {"unseen_model_calibration": None}, "evidence_missing"),
            ("model_programs", {"unseen_model_rerank": rerank_of(scorer.score, CONTROLS)}, "evidence_missing"),
            ("model_programs", {"unseen_model_rerank": of_models(scorer, problem_count=99)}, "too_few_problems"),
        )
    ),
    ("critic:calibration", with_scorer("critic", calibration=None), "evidence_missing"),
    (
        "critic:calibration",
        with_scorer("critic", calibration=calibration(static=None, score="critic")),
        "evidence_missing",
    ),
    ("retrieval", {"retrieval": None}, "evidence_missing"),
    (
        "retrieval",
        {"retrieval": RetrievalReport(seed=42, query_count=0, candidates_per_query=0, scores=None)},
        "evidence_missing",
    ),
    ("surprise", {"surprise": None}, "evidence_missing"),
    ("surprise", {"surprise": SurpriseReport(seed=42, categories={})}, "too_few_pairs"),
    ("surprise", {"surprise": surprise(mutation=category(0.99, pairs=99))}, "too_few_pairs"),
    ("surprise", {"surprise": surprise(mutation=category(None))}, "evidence_missing"),
    (
        "surprise",
        {"surprise": surprise(same_problem_different_submission=category(0.99, problems=29))},
        "too_few_problems",
    ),
    ("probe", {"probe": None}, "evidence_missing"),
    ("probe", {"probe": probe(others=3)}, "too_few_targets"),
    ("probe", {"probe": probe(target(0.06, lower=None))}, "evidence_missing"),
    ("calibration", {"calibration": None}, "evidence_missing"),
    ("calibration", {"calibration": calibration(difference=None)}, "evidence_missing"),
    ("calibration", {"calibration": calibration(error=None)}, "evidence_missing"),
    ("calibration", {"calibration": calibration(status="single_class")}, "evidence_missing"),
    *(("calibration", {"calibration": calibration_without(name)}, "evidence_missing") for name in UNUSABLE),
    *(
        (f"rerank:{name}", with_rerank(name, rerank(name, **changes)), code)
        for name in BENCHMARKS
        for changes, code in (
            ({"problem_count": int(RERANK_PROBLEMS.value) - 1}, "too_few_problems"),
            ({"complete_pool_count": dict.fromkeys(("p_pass", *CONTROLS), 100) | {"lexical": 99}}, "evidence_missing"),
        )
    ),
    *((f"rerank:{name}", with_rerank(name, None), "evidence_missing") for name in BENCHMARKS),
    *((f"rerank:{n}", with_rerank(n, rerank(n, best_control=None)), "evidence_missing") for n in BENCHMARKS),
    *((f"rerank:{n}", with_rerank(n, rerank(n, lift_over_best_control=None)), "evidence_missing") for n in BENCHMARKS),
    *((f"rerank:{n}", with_rerank(n, rerank(n, saturated=None)), "evidence_missing") for n in BENCHMARKS),
    *((f"rerank:{n}", with_rerank(n, rerank(n, problem_count=99)), "too_few_problems") for n in BENCHMARKS),
]


@each_case(("name", "changes", "code"), ABSENT)
def test_absent_evidence_on_one_seed_leaves_the_gate_undecided_and_says_what_is_missing(
    name: str, changes: dict[str, Any], code: str
) -> None:
    gate = _gate(name, changes)
    assert gate.state == "UNDECIDED"
    assert _codes(gate) == {code}
    assert all(reason.detail.startswith("seed 42: ") for reason in gate.reasons)


@each_case("name", list(SEED_GATES))
def test_one_missing_seed_leaves_every_gate_undecided_and_is_named(name: str) -> None:
    found = evaluate_gates({42: seed_evidence()}, integrity(), profile="tiny", benchmark_labels=LABELS)
    gate = next(gate for gate in found.gates if gate.gate == name)
    assert gate.state == "UNDECIDED"
    assert [reason.detail for reason in gate.reasons] == ["seed 1729: There is no evidence of this seed."]


def test_a_failure_on_one_seed_outweighs_a_missing_other_seed() -> None:
    found = evaluate_gates(
        {42: seed_evidence(collapse=collapse(effective_rank_ratio=0.1))}, integrity(), profile="tiny",
        benchmark_labels=LABELS,
    )  # fmt: skip
    assert state_of(found, "collapse") == "FAILS"


def test_a_third_seed_does_not_stand_in_for_a_missing_one() -> None:
    found = evaluate_gates(
        {42: seed_evidence(), 7: seed_evidence()}, integrity(), profile="tiny", benchmark_labels=LABELS
    )
    assert {gate.state for gate in found.gates if gate.gate != "integrity"} == {"UNDECIDED"}


def test_without_any_evidence_every_gate_is_undecided() -> None:
    assert {gate.state for gate in nothing_known().gates} == {"UNDECIDED"}
    assert all(gate.reasons for gate in nothing_known().gates)


def test_the_lift_counts_against_the_best_control_and_not_a_chosen_one() -> None:
    """Twenty points over lexical do not help when the best control is consensus and the lift over it is one point."""
    gate = _gate("rerank:humaneval", with_rerank("humaneval", rerank("humaneval", points=1.0)))
    assert gate.state == "FAILS"
    assert (gate.reasons[0].figure, gate.reasons[0].threshold) == (1.0, 3.0)
    assert "minus that of consensus, the best control, in points, is 1; at least 3 is needed." in gate.reasons[0].detail


def test_a_stand_in_leaves_its_benchmark_undecided_whatever_its_figures() -> None:
    report = rerank("mbpp_plus", points=50.0, lower=40.0, benchmark_label=STAND_IN["mbpp_plus"])
    both = with_rerank("mbpp_plus", report)
    found = gates_of({seed: both for seed in SEEDS}, labels=STAND_IN)
    gate = next(gate for gate in found.gates if gate.gate == "rerank:mbpp_plus")
    assert gate.state == "UNDECIDED"
    assert _codes(gate) == {"benchmark_is_a_stand_in"}
    assert gate.reasons[0].detail.startswith("seed 42: mbpp_plus (stand-in): ")
    assert gate.seeds[0].figures["lift_points"] == 50.0  # shown, though it opens nothing
    assert state_of(found, "rerank:humaneval") == "HOLDS"


def test_a_stand_in_does_not_fail_either() -> None:
    report = rerank("mbpp_plus", points=-50.0, lower=-60.0, benchmark_label=STAND_IN["mbpp_plus"])
    assert _gate("rerank:mbpp_plus", with_rerank("mbpp_plus", report)).state == "UNDECIDED"


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("manifest_mismatches", "manifest_mismatch"),
        ("secret_findings", "secret_found"),
        ("scored_problems_trained_on", "scored_problem_trained_on"),
    ],
)
def test_integrity_fails_on_one_finding_and_is_undecided_when_it_was_not_looked_for(field: str, code: str) -> None:
    found = gates_of(evidence=integrity(**{field: ["one"]}))
    assert state_of(found, "integrity") == "FAILS"
    assert {r.code for g in found.gates if g.gate == "integrity" for r in g.reasons} == {code}
    unknown = gates_of(evidence=integrity(**{field: None}))
    assert state_of(unknown, "integrity") == "UNDECIDED"
    assert [r.name for g in unknown.gates if g.gate == "integrity" for r in g.reasons] == [field]


def test_integrity_with_nothing_checked_is_undecided() -> None:
    nothing = IntegrityEvidence(
        manifests_verified=0, manifest_mismatches=None, secret_findings=None, scored_problems_trained_on=None
    )
    assert state_of(gates_of(evidence=nothing), "integrity") == "UNDECIDED"


def test_integrity_over_no_manifest_is_undecided_though_no_mismatch_was_found() -> None:
    assert state_of(gates_of(evidence=integrity(manifests_verified=0)), "integrity") == "UNDECIDED"


def test_a_gate_record_refuses_figures_that_are_not_finite() -> None:
    with pytest.raises(ValidationError, match="finite"):
        SeedGate(gate="collapse", seed=42, state="HOLDS", reasons=(), figures={"x": float("nan")})
    with pytest.raises(ValidationError, match="finite"):
        Lift(points=float("inf"), ci95=(0.0, 1.0))


def test_the_verdict_survives_being_written_and_read() -> None:
    found = gates_of()
    assert type(found).model_validate_json(found.model_dump_json()) == found
