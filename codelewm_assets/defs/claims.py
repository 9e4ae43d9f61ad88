"""Stage `claims`: what may be said in public, and what was said."""

from inspect import getsource
from pathlib import Path
from types import ModuleType

import dagster as dg

from codelewm_assets.claims import audit, clauses, lexicon, register, sentences
from codelewm_assets.claims.audit import audit_text, statuses_of
from codelewm_assets.claims.gates import judge, judge_claims
from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.core.digests import pretty_json, sha256_text
from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.records import Finding
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import check_of, rule_of
from codelewm_assets.defs.evidence import SEED_REPORTS, integrity_evidence, present_reports, seed_evidence
from codelewm_assets.defs.gate_checks import GATE_CHECKS
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.plumbing import Made
from codelewm_assets.store.store import Artifact

REPORTS = tuple(kind for kind, _, _ in SEED_REPORTS.values())
CHECKOUT = Path(__file__).parents[2]


def source_digest(*modules: ModuleType) -> str:
    """Digest of modules as they stand in the code: words, rules and thresholds are part of the cache key."""
    return sha256_text("".join(map(getsource, modules)))


def read_gates(inputs: Inputs) -> ClaimGates:
    """The latest gates."""
    return ClaimGates.model_validate(inputs.artifact("claim_gates").read_json("claim_gates.json"))


@artifact_asset("claims", deps=[*REPORTS, "execution_pack", "problem_splits"], kinds={"json"}, code_version="3")
def claim_gates(run: AssetRun) -> Plan:
    """Each gate HOLDS, FAILS or is UNDECIDED; each claim is OPEN or CLOSED with typed reasons."""
    inputs = run.inputs
    reports = present_reports(inputs)

    integrity = integrity_evidence(inputs, reports)  # looked at anew each time: bytes may have changed since

    def make() -> Made:
        evidence, labels = seed_evidence(reports), inputs.benchmark_labels()
        gates = judge(evidence, integrity, profile=inputs.profile.name, benchmark_labels=labels)
        states = {gate.gate: gate.state for gate in gates.gates}
        claims = {claim.claim_id: claim.status for claim in gates.claims}
        shown = {"gates": states, "claims": claims, "open_claims": sum(s == "OPEN" for s in claims.values())}
        return Made({"claim_gates.json": pretty_json(gates.model_dump(mode="json"))}, shown)

    parents = [*reports.values(), inputs.artifact("execution_pack"), inputs.artifact("problem_splits")]
    of_integrity = integrity.model_dump(mode="json")
    config = {"profile": inputs.profile.name, "integrity": of_integrity, "register": source_digest(register)}
    return Plan(make, config, parents, _tables)


def _tables(artifact: Artifact) -> dict[str, dg.MetadataValue]:
    """Gates and claims as tables in the UI."""
    from codelewm_assets.release.results_report import reasons_text

    gates = ClaimGates.model_validate(artifact.read_json("claim_gates.json"))
    asks = {rule.name: rule.rule for rule in register.GATE_RULES}
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
    gates = read_gates(inputs)
    again = {
        claim.claim_id: claim.status
        for claim in judge_claims({gate.gate: gate for gate in gates.gates}, gates.benchmark_labels)
    }
    bad = [
        f"{c.claim_id}: {c.status}, the gates say {again.get(c.claim_id)}"
        for c in gates.claims
        if again.get(c.claim_id) != c.status
    ]
    seeds = {gate.gate: {row.seed for row in gate.seeds} for gate in gates.gates}
    odd = {name: found for name, found in seeds.items() if found not in ({None}, set(SEEDS))}
    bad += [f"{name}: judged on {sorted(map(str, found))}" for name, found in odd.items()]
    bad += [
        f"{gate.gate}: HOLDS although a seed does not"
        for gate in gates.gates
        if gate.state == "HOLDS" and any(row.state != "HOLDS" for row in gate.seeds)
    ]
    return finding(
        "open_claims_follow_from_gates",
        bad,
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
    gates = read_gates(run.inputs)
    texts = {
        f"{artifact.manifest.artifact_id}/{file.path}": artifact.path(file.path).read_text(encoding="utf-8")
        for artifact in run.parents()
        for file in artifact.manifest.files
        if file.path.endswith(".md")
    }
    texts |= {p.relative_to(CHECKOUT).as_posix(): p.read_text(encoding="utf-8") for p in checkout_documents()}

    def make() -> Made:
        statuses = statuses_of(gates)
        found = [
            {"document": name, **row._asdict()}
            for name, text in sorted(texts.items())
            for row in audit_text(text, statuses)
        ]
        report = {"documents": sorted(texts), "overclaims": found}
        shown = {"document_count": len(texts), "overclaim_count": len(found)}
        return Made({"claim_audit.json": pretty_json(report)}, shown)

    rules = source_digest(audit, clauses, lexicon, sentences, register)
    config = {"documents": {name: sha256_text(text) for name, text in sorted(texts.items())}, "rules": rules}
    return Plan(make, config)


def checkout_documents() -> list[Path]:
    """README, CHANGELOG and docs of the checkout; none when the package is installed without one."""
    return sorted([*CHECKOUT.glob("README.md"), *CHECKOUT.glob("CHANGELOG.md"), *CHECKOUT.glob("docs/**/*.md")])


def no_claim_beyond_its_gate(inputs: Inputs, partition: str | None) -> Finding:
    """No sentence in docs, report or cards states a claim that is not OPEN, or more than it says."""
    found = inputs.artifact("claim_audit").read_json("claim_audit.json")
    return finding(
        "no_claim_beyond_its_gate",
        [
            f"{row['document']}:{row['line']} {row['claim_id']} {row['status']}: {row['sentence']}"
            for row in found["overclaims"]
        ],
        blocker="overclaim",
        message="Nothing public says more than the gates.",
        figures={"documents": len(found["documents"])},
    )


ASSETS = [claim_gates, claim_audit]
CHECKS = [
    check_of(rule_of("claim_gates", open_claims_follow_from_gates)),
    check_of(rule_of("claim_audit", no_claim_beyond_its_gate)),
    *GATE_CHECKS,
]
