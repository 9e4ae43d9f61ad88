"""Gates and claims from finished reports. A gate holds only on complete evidence of every seed; no metric is computed here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from codelewm_assets.claims import register
from codelewm_assets.claims.figure_checks import STAND_IN, Verdict, absent
from codelewm_assets.claims.gate_rules import SEED_GATES, integrity_gate
from codelewm_assets.claims.register import CLAIMS, Claim, Scorer, named_scorer
from codelewm_assets.claims.scorer_gates import gates_of_named
from codelewm_assets.claims.verdicts import ClaimGates, ClaimResult, Gate, NamedCandidate, Reason, SeedGate, State
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.evaluation.reports import IntegrityEvidence, SeedEvidence

GATES: tuple[str, ...] = tuple(rule.name for rule in register.GATE_RULES)


def _seed_gate(gate: str, seed: int | None, verdict: Verdict) -> SeedGate:
    reasons = tuple(reason.model_copy(update={"gate": gate, "seed": seed}) for reason in verdict.reasons)
    return SeedGate(
        gate=gate, seed=seed, state=verdict.state, reasons=reasons, figures=verdict.figures, needs=verdict.needs
    )


def _over_seeds(gate: str, rule: Callable[[SeedEvidence], Verdict], evidence: Mapping[int, SeedEvidence]) -> Gate:
    verdicts = {s: rule(evidence[s]) if s in evidence else absent("There is no evidence of this seed.") for s in SEEDS}
    return _gate(gate, [_seed_gate(gate, seed, verdict) for seed, verdict in verdicts.items()])


def _gate(gate: str, rows: Sequence[SeedGate]) -> Gate:
    states = {row.state for row in rows}
    state: State = "FAILS" if "FAILS" in states else "UNDECIDED" if "UNDECIDED" in states else "HOLDS"
    reasons = tuple(
        reason if row.seed is None else reason.model_copy(update={"detail": f"seed {row.seed}: {reason.detail}"})
        for row in rows
        for reason in row.reasons
    )
    return Gate(gate=gate, state=state, reasons=reasons, seeds=tuple(rows))


def evaluate_claims(
    gates: Mapping[str, Gate], benchmark_labels: Mapping[str, str], claims: Sequence[Claim] = CLAIMS
) -> tuple[ClaimResult, ...]:
    """The status of each claim, from the gates and the benchmarks of the evidence.

    Raises: KeyError: a claim needs a gate that is not in `gates`.
    """
    stand_ins = sorted(label for label in benchmark_labels.values() if "stand-in" in label)
    results = []
    for claim in claims:
        failing = [gates[name] for name in claim.gates if gates[name].state != "HOLDS"]
        if claim.any_of and not any(gates[name].state == "HOLDS" for name in claim.any_of):
            failing += [gates[name] for name in claim.any_of]
        reasons = [
            r.model_copy(update={"detail": f"{g.gate} {g.state}: {r.detail}"}) for g in failing for r in g.reasons
        ]
        if claim.needs_published_benchmarks:
            reasons += [Reason(code="benchmark_is_a_stand_in", detail=STAND_IN.format(label)) for label in stand_ins]
        status: Literal["OPEN", "CLOSED"] = "CLOSED" if failing or reasons else "OPEN"
        results.append(
            ClaimResult(claim_id=claim.claim_id, sentence=claim.sentence, status=status, needs=claim.gates,
                        needs_one_of=claim.any_of, reasons=tuple(reasons))
        )  # fmt: skip
    return tuple(results)


def evaluate_gates(
    evidence: Mapping[int, SeedEvidence],
    integrity: IntegrityEvidence | None,
    *,
    profile: str,
    benchmark_labels: Mapping[str, str],
) -> ClaimGates:
    """Every gate and every claim on this evidence, with those of the candidates that a profile names."""
    candidates = named_candidates(evidence)
    named = scorers_of(candidates)
    rules = SEED_GATES | {name: rule for scorer in named for name, rule in gates_of_named(scorer).items()}
    gates = {name: _over_seeds(name, rule, evidence) for name, rule in rules.items()}
    gates["integrity"] = _gate("integrity", [_seed_gate("integrity", None, integrity_gate(integrity))])
    return ClaimGates(
        profile=profile, benchmark_labels=dict(benchmark_labels),
        gates=tuple(gates[rule.name] for rule in register.gate_rules(named)),
        claims=evaluate_claims(gates, benchmark_labels, register.claims(named)), named_candidates=candidates,
    )  # fmt: skip


def named_candidates(evidence: Mapping[int, SeedEvidence]) -> tuple[NamedCandidate, ...]:
    """The candidates that the profile of this evidence names, by what is stated of their training."""
    stated = {
        name: own.contamination
        for seed in sorted(evidence)
        for name, own in evidence[seed].scorers.items()
        if own.contamination is not None and own.contamination.role == "candidate"
    }
    return tuple(NamedCandidate(name=name, reads=stated[name].reads) for name in sorted(stated))


def scorers_of(candidates: Sequence[NamedCandidate]) -> tuple[Scorer, ...]:
    """The register's entries of candidates that a profile names."""
    return tuple(named_scorer(candidate.name, candidate.reads) for candidate in candidates)


def inconsistencies(gates: ClaimGates) -> list[str]:
    """Claims whose status does not follow from the gates of the record, and gates without a verdict of every seed."""
    expected = {
        row.claim_id: row.status
        for row in evaluate_claims(
            {g.gate: g for g in gates.gates},
            gates.benchmark_labels,
            register.claims(scorers_of(gates.named_candidates)),
        )
    }
    bad = [
        f"{claim.claim_id}: {claim.status}, the gates say {expected.get(claim.claim_id)}"
        for claim in gates.claims
        if expected.get(claim.claim_id) != claim.status
    ]
    for gate in gates.gates:
        seeds = {row.seed for row in gate.seeds}
        if seeds not in ({None}, set(SEEDS)):
            bad.append(f"{gate.gate}: judged on {sorted(map(str, seeds))}")
        if gate.state == "HOLDS" and any(row.state != "HOLDS" for row in gate.seeds):
            bad.append(f"{gate.gate}: HOLDS although a seed does not")
    return bad
