"""Records of CodeLeWM's published artifacts by schema id, as they stand in files of v0.6 to v1.0.

A record is closed where every key of its form is known; `Open` ones keep what is read and count the rest as unread.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

from codelewm_assets.evaluation.rows import CODELEWM_ROWS
from codelewm_assets.store.manifest import inside_the_root

MANIFEST = "codelewm.artifact_manifest.v1"
SCORE_ROW = CODELEWM_ROWS
LABEL_ROW = "codelewm.eval.completion_label.v1"
RERANK = "codelewm.eval.execution_rerank_report.v1"
CALIBRATION = "codelewm.eval.p_pass_calibration_report.v1"
RETRIEVAL = "codelewm.eval.retrieval_report.v1"
SURPRISE = "codelewm.eval.surprise_report.v1"
PROBE = "codelewm.eval.latent_probe_report.v1"
DECOY_PAIR = "codelewm.eval.semantic_decoy_pair.v1"
DECOY_SUMMARY = "codelewm.eval.semantic_decoy_summary.v1"
SECRET_SCAN = "codelewm.secret_scan.v1"
TRAIN_CONFIG = "codelewm.execution_train_config.v1"
DEMO_GATE = "codelewm.harness.paper_demo_claim_gate.v1"
PACK_RECORD = "codelewm.execution_pack_record.v2"
JOB_EVENTS = "codelewm job events"  # a stream has no schema id

SCORES = ("random", "lexical", "llm_order", "no_action", "shuffled_action", "codelewm")
"""Published scores in the order of the report."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ArtifactId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$")]
Kind = Literal["eval_report", "downstream_benchmark", "dataset", "checkpoint", "training_run", "index", "score_report",
               "demo_report"]  # fmt: skip
MAX_NAME_BYTES, MAX_PATH = 255, 1024  # of a file, and of its path in a manifest
Count = Annotated[int, Field(ge=0)]
Bounds = Annotated[list[FiniteFloat], Field(min_length=2, max_length=2)]


def _file_path(path: str) -> str:
    if "\0" in path or any(len(part.encode()) > MAX_NAME_BYTES for part in path.split("/")) or len(path) > MAX_PATH:
        raise ValueError("no path that a file can have: a NUL, or too long")
    return inside_the_root(path)


class Closed(BaseModel):
    """A form whose keys are all known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Open(BaseModel):
    """A form that is read in part; other keys are kept and not judged."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)


class PublishedFile(Closed):
    """One file of a manifest; `path` is relative to the manifest's folder and stays inside it."""

    bytes: Count
    path: Annotated[str, AfterValidator(_file_path)]
    sha256: Sha256


class PublishedManifest(Closed):
    """`codelewm.artifact_manifest.v1` as CodeLeWM writes it: parents are a list of ids, the command is a list of words."""

    schema_version: Literal["codelewm.artifact_manifest.v1"]
    artifact_id: ArtifactId
    artifact_kind: Kind
    created_at: str
    source_git_sha: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|unknown)$")]
    command: Annotated[list[str], Field(min_length=1)]
    config_sha256: Sha256
    parent_artifacts: list[ArtifactId]
    files: list[PublishedFile]
    metadata: dict[str, Any]


class PublishedScoreRow(Closed):
    """One completion's scores, higher = better. `benchmark_id` and `split` stand in rows since v0.9."""

    schema_version: Literal["codelewm.eval.completion_score.v1"]
    completion_id: str
    problem_id: str
    passed: bool
    llm_order_rank: int
    errors: dict[str, str]
    scores: dict[str, FiniteFloat]
    benchmark_id: str | None = None
    split: str | None = None


class LabelResult(Open):
    """The result of one input's run."""

    input_id: str
    passed: bool


class PublishedLabel(Open):
    """One labelled completion; texts in it are data and are never run. Two rows of its form were seen, so it is open."""

    schema_version: Literal["codelewm.eval.completion_label.v1"]
    benchmark_id: str
    completion_id: str
    completion_sha256: Sha256
    completion_text: str
    label: Literal["pass", "fail"]
    passed: bool
    problem_id: str
    test_results: list[LabelResult]


class RerankBaseline(Closed):
    """Figures of one score over the problems of a rerank report, ties broken by completion id."""

    baseline: str
    mrr: FiniteFloat
    pass_at_1: FiniteFloat
    pass_at_k: FiniteFloat
    pass_at_k_value: int
    pass_count: int
    problem_count: int


class ScoringSummary(Open):
    """The checkpoint and the labels that a rerank report names."""

    checkpoint_sha256: str | None
    completion_count: Count
    completion_label_artifact_id: str
    problem_count: Count


class PublishedRerank(Closed):
    """`execution_rerank_report.json`."""

    schema_version: Literal["codelewm.eval.execution_rerank_report.v1"]
    baselines: list[RerankBaseline]
    benchmark: str
    bootstrap_lift_ci: Bounds
    bootstrap_lift_over_no_action_ci: Bounds
    bootstrap_seed: int
    claim_allowed: bool
    claim_reason: str
    codelewm_lift_over_llm_order: FiniteFloat
    codelewm_lift_over_no_action: FiniteFloat
    completions_per_problem: Count
    confidence_level: FiniteFloat
    pass_at_k: int
    problem_count: Count
    scoring_summary: ScoringSummary


class RerankConfig(Open):
    """The part of a rerank run's `config.json` that its report depends on."""

    bootstrap_samples: Annotated[int, Field(ge=1, le=100_000)] = 2000
    min_lift_for_claim: FiniteFloat = 3.0


class CalibrationFigures(Open):
    """Figures of one score in a calibration report; with status `ok` none of them is null."""

    status: str
    roc_auc: FiniteFloat | None = None
    expected_calibration_error: FiniteFloat | None = None
    brier_score: FiniteFloat | None = None

    @model_validator(mode="after")
    def _ok_has_figures(self) -> "CalibrationFigures":
        if self.status == "ok" and None in (self.roc_auc, self.expected_calibration_error):
            raise ValueError("status is ok, but roc_auc or expected_calibration_error is null")
        return self


class CalibrationPart(Open):
    """Figures of all scores over a part of the rows."""

    baselines: dict[str, CalibrationFigures] = {}


class PublishedCalibration(Open):
    """`p_pass_calibration_report.json`; its metrics are recomputed as a whole."""

    schema_version: Literal["codelewm.eval.p_pass_calibration_report.v1"]
    baselines_requested: list[str]
    calibration_bin_count: Literal[10]
    claim_allowed: bool
    claim_gate: dict[str, Any]
    claim_reason: str
    dataset_kind: str
    interpretation: dict[str, str]
    overall: CalibrationPart
    slices: dict[str, Any]
    row_count: Count
    score_paths: list[str]


class NamedCheckpoint(Open):
    """The checkpoint that a diagnostic report names."""

    sha256: str | None = None


class NamedDataset(Open):
    """The pack that a diagnostic report names."""

    artifact_id: str | None = None


class DecoyPolicy(Open):
    """The decoy categories that a surprise run asked for."""

    requested: list[str] = []


class DiagnosticMetadata(Open):
    """Metadata of a retrieval or surprise report."""

    checkpoint: NamedCheckpoint = NamedCheckpoint()
    dataset: NamedDataset = NamedDataset()
    decoy_policy: DecoyPolicy = DecoyPolicy()


class Candidate(Open):
    """One held-out transition of a retrieval pool."""

    transition_id: str | None = None


class CandidatePool(Open):
    """The held-out transitions that queries are ranked among."""

    entries: list[Candidate] = []


class PublishedRetrieval(Open):
    """`retrieval_report.json`."""

    schema_version: Literal["codelewm.eval.retrieval_report.v1"]
    candidate_pool: CandidatePool = CandidatePool()
    metadata: DiagnosticMetadata = DiagnosticMetadata()


class SurpriseExample(Open):
    """One true transition's energy and those of its decoys, lower = less surprising."""

    decoy_scores_by_category: dict[str, list[FiniteFloat]]
    transition_id: str
    true_rank: FiniteFloat
    true_score: FiniteFloat


class SurpriseMetrics(Open):
    """Metrics of a surprise report; those that are not named here are compared as they stand."""

    pairwise_auc_by_category: dict[str, FiniteFloat] = {}


class PublishedSurprise(Open):
    """`surprise_report.json`."""

    schema_version: Literal["codelewm.eval.surprise_report.v1"]
    examples: list[SurpriseExample]
    metadata: DiagnosticMetadata = DiagnosticMetadata()
    metrics: SurpriseMetrics


class PublishedProbe(Open):
    """`latent_probe_report.json`; its rows are not published."""

    schema_version: Literal["codelewm.eval.latent_probe_report.v1"]
    targets: dict[str, Any] = {}


class PublishedDecoyPair(Open):
    """One semantic decoy pair."""

    schema_version: Literal["codelewm.eval.semantic_decoy_pair.v1"]
    category: str
    decoy_id: str
    query_record_id: str
    decoy_record_id: str
    source_problem_id: str


class PublishedDecoySummary(Open):
    """`semantic_decoy_summary.json`."""

    schema_version: Literal["codelewm.eval.semantic_decoy_summary.v1"]
    distinct_problem_count: Count
    pair_count: Count
    pair_count_by_category: dict[str, Count]


class PublishedScan(Closed):
    """A secret scan. `paths_scanned` may be paths of another machine: they are shown to nobody and never opened."""

    schema_version: Literal["codelewm.secret_scan.v1"]
    findings: list[Any]
    ok: bool
    paths_scanned: list[str]


class PublishedDemoGate(Closed):
    """The claim gate of the v1.0 demonstration."""

    schema_version: Literal["codelewm.harness.paper_demo_claim_gate.v1"]
    allowed: bool
    approved_public_wording: str
    blocked_positive_claims: list[str]
    reasons: list[str]
    score_source: str
    status: str


class TrainData(Open):
    """The data of a training configuration."""

    ingestion_sources: list[str] | None = None
    held_out_for_eval: list[str] | None = None


class PublishedTrainConfig(Open):
    """The training configuration (YAML)."""

    schema_version: Literal["codelewm.execution_train_config.v1"]
    name: str
    data: TrainData = TrainData()


class PublishedPackRecord(Open):
    """One execution record of the training pack."""

    schema_version: Literal["codelewm.execution_pack_record.v2"]
    record_id: str
    source_problem_id: str
    split: Literal["train", "val", "test"]
    passed: bool


ROWS: dict[str, type[BaseModel]] = {
    SCORE_ROW: PublishedScoreRow, LABEL_ROW: PublishedLabel, DECOY_PAIR: PublishedDecoyPair, PACK_RECORD: PublishedPackRecord,
}  # fmt: skip
"""Forms of JSON-lines files, a record a line."""
DOCUMENTS: dict[str, type[BaseModel]] = {
    MANIFEST: PublishedManifest, RERANK: PublishedRerank, CALIBRATION: PublishedCalibration, RETRIEVAL: PublishedRetrieval,
    SURPRISE: PublishedSurprise, PROBE: PublishedProbe, DECOY_SUMMARY: PublishedDecoySummary, SECRET_SCAN: PublishedScan,
    TRAIN_CONFIG: PublishedTrainConfig, DEMO_GATE: PublishedDemoGate,
}  # fmt: skip
"""Forms of JSON and YAML documents."""
