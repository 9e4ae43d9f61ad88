"""Clearance of training: the preflight report must be complete, clear, and about exactly these artifacts and this register."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from codelewm_assets.core.errors import PreflightError, StoreError
from codelewm_assets.core.package import register_digest
from codelewm_assets.store.store import Artifact, ArtifactStore

BEFORE_THE_PACK = ("benchmark_problems", "sampled_completions", "candidate_completions", "labelled_completions")
TRAINING_INPUTS = ("execution_pack", "problem_splits", "rerank_pools", "semantic_decoys")
BESIDE_THE_PACK = ("library_functions", "library_variants", "control_scores")
COVERED = (*BEFORE_THE_PACK, *TRAINING_INPUTS, *BESIDE_THE_PACK)
"""Artifacts that a report states a digest of: rules read them, or what they were made from."""
REQUIRED_RULES = (
    "completions_keep_their_contract",
    "controls_leave_headroom",
    "decoy_coverage",
    "decoys_join_the_pack",
    "decoys_keep_their_contract",
    "every_problem_has_completions",
    "every_problem_is_usable",
    "fitted_structure_says_nothing",
    "folds_cover_every_cell",
    "imports_were_read",
    "labels_are_deterministic",
    "labels_were_isolated",
    "library_holds_no_benchmark_problem",
    "library_states_licences",
    "licences_are_known",
    "no_near_duplicate_crosses_folds",
    "no_problem_crosses_folds",
    "no_scored_problem_was_trained_on",
    "no_secrets",
    "pack_has_both_classes",
    "pack_keeps_its_contract",
    "pools_join_the_pack",
    "pools_keep_their_contract",
    "problems_keep_their_contract",
    "rerank_can_decide",
    "splits_keep_their_contract",
    "stand_in_is_named",
    "structure_says_nothing_across_pools",
    "structure_says_nothing_within_pools",
    "variants_were_labelled",
)
"""Rules that a report must contain. Listed explicitly: a rule deleted from the code still blocks training until it is deleted
here too, in a reviewed change."""


def require_clear_artifacts(
    store: ArtifactStore,
    digests: Mapping[str, str],
    *,
    folds: Sequence[int] | None,
    trained_on: Sequence[str] = (*TRAINING_INPUTS, "tokenized_pack"),
) -> None:
    """Refuse training on artifacts that the preflight report does not cover or did not clear by every required rule.

    The register of gates and claims must be the one that the report preregistered.
    Every ancestor of these artifacts must be covered by the report under the same digest, with the bytes of its manifest.

    Args:
        digests: artifact id → digest, with `preflight_report` and each of `trained_on`.
        folds: the folds to train; must be those of the report. None: of a scorer that trains all of them in any profile.
        trained_on: what training reads; the report must cover it, but for the tokens of what it covers.

    Raises:
        PreflightError: every mismatch, in one message.
        StoreError: an artifact is not stored.
    """
    absent = sorted({"preflight_report", *trained_on} - set(digests))
    if absent:
        raise PreflightError(f"Missing digest of {', '.join(absent)}. Materialize them, then train.")
    preflight = store.load("preflight_report", digests["preflight_report"])
    report = preflight.read_json("preflight_report.json")
    faults = _red_or_absent(report)
    if report["clear"] is not True and not faults:
        faults = ["not clear"]
    if report.get("register_digest") != register_digest():
        faults.append(
            f"the register of gates and claims is {register_digest()[:12]}, the report preregistered "
            f"{str(report.get('register_digest'))[:12]}"
        )
    if folds is not None and report.get("folds") != list(folds):
        faults.append(f"the report covers folds {report.get('folds')}, training would use {list(folds)}")
    used = [store.load(name, digests[name]) for name in trained_on]
    faults += [
        f"{name} {digests[name][:12]} is not covered (the report has {str(report['judged'].get(name))[:12]})"
        for name in trained_on
        if name != "tokenized_pack" and report["judged"].get(name) != digests[name]
    ]
    lineage = dict[str, Artifact]()
    for artifact in [preflight, *used]:
        try:
            lineage |= store.lineage(artifact)
        except StoreError as error:
            faults.append(f"{artifact.manifest.artifact_id}: {error}")
            lineage |= {artifact.digest: artifact}
    del lineage[preflight.digest]
    faults += _foreign_parents(lineage.values(), report["judged"])
    faults += [f"{f.artifact} {f.file} is damaged" for a in (preflight, *lineage.values()) for f in store.verify(a)]
    if faults:
        raise PreflightError(
            "Training is refused: "
            + "; ".join(faults)
            + ". Rebuild these from one execution_pack, materialize preflight_report with every rule, and start again."
        )


def _red_or_absent(report: Mapping[str, Any]) -> list[str]:
    """Each rule that the report lists as red or not passed, and each required rule without a finding."""
    passed = {finding["rule"]: finding["passed"] for finding in report.get("findings", [])}
    red = dict.fromkeys([*report["red"], *(rule for rule, value in passed.items() if value is not True)])
    absent = [rule for rule in REQUIRED_RULES if rule not in passed]
    return [f"red rule {rule}" for rule in red] + [f"no finding of rule {rule}" for rule in absent]


def _foreign_parents(lineage: Iterable[Artifact], reported: Mapping[str, str]) -> list[str]:
    """Each parent that differs from the report's artifact of that name."""
    return [
        f"{child.manifest.artifact_id} was made from {name} {digest[:12]}, the report has {str(reported.get(name))[:12]}"
        for child in lineage
        for name, digest in child.manifest.parent_artifacts.items()
        if reported.get(name) != digest
    ]
