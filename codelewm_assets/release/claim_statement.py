"""The claim of a release as an in-toto statement: of which artifacts, by which gates, figures, intervals, controls and register."""

from collections.abc import Mapping
from typing import Any

from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.evaluation.evidence import REPORTS, seed_evidence
from codelewm_assets.evaluation.reports import CalibrationReport, RerankReport, SeedEvidence
from codelewm_assets.release.hub_plan import ReleasePlan
from codelewm_assets.release.preregistration import Order, preregistration_order
from codelewm_assets.release.statements import CLAIM, Statement, Subject, statement
from codelewm_assets.store.store import ArtifactStore

OF_RERANKING = {"problem_count", "pool_count", "pass_at_1", "mrr", "lift", "mrr_lift_over_best_control", "best_control"}
OF_A_SCORE = {"roc_auc", "roc_auc_ci95", "expected_calibration_error", "positive_count", "negative_count"}


def claim_statement(
    plan: ReleasePlan, gates: ClaimGates, evidence: Mapping[int, SeedEvidence], order: Order
) -> Statement:
    """The statement of a plan.

    Args:
        evidence: of each seed, the reports that the gates were judged on.
        order: of preregistration and training.
    """
    digests = {file.artifact_id: file.digest for file in plan.files if file.digest}
    judged = gates.model_dump(mode="json")
    predicate = {
        "profile": gates.profile,
        "benchmark_labels": gates.benchmark_labels,
        "gates": judged["gates"],
        "claims": judged["claims"],
        "measured": {str(seed): _measured(item) for seed, item in sorted(evidence.items())},
        "register": {"digest": plan.register_digest, "order": order.model_dump(mode="json")},
    }
    return statement([Subject.of(name, str(digest)) for name, digest in digests.items()], CLAIM, predicate)


def _measured(evidence: SeedEvidence) -> dict[str, Any]:
    """Scorer → its figures and those of every control, with intervals."""
    scorers = {name: evidence.of_scorer(name) for name in ("codelewm", *evidence.scorers)}
    return {
        name: {"rerank": _reranking(item.rerank), "calibration": _calibration(item.calibration)}
        for name, item in scorers.items()
    }


def _reranking(report: RerankReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {name: row.model_dump(mode="json", include=OF_RERANKING) for name, row in report.benchmarks.items()}


def _calibration(report: CalibrationReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "scores": {name: row.model_dump(mode="json", include=OF_A_SCORE) for name, row in report.overall.items()},
        "roc_auc_difference": {name: row.model_dump(mode="json") for name, row in report.difference.items()},
    }


def stated_claim(plan: ReleasePlan, store: ArtifactStore) -> Statement:
    """The claim of the artifacts of a plan. Raises: StoreError: an artifact is not stored."""
    digests = {file.artifact_id: str(file.digest) for file in plan.files}
    gates = store.load("claim_gates", digests["claim_gates"])
    lineage = [artifact.manifest for artifact in store.lineage(gates).values()]
    judged = ClaimGates.model_validate(gates.read_json("claim_gates.json"))
    return claim_statement(plan, judged, seed_evidence(store.parents(gates, REPORTS)), preregistration_order(lineage))
