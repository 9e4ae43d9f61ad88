"""Tracker #385 and RFC-0016 of CodeLeWM as data: the criteria of each, summarised, with the evidence for each.

States are not stored here. For a criterion that only a person can decide, the row names the document or test to read.
"""

from dataclasses import dataclass
from typing import Literal

from codelewm_assets.claims.register import TRACKED

TRACKER = 385
RFC: Literal["RFC-0016"] = "RFC-0016"  # of 2026-06-08, a draft: a downstream slice that cannot saturate
Source = int | Literal["RFC-0016"]
Kind = Literal["check", "gate", "made", "published", "reported", "backend", "later", "person", "below", "at_least", "above",
               "not_recorded"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """Evidence for a criterion.

    check: `asset:check`, its state on the latest data. gate: by name. made: an asset, in all its partitions. published: a
    benchmark that must not be a stand-in. reported: a figure under `seed.<seed>.` of both seeds. backend: the backend that
    training must have used. later: an `asset:check` that runs only after this status. person: a document or test. below,
    at_least, above: a figure of both seeds against `bound`. not_recorded: something that no record holds, in words.
    """

    kind: Kind
    name: str
    bound: float | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One requirement of a workstream or of the RFC."""

    issue: Source
    text: str
    evidence: tuple[Evidence, ...]


WORKSTREAMS: dict[Source, str] = {
    385: "the repair cycle as a whole",
    386: "roadmap and tracker agree with the evidence",
    387: "cross-benchmark pass/fail pack with stratified labels",
    388: "held-out p_pass ROC-AUC and calibration",
    389: "semantic decoys that can be scored",
    390: "probe labels in every part",
    391: "guarded run of two seeds",
    392: "all gates, and the audit of claims",
    RFC: "a downstream slice that cannot saturate (a draft, for v1.5)",
}


def _of(issue: int, text: str, **named: str) -> Criterion:
    """A criterion. Args: named: kind of evidence → its names, with spaces between."""
    pieces = (Evidence(kind, name) for kind, names in named.items() for name in names.split())  # type: ignore[arg-type]
    return Criterion(issue, text, tuple(pieces))


def _rfc(text: str, *evidence: Evidence) -> Criterion:
    return Criterion(RFC, text, evidence)


def _bounded(kind: Kind, bound: float, *figures: str) -> tuple[Evidence, ...]:
    """A bound on figures of both benchmarks' rerank reports."""
    return tuple(Evidence(kind, f"rerank.{b}.{figure}", bound) for b in TRACKED for figure in figures)


CALIBRATION = "calibration.overall.p_pass"
ACTIONS = ("no_action", "shuffled_action", "lexical", "random")
CRITERIA: tuple[Criterion, ...] = (
    _of(385, "data and evaluation are repaired before a model is trained", check="preflight_report:preflight_is_clear"),
    _of(385, "both benchmarks are the published ones", published=" ".join(TRACKED)),
    _of(385, "no scored problem, nor a near-duplicate of one, was trained on",
        check="rerank_pools:no_scored_problem_was_trained_on heldout_scores:only_held_out_rows_were_scored"),
    _of(385, "whether reranking by p_pass lifts over the best control on both benchmarks",
        gate=" ".join(f"rerank:{b}" for b in TRACKED), published="mbpp_plus"),
    _of(386, "documents say no more than the gates", later="claim_audit:no_claim_beyond_its_gate"),
    _of(386, "the tracker's state is made from records and not kept by hand",
        check="claim_gates:open_claims_follow_from_gates"),
    _of(386, "README and log describe the present state", person="README.md docs/log.md"),
    _of(387, "HumanEval and MBPP-Plus completions with provenance and licence",
        check="execution_pack:licences_are_known benchmark_problems:stand_in_is_named", published="mbpp_plus"),
    _of(387, "rows record passed, magnitude, benchmark, problem and fold, and nothing that runs is published",
        check="execution_pack:pack_keeps_its_contract problem_splits:splits_keep_their_contract",
        person="codelewm_assets_tests/dataset/test_published.py"),
    _of(387, "no problem or near-duplicate of one lies in two folds",
        check="problem_splits:no_problem_crosses_folds problem_splits:no_near_duplicate_crosses_folds"),
    _of(387, "every label occurs in every fold and benchmark, or a typed blocker says where not",
        check="execution_pack:pack_has_both_classes problem_splits:folds_cover_every_cell"),
    _of(387, "a report counts rows, labels, outcomes and what was left out", made="dataset_card preflight_report"),
    _of(387, "manifests verify and no secret is found",
        check="preflight_report:artifacts_verify candidate_completions:no_secrets"),
    _of(387, "tests cover stratification, leakage and typed refusals",
        person="codelewm_assets_tests/dataset/test_folds.py codelewm_assets_tests/defs/test_planted_faults.py"),
    _of(388, "a versioned report: ROC-AUC, average precision, calibration, thresholds, slices by benchmark",
        made="p_pass_calibration",
        reported=f"{CALIBRATION}.roc_auc {CALIBRATION}.average_precision {CALIBRATION}.expected_calibration_error "
        f"{CALIBRATION}.thresholded {' '.join(f'calibration.slices.benchmark.{b}' for b in TRACKED)}"),
    _of(388, "p_pass stands beside no_action, shuffled_action, lexical and random",
        reported=" ".join(f"calibration.overall.{name}.roc_auc" for name in ACTIONS)),
    _of(388, "every score row carries p_pass", check="heldout_scores:every_score_row_has_p_pass"),
    _of(388, "whether p_pass beats surface features and is calibrated", gate="calibration"),
    _of(388, "execution records and completions are told apart",
        reported=f"{CALIBRATION}.roc_auc record_{CALIBRATION}.roc_auc"),
    _of(388, "a command writes the report",
        person="docs/evaluation.md codelewm_assets_tests/commands/test_score_reports.py"),
    _of(388, "tests of perfect, chance, one class, non-finite scores and slices",
        person="codelewm_assets_tests/evaluation/test_calibration.py"),
    _of(389, "pairs are made from the very pack that they are scored on", check="semantic_decoys:decoys_join_the_pack"),
    _of(389, "every fold, benchmark and category has its floor of pairs and problems",
        check="semantic_decoys:decoy_coverage"),
    _of(389, "whether decoys surprise the model, on 100 pairs a category and 30 problems of the same-problem one",
        gate="surprise"),
    _of(390, "labels of every probed target in train, val and test, checked before training",
        check="problem_splits:folds_cover_every_cell preflight_report:preflight_is_clear"),
    _of(390, "`passed` and the magnitude could be probed",
        reported="probe.targets.passed.model probe.targets.output_magnitude_bucket.model"),
    _of(390, "whether a probed target beats every control", gate="probe"),
    _of(391, "training starts only on a green preflight, on every route",
        check="preflight_report:preflight_is_clear tokenized_pack:tokens_join_the_pack",
        person="docs/guard.md codelewm_assets_tests/defs/test_routes.py"),
    _of(391, "both seeds are trained, with checkpoints, events and manifests", made="checkpoint",
        check="checkpoint:sidecar_matches"),
    _of(391, "whether weights are finite and latents keep their spread", check="checkpoint_inspection:weights_are_finite",
        gate="collapse"),
    _of(391, "the run was a job of Hugging Face Jobs on an image pinned by digest", backend="hf_jobs"),
    _of(392, "retrieval, surprise, probe, p_pass and rerank of both seeds",
        made="retrieval_report surprise_report latent_probe_report p_pass_calibration rerank_report"),
    _of(392, "whether retrieval lifts over no_action", gate="retrieval"),
    _of(392, "rerank tables of both benchmarks with p_pass, controls and intervals",
        reported=" ".join(f"rerank.{b}.lift.{name}.ci95" for b in TRACKED for name in ACTIONS), published="mbpp_plus"),
    _of(392, "the order that a language model gave is among the controls",
        reported=" ".join(f"rerank.{b}.pass_at_1.llm_order" for b in TRACKED)),
    _of(392, "pools can show a lift of the size that is claimed",
        check="control_scores:rerank_can_decide control_scores:controls_leave_headroom"),
    _of(392, "artifacts are tracked with manifests, and all of them verify with their parents", gate="integrity",
        later="artifact_index:artifacts_verify"),
    _of(392, "cards and index give exact ids and digests", made="dataset_card model_card",
        later="artifact_index:artifacts_verify"),
    _of(392, "the report says whether the claim opens", made="results_report claim_gates"),
    _of(392, "no secret in what would be published", later="hub_release:nothing_stands_against_the_release"),
    _of(392, "the whole test suite passes (`make test`)", person="Makefile"),
    _rfc("the slice is of the published benchmarks", *(Evidence("published", b) for b in TRACKED)),
    _rfc("at least 100 locked problems a slice", *_bounded("at_least", 100, "problem_count")),
    _rfc("pools of 6 to 12 programs", Evidence("person", "docs/profiles.md")),
    _rfc("pass@1 of no_action and lexical is below 0.85",
         *_bounded("below", 0.85, "pass_at_1.no_action", "pass_at_1.lexical")),
    _rfc("pass@1 of the order that a language model gave is below 0.90", *_bounded("below", 0.90, "pass_at_1.llm_order")),
    _rfc("at least 70% of the problems have two classes of failing programs",
         Evidence("not_recorded", "classes of failing programs: a problem's scored twins have one bug")),
    _rfc("whether p_pass beats no_action and lexical in pass@1 and MRR, intervals above zero, on both seeds",
         *_bounded("above", 0.0, *(f"{lift}.{name}.ci95.0" for lift in ("lift", "mrr_lift") for name in ("no_action", "lexical")))),
    _rfc("whether p_pass beats the order that a language model gave likewise",
         *_bounded("above", 0.0, "lift.llm_order.ci95.0", "mrr_lift.llm_order.ci95.0")),
    _rfc("a static heuristic is among the baselines", *(Evidence("reported", f"rerank.{b}.pass_at_1.static") for b in TRACKED)),
    _rfc("a baseline that is missing has a typed state and no figure", Evidence("person", "docs/evaluation.md")),
)  # fmt: skip
