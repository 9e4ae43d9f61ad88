"""From finished reports to gates and claims. A gate holds on complete evidence only, on every seed; it computes no metric."""

from collections.abc import Mapping, Sequence

from codelewm_assets.claims import register
from codelewm_assets.claims.gate_rules import SEED_GATES, absent, integrity_gate
from codelewm_assets.claims.register import CLAIMS, Claim
from codelewm_assets.claims.verdicts import ClaimGates, ClaimResult, Gate, Reason, SeedGate, State
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.evaluation.reports import IntegrityEvidence, SeedEvidence

GATES: tuple[str, ...] = tuple(rule.name for rule in register.GATE_RULES)


def _over_seeds(gate: str, evidence: Mapping[int, SeedEvidence]) -> Gate:
    rows = []
    for seed in SEEDS:
        found = evidence.get(seed)
        state, reasons, figures = SEED_GATES[gate](found) if found else absent(f"seed {seed}")
        rows.append(SeedGate(gate=gate, seed=seed, state=state, reasons=reasons, figures=figures))
    return _gate(gate, rows)


def _gate(gate: str, rows: Sequence[SeedGate]) -> Gate:
    states = {row.state for row in rows}
    state: State = "FAILS" if "FAILS" in states else "UNDECIDED" if "UNDECIDED" in states else "HOLDS"
    reasons = tuple(
        Reason(code=reason.code, detail=reason.detail if row.seed is None else f"seed {row.seed}: {reason.detail}")
        for row in rows
        for reason in row.reasons
    )
    return Gate(gate=gate, state=state, reasons=reasons, seeds=tuple(rows))


def judge_claims(
    gates: Mapping[str, Gate], benchmark_labels: Mapping[str, str], claims: Sequence[Claim] = CLAIMS
) -> tuple[ClaimResult, ...]:
    """Each claim against the gates and the benchmarks that the evidence comes from.

    Raises: KeyError: a claim needs a gate that was not judged.
    """
    stand_ins = sorted(label for label in benchmark_labels.values() if "stand-in" in label)
    results = []
    for claim in claims:
        failing = [gates[name] for name in claim.gates if gates[name].state != "HOLDS"]
        if claim.any_of and not any(gates[name].state == "HOLDS" for name in claim.any_of):
            failing += [gates[name] for name in claim.any_of]
        reasons = tuple(
            Reason(code=reason.code, detail=f"{gate.gate} {gate.state}: {reason.detail}")
            for gate in failing
            for reason in gate.reasons
        )
        if claim.needs_published_benchmarks:
            reasons += tuple(Reason(code="benchmark_is_a_stand_in", detail=label) for label in stand_ins)
        results.append(
            ClaimResult(
                claim_id=claim.claim_id,
                sentence=claim.sentence,
                status="CLOSED" if failing or reasons else "OPEN",
                needs=claim.gates,
                needs_one_of=claim.any_of,
                reasons=reasons,
            )
        )
    return tuple(results)


def judge(
    evidence: Mapping[int, SeedEvidence],
    integrity: IntegrityEvidence | None,
    *,
    profile: str,
    benchmark_labels: Mapping[str, str],
) -> ClaimGates:
    """Every gate and every claim on this evidence."""
    state, reasons, figures = integrity_gate(integrity)
    gates = [_over_seeds(name, evidence) for name in SEED_GATES]
    gates.append(
        _gate("integrity", [SeedGate(gate="integrity", seed=None, state=state, reasons=reasons, figures=figures)])
    )
    by_name = {gate.gate: gate for gate in gates}
    return ClaimGates(
        profile=profile,
        benchmark_labels=dict(benchmark_labels),
        gates=tuple(by_name[name] for name in GATES),
        claims=judge_claims(by_name, benchmark_labels),
    )
