"""Jobs: one per kind of partition, since a run cannot mix seed with seed × benchmark, and the order they go in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from codelewm_assets.core.errors import DeploymentError
from codelewm_assets.core.ids import BENCHMARKS, SEEDS
from codelewm_assets.defs.partitions import rerank_key
from codelewm_assets.profiles.operations import OperationsSection

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


def run_tags(operations: OperationsSection, limit_s: int | None = None) -> dict[str, str]:
    """Tags by which Dagster's daemon retries and ends runs.

    A run is retried when its worker or machine failed, from where it stopped. A run with a failed step, which a red check
    is, is never retried.
    """
    limit = {} if limit_s is None else {"dagster/max_runtime": str(limit_s)}
    return {
        "dagster/max_retries": str(operations.infrastructure_retries),
        "dagster/retry_on_asset_or_op_failure": "false",
        "dagster/retry_strategy": "FROM_FAILURE",
    } | limit


def step_jobs(
    operations: OperationsSection, tags: Mapping[str, Mapping[str, Any]]
) -> list[UnresolvedAssetJobDefinition]:
    """The job of each step. Args: tags: job → tags with which a deployment says where its runs go and what they need."""
    limits = operations.run_limits_s.model_dump()
    return [
        dg.define_asset_job(
            step.job,
            selection=dg.AssetSelection.assets(*step.assets),
            executor_def=dg.in_process_executor,
            description=f"{', '.join(step.assets)}, with their checks.",
            tags=run_tags(operations, limits[step.job]) | dict(tags.get(step.job, {})),
        )
        for step in BUILD_ORDER
    ]


def read_job_tags(path: str | None) -> dict[str, dict[str, Any]]:
    """Tags of jobs from a YAML file (job → tag → value); none without a path.

    Raises: DeploymentError: no such file, it is no such mapping, or it names a job that there is not.
    """
    if not path:
        return {}
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DeploymentError(f"CODELEWM_JOB_TAGS names {path}, which cannot be read: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(tags, dict) for tags in found.values()):
        raise DeploymentError(f"{path} (CODELEWM_JOB_TAGS) holds something else than job → tag → value.")
    names = [step.job for step in BUILD_ORDER]
    if unknown := sorted(set(map(str, found)) - set(names)):
        raise DeploymentError(
            f"{path} (CODELEWM_JOB_TAGS) has tags of {', '.join(unknown)}; the jobs are {', '.join(names)}."
        )
    return found
