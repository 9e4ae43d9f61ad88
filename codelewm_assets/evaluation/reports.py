"""Metric reports. Gates and readers import these; nothing here computes."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MetricStatus = Literal["ok", "missing", "single_class", "no_finite_scores"]
Interval = tuple[float, float]
RetrieverName = Literal["model", "no_action", "shuffled_action", "lexical", "random"]


class Report(BaseModel):
    """Base of reports: frozen, closed, and without a non-finite number anywhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Difference(Report):
    """A figure minus another on the same rows, with its 95% interval clustered by problem."""

    difference: float
    ci95: Interval


class CalibrationBin(Report):
    """One bin of a probability: rows with `lower` ≤ score < `upper` (≤ in the last one)."""

    lower: float
    upper: float
    count: int
    mean_score: float | None
    pass_rate: float | None


class Thresholded(Report):
    """Precision, recall, F1 and accuracy when a score of at least `threshold` is read as "passes"; None where undefined."""

    threshold: float
    predicted_positive_count: int
    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int
    precision: float | None
    recall: float | None
    f1: float | None
    accuracy: float


class ScoreMetrics(Report):
    """Metrics of one score for passing against failing rows; None when the status says that they are undefined.

    Brier score, log loss, calibration errors, bins and thresholded figures need a score in [0, 1] and are None for any other.
    Intervals are 95%, clustered by problem (evaluation/intervals.py), and None with fewer than two problems.
    `within_pool_auc` is the mean of ROC-AUC over the pools that hold both classes.
    """

    status: MetricStatus
    roc_auc: float | None = None
    roc_auc_ci95: Interval | None = None
    within_pool_auc: float | None = None
    within_pool_auc_ci95: Interval | None = None
    within_pool_count: int = 0
    average_precision: float | None = None
    average_precision_ci95: Interval | None = None
    brier_score: float | None = None
    brier_score_ci95: Interval | None = None
    brier_skill_score: float | None = (
        None  # 1 - Brier score / that of the share that passes; above 0 = better than the share
    )
    log_loss: float | None = None
    log_loss_ci95: Interval | None = None
    expected_calibration_error: float | None = None
    expected_calibration_error_ci95: Interval | None = None
    expected_calibration_error_equal_mass: float | None = None
    thresholded: Thresholded | None = None
    threshold_table: list[Thresholded] | None = None
    calibration_bins: list[CalibrationBin] | None = None
    equal_mass_bins: list[CalibrationBin] | None = None
    positive_count: int
    negative_count: int
    missing_count: int
    nonfinite_count: int


class Slices(Report):
    """Metrics of parts of the rows: part → score → metrics.

    A completion kind or operator family of one class is set against all rows of the other class.
    """

    benchmark: dict[str, dict[str, ScoreMetrics]]
    completion_kind: dict[str, dict[str, ScoreMetrics]] = Field(default_factory=dict)
    operator_family: dict[str, dict[str, ScoreMetrics]] = Field(default_factory=dict)


class CalibrationReport(Report):
    """`p_pass_calibration_report.json` (a row a completion), `record_calibration_report.json` (a row an execution record)."""

    schema_version: Literal["codelewm.p_pass_calibration_report.v1"] = "codelewm.p_pass_calibration_report.v1"
    level: Literal["completion", "record"] = "completion"
    seed: int | None
    row_count: int
    problem_count: int
    overall: dict[str, ScoreMetrics]
    slices: Slices
    subject: str = "p_pass"  # the score that is compared with the others
    difference: dict[str, Difference]  # other score → subject minus it
    within_pool_difference: dict[str, dict[str, Difference]] = Field(
        default_factory=dict
    )  # benchmark → other score → same


class Lift(Report):
    """A figure of a scorer minus that of a control, in points, with its 95% interval: paired bootstrap over problems.

    `pool_count` and `problem_count`: the pools and problems that it rests on; None where there are none, and in older reports.
    """

    points: float
    ci95: Interval
    pool_count: int | None = None
    problem_count: int | None = None


class Power(Report):
    """Power of the pools to show a lift over the best control, in points.

    Its standard error over problems, and the lift that a two-sided test at 5% would find in 80% of runs.
    """

    standard_error_points: float
    minimum_detectable_effect_points: float


class NullTest(Report):
    """Permutations of the labels within pools, and those in which the lift over the best control would have opened the gate.

    `upper_bound`: of the rate of such openings, 95%, one-sided (Clopper and Pearson). MRR is not asked, so the gate's own rate
    is at most this.
    """

    permutations: int
    openings: int
    upper_bound: float


class BenchmarkRerank(Report):
    """Reranking on one benchmark's pools. A score is None where no pool has it for every member.

    `lift_over_best_control` compares with the best control, chosen in each resample among those with every pool of the subject;
    it is computed on the `complete_pool_count[subject]` pools. None if no control has them all. A score that lacks some of these
    pools has no lift and stands in `not_compared`.
    """

    benchmark_label: str
    problem_count: int
    pool_count: int
    pass_at_1: dict[str, float | None]
    mrr: dict[str, float | None]
    spearman: dict[str, float | None] = Field(default_factory=dict)  # with the share of inputs passed, mean over pools
    kendall: dict[str, float | None] = Field(default_factory=dict)  # tau-b, likewise
    bottom_1: dict[str, float | None] = Field(default_factory=dict)  # share of inputs that the lowest member passes
    lift: dict[str, Lift]
    mrr_lift: dict[str, Lift] = Field(default_factory=dict)  # in hundredths of MRR
    not_compared: dict[str, int] = Field(default_factory=dict)  # score → pools of the subject that it has, too few
    best_control: str | None
    lift_over_best_control: Lift | None = None
    mrr_lift_over_best_control: Lift | None = None  # in hundredths of MRR, the best control by MRR
    power: Power | None = None
    null: NullTest | None = None
    saturated: bool | None
    complete_pool_count: dict[str, int] = Field(default_factory=dict)  # score → pools whose every member has it


class RerankReport(Report):
    """`rerank_report.json`."""

    schema_version: Literal["codelewm.rerank_report.v1"] = "codelewm.rerank_report.v1"
    seed: int | None
    resamples: int
    subject: str = "p_pass"  # the score that is compared with the controls
    named_controls: tuple[str, ...] = ()  # controls of the profile besides those of the project
    benchmarks: dict[str, BenchmarkRerank]


class RetrievalScores(Report):
    """Recall at 1, 5 and 10, and mean reciprocal rank, all in [0, 1]."""

    recall_at_1: float
    mrr: float
    recall_at_5: float | None = None
    recall_at_10: float | None = None


class RetrievalReport(Report):
    """Retrieval of the real output among held-out outputs by the predicted latent. None without queries."""

    schema_version: Literal["codelewm.retrieval_report.v1"] = "codelewm.retrieval_report.v1"
    seed: int
    query_count: int
    candidates_per_query: int
    scores: dict[RetrieverName, RetrievalScores] | None
    # control → recall_at_1 and mrr of the model minus its own
    lift: dict[RetrieverName, dict[str, Lift]] = Field(default_factory=dict)


class SurpriseCategory(Report):
    """Pairwise AUC of one decoy category: share of pairs in which the decoy's energy is above the real transition's."""

    pair_count: int
    problem_count: int
    auc: float | None = None
    auc_ci95: Interval | None = None
    no_action_auc: float | None = None
    frequency_auc: float | None = None  # of the order by how many records of other problems give the output
    over_no_action: Difference | None = None
    over_frequency: Difference | None = None
    mean_real_energy: float | None = None
    mean_decoy_energy: float | None = None


class SurpriseReport(Report):
    """Energies of real transitions against decoys."""

    schema_version: Literal["codelewm.surprise_report.v1"] = "codelewm.surprise_report.v1"
    seed: int
    categories: dict[str, SurpriseCategory]
    benchmarks: dict[str, dict[str, SurpriseCategory]] = Field(default_factory=dict)  # benchmark → category


class ProbeTarget(Report):
    """Balanced accuracy of a linear probe of one target. Status `single_class` leaves the figures None."""

    status: Literal["ok", "single_class"]
    class_count: int
    fit_count: int
    test_count: int
    model: float | None = None
    controls: dict[str, float] = Field(default_factory=dict)
    best_control: str | None = None
    lift_over_best_control: float | None = None
    lift_ci99: Interval | None = None  # over problems; 99% since five targets are looked at (Bonferroni)


class LatentProbeReport(Report):
    """Linear probes of z_pred, fitted on records of the train part and tested on held-out ones."""

    schema_version: Literal["codelewm.latent_probe_report.v1"] = "codelewm.latent_probe_report.v1"
    seed: int
    targets: dict[str, ProbeTarget]


class CollapseReport(Report):
    """Collapse diagnostics of one seed's checkpoint; None = not computed."""

    schema_version: Literal["codelewm.checkpoint_inspection.v1"] = "codelewm.checkpoint_inspection.v1"
    seed: int
    latent_count: int
    effective_rank_ratio: float | None
    median_variance: float | None
    neighbour_entropy: float | None
    # of the target encoder's latents of distinct outputs; no gate reads these three
    z_target_effective_rank_ratio: float | None = None
    z_target_median_variance: float | None = None
    z_target_neighbour_entropy: float | None = None
    tensor_count: int
    parameter_count: int
    nonfinite_tensors: list[str] = Field(default_factory=list)
    encoder_may_have_seen_benchmarks: Literal["true", "false", "unknown"] | None = None  # in its pretraining
    # of z_pred against z_out on held-out records, by one network each; None: not computed
    r2: float | None = None
    r2_ci95: Interval | None = None
    untrained_r2: float | None = None
    over_untrained: Difference | None = None


class IntegrityEvidence(Report):
    """Integrity of the artifacts behind a gate; None = not checked."""

    manifests_verified: int
    manifest_mismatches: list[str] | None
    secret_findings: list[str] | None
    scored_problems_trained_on: list[str] | None


class FamilyTransfer(Report):
    """Pass@1 on twins of an operator family that a scorer was trained without, and the lift over `lm` in points."""

    problem_count: int
    pool_count: int
    pass_at_1: float
    lm: float
    lift: Lift


class EquivalentEdits(Report):
    """ROC-AUC of the unedited over the edited program where both pass on all inputs; 0.5: "was edited" is not what is read."""

    pair_count: int  # with scores of both
    asked_pair_count: int | None = None  # with and without; None in reports of before 0.2.0
    problem_count: int
    auc: float
    auc_ci95: Interval | None


class TransferReport(Report):
    """`transfer_report.json` of one scorer. `mean_lift`: over families, in points, problems drawn whole.

    `asked_pool_count`: pools of these families, with and without a score of every member; None in reports of before 0.2.0.
    """

    schema_version: Literal["codelewm_assets.transfer_report.v1"] = "codelewm_assets.transfer_report.v1"
    seed: int
    subject: str
    families: dict[str, FamilyTransfer] = Field(default_factory=dict)
    asked_pool_count: int | None = None
    mean_lift: Lift | None = None
    equivalent: EquivalentEdits | None = None


Statement = Literal["none_of_the_benchmarks", "problems", "unknown"]


class ContaminationReport(Report):
    """`contamination_report.json` of a scorer that a profile names: what is stated of its training, against what it scored.

    `scored_problems_trained_on`: scored problems that the statement names, or that are near-duplicates of such a one.
    """

    schema_version: Literal["codelewm_assets.contamination_report.v1"] = "codelewm_assets.contamination_report.v1"
    seed: int
    scorer: str
    kind: str
    role: Literal["candidate", "control"]
    reads: str
    statement: Statement
    reason: str | None = None  # why it cannot have been trained on a benchmark
    declared_problem_count: int
    scored_problem_count: int
    scored_problems_trained_on: list[str]


class ScorerEvidence(Report):
    """Reports of one scorer on one seed; None = absent.

    `model_…`: of programs that models wrote, their problems held out. `unseen_model_…`: their models too.
    """

    calibration: CalibrationReport | None = None
    rerank: RerankReport | None = None
    transfer: TransferReport | None = None
    contamination: ContaminationReport | None = None  # of a scorer that the profile names
    model_calibration: CalibrationReport | None = None
    model_rerank: RerankReport | None = None
    unseen_model_calibration: CalibrationReport | None = None
    unseen_model_rerank: RerankReport | None = None


class SeedEvidence(Report):
    """All reports of one seed; None = absent. `calibration` and `rerank` are CodeLeWM's, the rest of a scorer's in `scorers`."""

    collapse: CollapseReport | None = None
    retrieval: RetrievalReport | None = None
    surprise: SurpriseReport | None = None
    probe: LatentProbeReport | None = None
    calibration: CalibrationReport | None = None
    record_calibration: CalibrationReport | None = None
    rerank: RerankReport | None = None
    scorers: dict[str, ScorerEvidence] = Field(default_factory=dict)

    def of_scorer(self, scorer: str) -> ScorerEvidence:
        """The reports of one scorer, `codelewm` or a key of `scorers`."""
        found = self.scorers.get(scorer, ScorerEvidence())
        if scorer == "codelewm":
            return found.model_copy(update={"calibration": self.calibration, "rerank": self.rerank})
        return found
