"""Stage `claims`: gates and claims, and the audit of published texts."""

from contextlib import suppress
from inspect import getsource
from types import ModuleType

import dagster as dg

from codelewm_assets.claims import audit, clauses, lexicon, register, sentences
from codelewm_assets.claims.audit import AuditedSentence, ClaimAudit, audit_text, claim_statuses
from codelewm_assets.claims.gates import evaluate_gates, inconsistencies, scorers_of
from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.core.digests import pretty_json, sha256_text
from codelewm_assets.core.errors import StoreError
from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import SEEDS, kind_and_partition
from codelewm_assets.core.package import CHECKOUT, checkout_documents, register_digest
from codelewm_assets.core.records import Finding
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import check_of, rule_of
from codelewm_assets.defs.guards import BLOCKING_CHECKS, statuses_of
from codelewm_assets.defs.inputs import AssetOutput, Inputs, latest_materializations, version_of
from codelewm_assets.defs.status import GATE_CHECKS
from codelewm_assets.evaluation.evidence import REPORTS, integrity_evidence, scored_training_problems, seed_evidence
from codelewm_assets.evaluation.reports import IntegrityEvidence
from codelewm_assets.store.store import Artifact

EVIDENCE_CHECKS = (
    ("checkpoint", "sidecar_matches"),
    ("checkpoint_inspection", "weights_are_finite"),
    ("checkpoint_inspection", "sidecar_matches"),
    ("heldout_scores", "every_score_row_has_p_pass"),
    ("heldout_scores", "only_held_out_rows_were_scored"),
)


def present_reports(inputs: Inputs) -> dict[str, Artifact]:
    """Artifact id → latest report, of those that count as evidence.

    A report counts when it and its whole lineage are the latest of their kind and every check on them is green.
    """
    keys = [(kind, str(seed)) for kind in REPORTS for seed in SEEDS]
    lineages = dict[str, dict[str, Artifact]]()
    reports = dict[str, Artifact]()
    for (kind, partition), materialized in latest_materializations(inputs.instance, keys).items():
        report = inputs.store.load(kind, str(version_of(materialized)), partition=partition)
        with suppress(StoreError):  # an ancestor is missing or damaged: the report is no evidence
            lineages[report.digest] = inputs.store.lineage(report)
            reports[report.manifest.artifact_id] = report
    current = _current(inputs, [artifact for lineage in lineages.values() for artifact in lineage.values()])
    return {name: report for name, report in reports.items() if lineages[report.digest].keys() <= current}


def _current(inputs: Inputs, artifacts: list[Artifact]) -> set[str]:
    """Digests of the artifacts that are the latest of their kind with every check green."""
    named = {artifact.digest: kind_and_partition(artifact.manifest.artifact_id) for artifact in artifacts}
    checks = [
        (asset, check, partition)
        for kind, partition in set(named.values())
        for asset, check in (*BLOCKING_CHECKS, *EVIDENCE_CHECKS)
        if asset == kind
    ]
    latest = latest_materializations(inputs.instance, named.values())
    red = {(row.asset, row.partition) for row in statuses_of(inputs.instance, checks) if row.state != "GREEN"}
    return {
        digest
        for digest, name in named.items()
        if name in latest and version_of(latest[name]) == digest and name not in red
    }


def integrity_of(inputs: Inputs, reports: dict[str, Artifact]) -> IntegrityEvidence:
    """Integrity of every artifact behind the reports."""

    def find(scored: Artifact) -> list[str]:
        return scored_training_problems(scored, {split.problem_id: split.fold for split in inputs.splits()})

    def trained_on(scored: Artifact) -> list[str]:
        problems: list[str] = inputs.cached_json("trained_on", scored, lambda: find(scored))
        return problems

    return integrity_evidence(inputs.store, reports, trained_on=trained_on)


def source_digest(*modules: ModuleType) -> str:
    """Digest of the modules' source, which makes words, rules and thresholds part of the cache key."""
    return sha256_text("".join(map(getsource, modules)))


def gates_in(artifact: Artifact) -> ClaimGates:
    """Gates and claims of `claim_gates`."""
    return ClaimGates.model_validate(artifact.read_json("claim_gates.json"))


@artifact_asset("claims", deps=[*REPORTS, "execution_pack", "problem_splits"], kinds={"json"}, code_version="5")
def claim_gates(run: AssetRun) -> Plan:
    """Each gate HOLDS, FAILS or is UNDECIDED; each claim is OPEN or CLOSED with typed reasons."""
    inputs = run.inputs
    reports = present_reports(inputs)

    integrity = integrity_of(inputs, reports)  # never cached: bytes may have changed since

    def make() -> AssetOutput:
        evidence, labels = seed_evidence(reports), inputs.benchmark_labels()
        gates = evaluate_gates(evidence, integrity, profile=inputs.profile.name, benchmark_labels=labels)
        states = {gate.gate: gate.state for gate in gates.gates}
        claims = {claim.claim_id: claim.status for claim in gates.claims}
        open_count = sum(status == "OPEN" for status in claims.values())
        metadata = {"gates": states, "claims": claims, "open_claims": open_count, "register_digest": register_digest()}
        return AssetOutput({"claim_gates.json": pretty_json(gates.model_dump(mode="json"))}, metadata)

    parents = [*reports.values(), inputs.artifact("execution_pack"), inputs.artifact("problem_splits")]
    of_integrity = integrity.model_dump(mode="json")
    config = {"profile": inputs.profile.name, "integrity": of_integrity, "register": register_digest()}
    return Plan(make, config, parents, _tables)


def _tables(artifact: Artifact) -> dict[str, dg.MetadataValue]:
    """Gates and claims as tables in the UI."""
    from codelewm_assets.release.results_report import reasons_text

    gates = gates_in(artifact)
    asks = {rule.name: rule.rule for rule in register.gate_rules(scorers_of(gates.named_candidates))}
    rows = [
        {"gate": g.gate, "state": g.state, "reasons": reasons_text(g.reasons), "holds when": asks.get(g.gate, "")}
        for g in gates.gates
    ]
    claims = [{"claim": c.sentence, "status": c.status, "reasons": reasons_text(c.reasons)} for c in gates.claims]
    return {
        "gate_table": dg.MetadataValue.table([dg.TableRecord(row) for row in rows]),
        "claim_table": dg.MetadataValue.table([dg.TableRecord(row) for row in claims]),
    }


def open_claims_follow_from_gates(inputs: Inputs, partition: str | None) -> Finding:
    """Every claim's status follows from the gates beside it, and every gate has a verdict of every seed."""
    gates = gates_in(inputs.artifact("claim_gates"))
    return finding(
        "open_claims_follow_from_gates",
        inconsistencies(gates),
        blocker="claim_beyond_gates",
        message="No claim is open beyond its gates.",
        figures={"claims": len(gates.claims), "open": sum(c.status == "OPEN" for c in gates.claims)},
    )


@artifact_asset(
    "claims", deps=["claim_gates", "results_report", "dataset_card", "tracker_status", "model_card"],
    kinds={"markdown", "json"}, code_version="3",
)  # fmt: skip
def claim_audit(run: AssetRun) -> Plan:
    """Every claim sentence in the docs, the report and the cards against the gates.

    The docs are README.md, CHANGELOG.md and docs/ of the checkout that runs; their digests are part of the configuration.
    """
    gates = gates_in(run.inputs.artifact("claim_gates"))
    texts = {
        f"{artifact.manifest.artifact_id}/{file.path}": artifact.path(file.path).read_text(encoding="utf-8")
        for artifact in run.parents()
        for file in artifact.manifest.files
        if file.path.endswith(".md")
    }
    texts |= {p.relative_to(CHECKOUT).as_posix(): p.read_text(encoding="utf-8") for p in checkout_documents()}

    def make() -> AssetOutput:
        statuses = claim_statuses(gates)
        overclaims = tuple(
            AuditedSentence(document=name, **row._asdict())
            for name, text in sorted(texts.items())
            for row in audit_text(text, statuses)
        )
        report = ClaimAudit(documents=tuple(sorted(texts)), overclaims=overclaims)
        metadata = {"document_count": len(texts), "overclaim_count": len(overclaims)}
        return AssetOutput({"claim_audit.json": pretty_json(report.model_dump(mode="json"))}, metadata)

    rules = source_digest(audit, clauses, lexicon, sentences, register)
    config = {"documents": {name: sha256_text(text) for name, text in sorted(texts.items())}, "rules": rules}
    return Plan(make, config)


def no_claim_beyond_its_gate(inputs: Inputs, partition: str | None) -> Finding:
    """No sentence in docs, report or cards states a claim that is not OPEN, or more than it says."""
    report = inputs.artifact("claim_audit").read_json("claim_audit.json")
    return finding(
        "no_claim_beyond_its_gate",
        [
            f"{row['document']}:{row['line']} {row['claim_id']} {row['status']}: {row['sentence']}"
            for row in report["overclaims"]
        ],
        blocker="overclaim",
        message="Nothing public says more than the gates.",
        figures={"documents": len(report["documents"])},
    )


ASSETS = [claim_gates, claim_audit]
CHECKS = [
    check_of(rule_of("claim_gates", open_claims_follow_from_gates)),
    check_of(rule_of("claim_audit", no_claim_beyond_its_gate)),
    *GATE_CHECKS,
]
