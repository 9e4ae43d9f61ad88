"""Evidence in which every gate holds by a hair, to be changed one figure at a time."""

from collections.abc import Iterable
from typing import Any

from codelewm_assets.claims import register
from codelewm_assets.claims.gates import evaluate_gates
from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.core.ids import BENCHMARKS, SEEDS, BenchmarkId
from codelewm_assets.evaluation.reports import (
    AucDifference,
    BenchmarkRerank,
    CalibrationBin,
    CalibrationReport,
    CollapseReport,
    IntegrityEvidence,
    LatentProbeReport,
    Lift,
    ProbeTarget,
    RerankReport,
    RetrievalReport,
    RetrievalScores,
    ScoreMetrics,
    SeedEvidence,
    Slices,
    SurpriseCategory,
    SurpriseReport,
)

HAIR = 1e-3
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
    }
    return CollapseReport(**fields | changes)


def retrieval(recall: float = 0.05 + HAIR, mrr: float = 0.05 + HAIR) -> RetrievalReport:
    """Lifts over no_action of these sizes."""
    control = RetrievalScores(recall_at_1=0.1, mrr=0.2)
    ours = RetrievalScores(recall_at_1=0.1 + recall, mrr=0.2 + mrr)
    scores = {"model": ours, "no_action": control, "shuffled_action": control}
    return RetrievalReport(seed=42, query_count=100, candidates_per_query=64, scores=scores)  # type: ignore[arg-type]


def category(auc: float | None, pairs: int = 100, problems: int = 30) -> SurpriseCategory:
    """One decoy category."""
    return SurpriseCategory(
        pair_count=pairs, problem_count=problems, auc=auc, auc_ci95=None, no_action_auc=0.5, mean_real_energy=1.0,
        mean_decoy_energy=1.5,
    )  # fmt: skip


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
) -> CalibrationReport:
    """p_pass a hair better than surface_lr asks for."""
    bins = [CalibrationBin(lower=0, upper=0.1, count=0, mean_score=None, pass_rate=None)]
    metrics = ScoreMetrics(
        status=status, roc_auc=0.7, expected_calibration_error=error, calibration_bins=bins, positive_count=5,  # type: ignore[arg-type]
        negative_count=5, missing_count=0, nonfinite_count=0,
    )  # fmt: skip
    lift = {} if difference is None else {"surface_lr": AucDifference(difference=difference, ci95=(lower, upper))}
    return CalibrationReport(
        seed=42, row_count=10, problem_count=5, overall={"p_pass": metrics},
        slices=Slices(benchmark={"humaneval": {"p_pass": metrics}}), difference=lift,
    )  # fmt: skip


def rerank(
    benchmark: str, points: float = 3.0 + HAIR, lower: float = HAIR, *, upper: float = 9.0, **changes: Any
) -> RerankReport:
    """A lift over the best control of a hair more than three points."""
    fields: dict[str, Any] = {
        "benchmark_label": benchmark,
        "problem_count": 100,
        "pool_count": 100,
        "pass_at_1": {"p_pass": 0.6, "lexical": 0.4, "consensus": 0.5},
        "complete_pool_count": dict.fromkeys(("p_pass", *register.CONTROLS), 100),
        "mrr": {"p_pass": 0.7, "lexical": 0.5, "consensus": 0.6},
        "lift": {
            "consensus": Lift(points=points, ci95=(lower, upper)),
            "lexical": Lift(points=20.0, ci95=(10.0, 30.0)),
        },
        "best_control": "consensus",
        "lift_over_best_control": Lift(points=points, ci95=(lower, upper)),
        "saturated": False,
    }
    return RerankReport(seed=42, resamples=2000, benchmarks={benchmark: BenchmarkRerank(**fields | changes)})


def together(reports: Iterable[RerankReport]) -> RerankReport:
    """One rerank report with the benchmarks of all of them."""
    reports = list(reports)
    return reports[0].model_copy(
        update={"benchmarks": {name: own for report in reports for name, own in report.benchmarks.items()}}
    )


def seed_evidence(**changes: Any) -> SeedEvidence:
    """All reports of one seed."""
    fields: dict[str, Any] = {
        "collapse": collapse(),
        "retrieval": retrieval(),
        "surprise": surprise(),
        "probe": probe(),
        "calibration": calibration(),
        "rerank": together(rerank(name) for name in BENCHMARKS),
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
