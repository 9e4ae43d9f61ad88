"""Records with every field that a report can show, each number another: what the tests of release alter."""

from itertools import count
from typing import Any

from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.core.ids import BENCHMARKS, SEEDS
from codelewm_assets.core.records import CellCount, Finding
from codelewm_assets.evaluation.model_rates import ModelRatesReport
from codelewm_assets.evaluation.reports import CalibrationReport, SeedEvidence
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.report_records import report_records
from codelewm_assets_tests.claims.evidence import STAND_IN, gates_of, rerank, seed_evidence, together
from codelewm_assets_tests.release.records import sidecar

SCORES = ("p_pass", "surface_lr", "consensus", "no_action", "shuffled_action", "lexical", "length", "random")
CONTROLS = SCORES[1:]
FINDING = Finding(rule="pack_is_odd|even", passed=False, blocker="odd", message="m", figures={"rows": 3}, offenders=())
CELLS = Finding(
    rule="folds_cover_every_cell", passed=True, blocker=None, message="m", figures={"cells": 2}, offenders=(),
    table=tuple(CellCount(cell=f"fold {fold} humaneval passed", count=9 - 6 * fold, floor=4) for fold in (0, 1)),
)  # fmt: skip
EVENTS = [
    {"event": "progress", "fold": 0, "step": step, "metrics": {"train_loss": 2.0 / step, "val_loss": 1.5 / step}}
    for step in (1, 10, 20)
]


def _metrics(number: Any) -> dict[str, Any]:
    """One score's metrics, all different. Args: number: gives the next number in (0, 1)."""
    pair = lambda: [number(), number()]  # noqa: E731
    bins = [
        {"lower": number(), "upper": number(), "count": 7, "mean_score": number(), "pass_rate": number()}
        for _ in range(2)
    ]
    threshold = {
        "threshold": 0.5, "predicted_positive_count": 11, "true_positive": 7, "false_positive": 4, "true_negative": 8,
        "false_negative": 3, "precision": number(), "recall": number(), "f1": number(), "accuracy": number(),
    }  # fmt: skip
    figures = (
        "roc_auc",
        "within_pool_auc",
        "average_precision",
        "brier_score",
        "log_loss",
        "expected_calibration_error",
    )
    return {
        "status": "ok",
        **{name: number() for name in figures},
        **{f"{name}_ci95": pair() for name in figures},
        "within_pool_count": 5,
        "expected_calibration_error_equal_mass": number(),
        "thresholded": threshold,
        "threshold_table": [threshold, threshold | {"threshold": 0.7}],
        "calibration_bins": bins,
        "equal_mass_bins": bins,
        "positive_count": 10,
        "negative_count": 12,
        "missing_count": 0,
        "nonfinite_count": 0,
    }


def calibration(number: Any, level: str = "completion") -> CalibrationReport:
    """A calibration report with all its parts."""
    scores = lambda: {name: _metrics(number) for name in SCORES}  # noqa: E731
    return CalibrationReport.model_validate(
        {
            "level": level,
            "seed": 42,
            "row_count": 22,
            "problem_count": 6,
            "overall": scores(),
            "slices": {
                "benchmark": {name: scores() for name in BENCHMARKS},
                "completion_kind": {"mutant_1": scores()},
                "operator_family": {"compare": scores()},
            },
            "difference": {name: {"difference": number(), "ci95": [number(), number()]} for name in CONTROLS},
        }
    )


def _lift(number: Any) -> dict[str, Any]:
    return {"points": 10 * number(), "ci95": [-number(), 20 * number()]}


def evidence_of(number: Any, labels: dict[str, str]) -> SeedEvidence:
    """Everything that one seed can have."""
    rerank = {
        "seed": 42, "resamples": 2000,
        "benchmarks": {
            name: {
                "benchmark_label": labels[name], "problem_count": 40, "pool_count": 90,
                "pass_at_1": {score: number() for score in SCORES}, "mrr": {score: number() for score in SCORES},
                **{name: {score: number() for score in SCORES} for name in ("spearman", "kendall", "bottom_1")},
                "lift": {score: _lift(number) for score in CONTROLS}, "mrr_lift": {score: _lift(number) for score in CONTROLS},
                "best_control": "consensus", "lift_over_best_control": _lift(number),
                "power": {"standard_error_points": 3 * number(), "minimum_detectable_effect_points": 9 * number()},
                "saturated": False, "complete_pool_count": dict.fromkeys(SCORES, 90),
            }
            for name in BENCHMARKS
        },
    }  # fmt: skip
    retrievers = ("model", "no_action", "shuffled_action", "lexical", "random")
    retrieval = {
        "seed": 42, "query_count": 300, "candidates_per_query": 64,
        "scores": {name: {f"recall_at_{k}": number() for k in (1, 5, 10)} | {"mrr": number()} for name in retrievers},
        "lift": {name: {figure: _lift(number) for figure in ("recall_at_1", "mrr")} for name in retrievers[1:]},
    }  # fmt: skip
    category = lambda: {  # noqa: E731
        "pair_count": 120, "problem_count": 33, "auc": number(), "auc_ci95": [number(), number()],
        "no_action_auc": number(), "mean_real_energy": number(), "mean_decoy_energy": number(),
    }  # fmt: skip
    names = ("mutation", "same_problem_different_submission", "same_code_different_input")
    surprise = {
        "seed": 42,
        "categories": {name: category() for name in names},
        "benchmarks": {benchmark: {name: category() for name in names} for benchmark in BENCHMARKS},
    }
    probe = {
        "seed": 42,
        "targets": {
            name: {
                "status": "ok", "class_count": 2, "fit_count": 50, "test_count": 60, "model": number(),
                "controls": {"code": number(), "input": number()}, "best_control": "code",
                "lift_over_best_control": number(), "lift_ci99": [-number(), number()],
            }
            for name in ("passed", "output_type", "output_magnitude_bucket", "output_length_bucket", "raises")
        },
    }  # fmt: skip
    collapse = {
        "seed": 42, "latent_count": 100, "effective_rank_ratio": number(), "median_variance": number(),
        "neighbour_entropy": number(), "z_target_effective_rank_ratio": number(), "z_target_median_variance": number(),
        "z_target_neighbour_entropy": number(), "tensor_count": 9, "parameter_count": 1000,
    }  # fmt: skip
    return SeedEvidence.model_validate(
        {"rerank": rerank, "retrieval": retrieval, "surprise": surprise, "probe": probe, "collapse": collapse,
         "calibration": calibration(number).model_dump(mode="json"),
         "record_calibration": calibration(number, "record").model_dump(mode="json")}
    )  # fmt: skip


def model_rates_of(number: Any) -> ModelRatesReport:
    """Rates of two models: one on both benchmarks and with every k, one of whose samples only few are known."""
    pass_at_k = lambda k: {"k": k, "value": number(), "ci95": [number(), number()], "problem_count": 41 - k}  # noqa: E731
    fields = {
        "model": "lab/model-7b", "sources": ["mine"], "sample_count": 820, "unlabelled_count": 3, "program_count": 640,
        "problem_count": 40, "never_passed_count": 12, "outcomes": {"pass": 400, "no_program": 20, "wrong_output": 400},
    }  # fmt: skip
    suites = lambda: {suite: [pass_at_k(k) for k in (1, 5, 10)] for suite in ("base", "plus")}  # noqa: E731
    of_benchmarks = [fields | {"benchmark_id": name} | suites() for name in BENCHMARKS]
    few = fields | {
        "model": "(other|source)",
        "benchmark_id": "humaneval",
        "base": [],
        "plus": [pass_at_k(1) | {"ci95": None}],
    }
    return ModelRatesReport.model_validate({"resamples": 2000, "models": [*of_benchmarks, few]})


def numbers() -> Any:
    """Gives numbers in (0, 1) that are all different in their third digit."""
    place = count(1)
    return lambda: (next(place) * 37 % 997) / 1000 + 0.001


def full_records(gates: ClaimGates | None = None, labels: dict[str, str] = STAND_IN) -> Records:
    """The tree of a run with everything in it."""
    number = numbers()
    return report_records(
        gates or gates_of(labels=labels),
        {seed: evidence_of(number, labels) for seed in SEEDS},
        [FINDING, CELLS],
        artifacts={"claim_gates": "1" * 64, "preflight_report": "2" * 64},
        training={seed: (sidecar(seed), EVENTS) for seed in SEEDS},
        model_rates=model_rates_of(number),
    )


def sparse_records(gates: ClaimGates | None = None) -> Records:
    """The tree of a run whose reports have no more than they must."""
    bare = together(rerank(name, lift_over_best_control=None) for name in BENCHMARKS)
    return report_records(
        gates or gates_of(), {seed: seed_evidence(rerank=bare, record_calibration=None) for seed in SEEDS}
    )
