"""Layout of a release on the Hub: the place of each artifact, and the artifacts that are not published. No I/O here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from codelewm_assets.core.ids import SEEDS, artifact_id

RepositoryType = Literal["dataset", "model"]
NAMESPACE = "codelewm"
DATASET = "codelewm-dataset"
RUN = "codelewm-run-reports"  # not codelewm-runs: docs/hf-jobs.md names so where the inputs of jobs lie, programs included
MODEL = "codelewm-model-seed"  # and the seed
CARDS = ("dataset_card", "model_card")  # their README.md is a repository's
CARD = "README.md"
TABLES = ("problem_splits", "semantic_decoys", "rerank_pools", "control_scores")
CONFIGS: Mapping[str, str] = {
    "default": "data/pack.parquet",
    "solution_sets": "data/solution_sets.parquet",
    "rerank_pools": "rerank_pools/pools.parquet",
    "semantic_decoys": "semantic_decoys/decoys.parquet",
    "problem_splits": "problem_splits/splits.parquet",
    "control_scores": "control_scores/controls.parquet",
}
"""Configuration of the dataset repository → its file there."""
SPLIT = "test"  # of every configuration: each published row is a test row of the model of its problem's fold
OF_THE_RUN = (
    "claim_gates", "claim_audit", "results_report", "model_rates", "preflight_report", "artifact_index", "model_card",
)  # fmt: skip
OF_A_SEED = (
    "checkpoint_inspection", "p_pass_calibration", "retrieval_report", "surprise_report", "latent_probe_report",
    "rerank_report",
)  # fmt: skip

UNPUBLISHED: Mapping[str, str] = {
    "benchmark_problems": "programs, prompts and tests of the benchmarks, which can be run",
    "library_functions": "code of libraries, each under its own licence, for training alone",
    "candidate_completions": "programs, which can be run",
    "sampled_completions": "texts of models, whose programs can be run",
    "labelled_completions": "programs, which can be run",
    "library_variants": "code of libraries with edits, each under its own licence, for training alone",
    "execution_pack": "programs, inputs and outputs as text; its rows are in data/pack.parquet of the dataset, as hashed tokens",
    "tokenized_pack": "token arrays, which the tokenizer of a checkpoint turns back into programs",
    "heldout_scores": "latents of every held-out record, which are large, and a row per completion; the metric reports are of them",
    "published_evidence": "about files that others published, and none of this run's",
    "scorer_scores": "scores of programs that are not published; the metric reports are of them",
    "tracker_status": "the gates and claims of claim_gates once more, as a comment",
    "review_site": "the report and the cards once more, as pages, and the programs of judged pools, which can be run",
}
"""Asset → why it is not published. Every asset but `hub_release` is here or has a place."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one artifact: repository (its name without the namespace) and folder; "" is the root.

    Attributes: part: folder of the artifact to publish, without the manifest; "": all of its files.
    """

    repository: str
    repository_type: RepositoryType
    kind: str
    partition: str | None = None
    folder: str = ""
    part: str = ""

    def path_of(self, file: str) -> str | None:
        """Path of an artifact's file in the repository; None: not published there."""
        if not file.startswith(f"{self.part}/" if self.part else ""):
            return None
        return (f"{self.folder}/" if self.folder else "") + file.removeprefix(f"{self.part}/" if self.part else "")

    @property
    def artifact_id(self) -> str:
        """`kind`, or `kind[partition]`."""
        return artifact_id(self.kind, self.partition)


def places() -> tuple[Place, ...]:
    """The place of every artifact of a release."""
    seeds = [str(seed) for seed in SEEDS]
    result = [Place(DATASET, "dataset", "dataset_card")]
    result += [Place(DATASET, "dataset", kind, folder=kind) for kind in TABLES]
    for seed in seeds:
        result.append(Place(f"{MODEL}{seed}", "model", "model_card", part=seed))
        result.append(Place(f"{MODEL}{seed}", "model", "checkpoint", seed, "checkpoint"))
        result.append(Place(f"{MODEL}{seed}", "model", "critic", seed, "critic"))
    result += [Place(RUN, "dataset", kind, folder=kind) for kind in OF_THE_RUN]
    result += [Place(RUN, "dataset", kind, seed, f"{kind}/{seed}") for kind in OF_A_SEED for seed in seeds]
    return tuple(result)
