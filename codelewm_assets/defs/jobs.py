"""Jobs: one per kind of partition, since a run cannot mix seed with seed × benchmark, and the order they go in."""

from dataclasses import dataclass

import dagster as dg

from codelewm_assets.core.ids import BENCHMARKS, SEEDS
from codelewm_assets.defs.partitions import rerank_key

BENCHMARK_ASSETS = ("benchmark_problems", "candidate_completions", "labelled_completions")
DATA_ASSETS = (
    "execution_pack",
    "problem_splits",
    "semantic_decoys",
    "rerank_pools",
    "preflight_report",
    "tokenized_pack",
)
SEED_ASSETS = (
    "checkpoint",
    "checkpoint_inspection",
    "heldout_scores",
    "p_pass_calibration",
    "retrieval_report",
    "surprise_report",
    "latent_probe_report",
)
RELEASE_ASSETS = (
    "results_report",
    "dataset_card",
    "tracker_status",
    "claim_audit",
    "artifact_index",
    "review_site",
    "hub_release",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One run of `build`: a job and the partitions it runs for, one run each; (None,) for an unpartitioned job."""

    job: str
    assets: tuple[str, ...]
    partitions: tuple[str | None, ...]


BUILD_ORDER: tuple[Step, ...] = (
    Step("label_benchmark", BENCHMARK_ASSETS, BENCHMARKS),
    Step("make_pack", DATA_ASSETS, (None,)),
    Step("train_and_score", SEED_ASSETS, tuple(map(str, SEEDS))),
    Step("rerank", ("rerank_report",), tuple(rerank_key(b, s) for s in SEEDS for b in BENCHMARKS)),
    Step("judge_claims", ("claim_gates",), (None,)),
    Step("write_model_card", ("model_card",), tuple(map(str, SEEDS))),
    Step("release", RELEASE_ASSETS, (None,)),
)
JOBS = [
    dg.define_asset_job(
        step.job,
        selection=dg.AssetSelection.assets(*step.assets),
        executor_def=dg.in_process_executor,
        description=f"{', '.join(step.assets)}, with their checks.",
    )
    for step in BUILD_ORDER
]
