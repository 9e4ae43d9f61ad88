"""Claims that the evidence of a profile can open at all, known before anything is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from codelewm_assets.claims.register import CLAIMS, CODELEWM, RERANK_PROBLEMS, SCORERS, TRACKED, Claim, Scorer
from codelewm_assets.core.ids import BENCHMARKS


@dataclass(frozen=True, slots=True)
class Plan:
    """The evidence that a profile will have.

    Attributes:
        benchmark_labels: benchmark id → its name in reports.
        problems: scorer → benchmark → problems with pools in the folds that it scores.
        held_out_families: scorers that are fitted without each operator family too.
        model_problems: benchmark → problems with pools of programs that models wrote.
        held_out_models: scorers that are fitted without each part of the models too.
        may_have_seen: CodeLeWM's encoder may have seen the benchmarks in its pretraining.
    """

    benchmark_labels: Mapping[str, str]
    problems: Mapping[str, Mapping[str, int]]
    held_out_families: frozenset[str] = frozenset()
    model_problems: Mapping[str, int] = field(default_factory=dict)
    held_out_models: frozenset[str] = frozenset()
    may_have_seen: bool = False


@dataclass(frozen=True, slots=True)
class Prospect:
    """A claim, and why the profile cannot open it whatever its figures; no reason: it can."""

    claim_id: str
    reasons: tuple[str, ...]


def prospects(plan: Plan) -> tuple[Prospect, ...]:
    """Every claim of the register in its order."""
    return tuple(Prospect(claim.claim_id, tuple(_reasons(claim, plan))) for claim in CLAIMS)


def _reasons(claim: Claim, plan: Plan) -> list[str]:
    stand_ins = sorted(label for label in plan.benchmark_labels.values() if "stand-in" in label)
    reasons = [f"{label} stands in for the benchmark" for label in stand_ins if claim.needs_published_benchmarks]
    for scorer in SCORERS:
        needed = int(RERANK_PROBLEMS.value)
        for benchmark in BENCHMARKS:
            count = plan.problems.get(scorer.name, {}).get(benchmark, 0)
            if f"{scorer.prefix}rerank:{benchmark}" in claim.gates and count < needed:
                reasons.append(f"{scorer.name} scores {count} problems of {benchmark}, at least {needed} are needed")
        if f"{scorer.prefix}unseen_operators" in claim.gates and scorer.name not in plan.held_out_families:
            reasons.append(f"{scorer.name} is not fitted without any operator family")
        if f"{scorer.prefix}model_programs" in claim.gates:
            reasons += _model_program_reasons(scorer, plan)
    if plan.may_have_seen and "contamination" in claim.gates:
        reasons.append(f"the encoder of {CODELEWM.name} may have seen the benchmarks")
    return reasons


def _model_program_reasons(scorer: Scorer, plan: Plan) -> list[str]:
    if not any(plan.model_problems.values()):
        return ["there are no pools of programs that models wrote"]
    needed = int(RERANK_PROBLEMS.value)
    counts = {name: plan.model_problems.get(name, 0) for name in TRACKED}
    few = [
        f"{count} problems of {name} have pools of programs that models wrote, at least {needed} are needed"
        for name, count in counts.items()
        if count < needed
    ]
    if scorer.name not in plan.held_out_models:
        few.append(f"{scorer.name} is not fitted without the models that wrote the programs")
    return few
