"""Evidence in which every gate holds by a hair, to be changed one figure at a time."""

from collections.abc import Iterable
from typing import Any

from codelewm_assets.claims import register
from codelewm_assets.claims.gates import evaluate_gates
from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.core.ids import ABLATIONS, BENCHMARKS, CONTROLS, MODEL_CONTROLS, SEEDS, BenchmarkId
from codelewm_assets.evaluation.reports import (
    BenchmarkRerank,
    CalibrationBin,
    CalibrationReport,
    CollapseReport,
    ContaminationReport,
    Difference,
    EquivalentEdits,
    FamilyTransfer,
    IntegrityEvidence,
    LatentProbeReport,
    Lift,
    ProbeTarget,
    RerankReport,
    RetrievalReport,
    RetrievalScores,
    ScoreMetrics,
    ScorerEvidence,
    SeedEvidence,
    Slices,
    SurpriseCategory,
    SurpriseReport,
    TransferReport,
)

HAIR = 1e-3
ABOVE = Difference(difference=HAIR, ci95=(HAIR, 0.5))
LABELS: dict[str, str] = {name: name for name in BENCHMARKS}
STAND_IN = {"humaneval": "humaneval", "mbpp_plus": "mbpp_plus (stand-in)"}


def collapse(**changes: Any) -> CollapseReport:
    """Spread just above the floors."""
    fields: dict[str, Any] = {
        "seed": 42,
        "latent_count": 100,
        "effective_rank_ratio": 0.20 + HAIR,
        "median_variance": 1.1e-8,
        "neighbour_entropy": 0.10 + HAIR,
        "tensor_count": 9,
        "parameter_count": 1000,
        "encoder_may_have_seen_benchmarks": "false",
        "r2": 2 * HAIR,
        "r2_ci95": (HAIR, 0.5),
        "untrained_r2": HAIR,
        "over_untrained": Difference(difference=HAIR, ci95=(HAIR, 0.5)),
    }
    return CollapseReport(**fields | changes)


def retrieval(
    recall: float = 0.05 + HAIR, mrr: float = 0.05 + HAIR, *, control: str = "no_action", lower: float = HAIR
) -> RetrievalReport:
    """Lifts over one control of these sizes, and large ones over the other."""
    theirs = RetrievalScores(recall_at_1=0.1, mrr=0.2)
    ours = RetrievalScores(recall_at_1=0.1 + recall, mrr=0.2 + mrr)
    scores = {"model": ours, "no_action": theirs, "shuffled_action": theirs, "lexical": theirs}  # read without a lift
    large = {name: Lift(points=40.0, ci95=(30.0, 50.0)) for name in ("recall_at_1", "mrr")}
    lifts = {"no_action": large, "lexical": large}
    sizes = {"recall_at_1": recall, "mrr": mrr}
    lifts[control] = {name: Lift(points=100 * size, ci95=(100 * lower, 60.0)) for name, size in sizes.items()}
    return RetrievalReport(
        seed=42, query_count=100, candidates_per_query=64, scores=scores, lift=lifts,  # type: ignore[arg-type]
    )  # fmt: skip


def category(auc: float | None, pairs: int = 100, problems: int = 30, **changes: Any) -> SurpriseCategory:
    """One decoy category, a hair above both controls."""
    fields: dict[str, Any] = {
        "pair_count": pairs, "problem_count": problems, "auc": auc, "no_action_auc": 0.5, "frequency_auc": 0.5,
        "mean_real_energy": 1.0, "mean_decoy_energy": 1.5,
        **{f"over_{name}": difference(HAIR) for name in ("no_action", "frequency")},
    }  # fmt: skip
    return SurpriseCategory(**fields | changes)


def difference(size: float = HAIR, lower: float = HAIR, upper: float = 0.5) -> Difference:
    """A difference with its interval."""
    return Difference(difference=size, ci95=(lower, upper))


def surprise(**changes: SurpriseCategory) -> SurpriseReport:
    """Each category just above its floor, on as few pairs and problems as will do."""
    found = {name: category(threshold.value + HAIR) for name, threshold in register.SURPRISE_AUC.items()}
    return SurpriseReport(seed=42, categories=found | changes)


def target(lift: float | None, lower: float | None = 0.01) -> ProbeTarget:
    """One probed target."""
    return ProbeTarget(
        status="single_class" if lift is None else "ok", class_count=2, fit_count=50, test_count=50, model=0.7,
        controls={"code": 0.6}, best_control="code", lift_over_best_control=lift,
        lift_ci99=None if lift is None or lower is None else (lower, lift + 0.1),
    )  # fmt: skip


def probe(best: ProbeTarget | None = None, others: int = 4) -> LatentProbeReport:
    """One target that beats its controls by a hair more than the margin, and others that do not."""
    targets = {f"other{i}": target(0.0, -0.1) for i in range(others)}
    return LatentProbeReport(seed=42, targets={"passed": best or target(0.05 + HAIR), **targets})


def calibration(
    difference: float | None = 0.05 + HAIR,
    lower: float = HAIR,
    error: float | None = 0.10 - HAIR,
    status: str = "ok",
    *,
    upper: float = 0.5,
    score: str = "p_pass",
    static: Difference | None = ABOVE,
    **within: Difference,
) -> CalibrationReport:
    """A score a hair better than surface_lr asks for and than static. Args: within: other score → within-pool difference."""
    bins = [CalibrationBin(lower=0, upper=0.1, count=0, mean_score=None, pass_rate=None)]
    metrics = ScoreMetrics(
        status=status, roc_auc=0.7, expected_calibration_error=error, calibration_bins=bins, positive_count=5,  # type: ignore[arg-type]
        negative_count=5, missing_count=0, nonfinite_count=0,
    )  # fmt: skip
    lift = {} if difference is None else {"surface_lr": Difference(difference=difference, ci95=(lower, upper))}
    lift |= {} if static is None else {"static": static}
    return CalibrationReport(
        seed=42, row_count=10, problem_count=5, overall={score: metrics}, subject=score,
        slices=Slices(benchmark={name: {score: metrics} for name in BENCHMARKS}), difference=lift,
        within_pool_difference={name: within for name in BENCHMARKS} if within else {},
    )  # fmt: skip


def record_calibration(over: Difference | None = None) -> CalibrationReport:
    """Within a completion p_pass is a hair above what the input alone says."""
    return calibration(input_prior=over or difference()).model_copy(update={"level": "record"})


def rerank(
    benchmark: str, points: float = 3.0 + HAIR, lower: float = HAIR, *, upper: float = 9.0, **changes: Any
) -> RerankReport:
    """A lift over the best control of a hair more than three points."""
    fields: dict[str, Any] = {
        "benchmark_label": benchmark,
        "problem_count": 100,
        "pool_count": 100,
        "pass_at_1": {"p_pass": 0.6, "lexical": 0.4, "consensus": 0.5},
        "complete_pool_count": dict.fromkeys(("p_pass", *CONTROLS), 100),
        "mrr": {"p_pass": 0.7, "lexical": 0.5, "consensus": 0.6},
        "lift": {
            "consensus": Lift(points=points, ci95=(lower, upper)),
            "lexical": Lift(points=20.0, ci95=(10.0, 30.0)),
        },
        "best_control": "consensus",
        "lift_over_best_control": Lift(points=points, ci95=(lower, upper)),
        "mrr_lift_over_best_control": Lift(points=HAIR, ci95=(HAIR, 9.0)),
        "saturated": False,
    }
    fields["lift"] |= {name: Lift(points=0.1, ci95=(HAIR, 1.0)) for name in ABLATIONS}
    return RerankReport(seed=42, resamples=2000, benchmarks={benchmark: BenchmarkRerank(**fields | changes)})


def rerank_of(score: str, controls: Iterable[str] = CONTROLS, **changes: Any) -> RerankReport:
    """The same of another score on both benchmarks."""
    counts = dict.fromkeys((score, *controls), 100)
    both = {"pass_at_1": {score: 0.6, "consensus": 0.5}, "complete_pool_count": counts}
    report = together(rerank(name, **both | changes) for name in BENCHMARKS)
    return report.model_copy(update={"subject": score})


def transfer(**changes: Any) -> TransferReport:
    """Three families held out, a hair above lm in the mean, and hardly a preference among programs that pass."""
    family = FamilyTransfer(problem_count=40, pool_count=40, pass_at_1=0.7, lm=0.6, lift=Lift(points=10, ci95=(1, 20)))
    fields: dict[str, Any] = {
        "seed": 42,
        "subject": "critic",
        "families": dict.fromkeys(("relational", "arithmetic", "logical"), family),
        "mean_lift": Lift(points=HAIR, ci95=(HAIR, 9.0)),
        "equivalent": equivalent(),
    }
    return TransferReport(**fields | changes)


def equivalent(auc: float = 0.55 - HAIR, pairs: int = 30) -> EquivalentEdits:
    """Pairs of programs that both pass."""
    return EquivalentEdits(pair_count=pairs, problem_count=pairs, auc=auc, auc_ci95=(auc - 0.05, auc + 0.05))


def scorer_evidence(score: str, **changes: Any) -> ScorerEvidence:
    """All reports of one scorer."""
    metrics = calibration(score=score).overall[score].model_copy(update={"roc_auc_ci95": (0.5 + HAIR, 0.7)})
    of_models = calibration(score=score).model_copy(
        update={"slices": Slices(benchmark={name: {score: metrics} for name in BENCHMARKS})}
    )
    fields: dict[str, Any] = {
        "calibration": calibration(score=score),
        "rerank": rerank_of(score),
        "transfer": transfer(),
        "unseen_model_calibration": of_models,
        "unseen_model_rerank": rerank_of(score, MODEL_CONTROLS),
    }
    return ScorerEvidence(**fields | changes)


def named(name: str, **changes: Any) -> ContaminationReport:
    """What is stated of a candidate that a profile names: nothing of the benchmarks, unless changed."""
    fields: dict[str, Any] = {
        "seed": 42, "scorer": name, "kind": "external", "role": "candidate", "reads": "the program and its prompt",
        "statement": "none_of_the_benchmarks", "reason": "its data end before both", "declared_problem_count": 0,
        "scored_problem_count": 100, "scored_problems_trained_on": [],
    }  # fmt: skip
    return ContaminationReport(**fields | changes)


def with_named(contamination: ContaminationReport, **changes: Any) -> ClaimGates:
    """Gates and claims with good evidence of a scorer that the profile names. Args: changes: of its reports."""
    name = contamination.scorer
    own = scorer_evidence(name, **{"contamination": contamination} | changes)
    return gates_of({seed: {"scorers": SCORERS | {name: own}} for seed in SEEDS})


def with_scorer(scorer: str, **changes: Any) -> dict[str, Any]:
    """A change of one scorer's reports."""
    score = next(found.score for found in register.SCORERS if found.name == scorer)
    return {"scorers": SCORERS | {scorer: scorer_evidence(score, **changes)}}


def together(reports: Iterable[RerankReport]) -> RerankReport:
    """One rerank report with the benchmarks of all of them."""
    reports = list(reports)
    return reports[0].model_copy(
        update={"benchmarks": {name: own for report in reports for name, own in report.benchmarks.items()}}
    )


SCORERS = {found.name: scorer_evidence(found.score) for found in register.SCORERS}


def seed_evidence(**changes: Any) -> SeedEvidence:
    """All reports of one seed."""
    fields: dict[str, Any] = {
        "collapse": collapse(),
        "retrieval": retrieval(),
        "surprise": surprise(),
        "probe": probe(),
        "calibration": calibration(**{name: difference() for name in ABLATIONS}),
        "record_calibration": record_calibration(),
        "rerank": together(rerank(name) for name in BENCHMARKS),
        "scorers": SCORERS,
    }
    return SeedEvidence(**fields | changes)


def with_rerank(benchmark: BenchmarkId, report: RerankReport | None) -> dict[str, Any]:
    """A change of one benchmark's rerank report; None takes it away."""
    reports = {name: rerank(name) for name in BENCHMARKS} | {benchmark: report}
    return {"rerank": together(found for found in reports.values() if found)}


def integrity(**changes: Any) -> IntegrityEvidence:
    """All checked and clean."""
    fields: dict[str, Any] = {
        "manifests_verified": 12,
        "manifest_mismatches": [],
        "secret_findings": [],
        "scored_problems_trained_on": [],
    }
    return IntegrityEvidence(**fields | changes)


def gates_of(
    changes: dict[int, dict[str, Any]] | None = None,
    *,
    evidence: IntegrityEvidence | None = None,
    labels: dict[str, str] = LABELS,
) -> ClaimGates:
    """Gates and claims on good evidence with fields changed by seed."""
    seeds = {seed: seed_evidence(**(changes or {}).get(seed, {})) for seed in SEEDS}
    return evaluate_gates(seeds, evidence or integrity(), profile="tiny", benchmark_labels=labels)


def nothing_known(labels: dict[str, str] = LABELS) -> ClaimGates:
    """Gates and claims without any evidence."""
    return evaluate_gates({}, None, profile="tiny", benchmark_labels=labels)


def state_of(gates: ClaimGates, name: str) -> str:
    """The state of the gate of this name."""
    (state,) = (gate.state for gate in gates.gates if gate.gate == name)
    return state
