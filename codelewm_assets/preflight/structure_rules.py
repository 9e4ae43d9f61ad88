"""Rules on the structure of twin pools: neither an order by likeness, length or place nor a model on them finds what passes.

All pools count, of every fold: none of these orders is trained on labels of the pools that it orders.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codelewm_assets.baselines.structure import ACROSS, WITHIN, Reach, Scores, fitted_scores, reach
from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.core.records import Finding, PoolMember


@dataclass(frozen=True, slots=True)
class TwinPools:
    """The twin pools with every order's scores.

    Attributes:
        scores: pool id → order → score of each member.
        passed: pool id → label of each member.
        problem_of: pool id → problem.
        benchmark_of: pool id → benchmark.
    """

    scores: Mapping[str, Scores]
    passed: Mapping[str, Sequence[bool]]
    problem_of: Mapping[str, str]
    benchmark_of: Mapping[str, str]

    def of_benchmark(self, benchmark: str) -> list[str]:
        """Ids of a benchmark's pools, sorted."""
        return sorted(pool for pool, name in self.benchmark_of.items() if name == benchmark)


def twin_pools(members: Sequence[PoolMember], scores: Mapping[str, Scores]) -> TwinPools:
    """The twin pools, members in their stored order. Args: scores: of `structure.twin_pool_scores`."""
    twins = [member for member in members if member.pool_kind == "twin"]
    passed: dict[str, list[bool]] = defaultdict(list)
    for member in twins:
        passed[member.pool_id].append(member.passed)
    return TwinPools(
        scores,
        passed,
        {member.pool_id: member.problem_id for member in twins},
        {member.pool_id: member.benchmark_id for member in twins},
    )


def structure_says_nothing_within_pools(pools: TwinPools, *, margin: float) -> Finding:
    """Within twin pools no order by likeness, length or place is further than the margin from chance, either way round.

    Args:
        margin: of pass@1 from the pools' share of passing members, and of AUC from 0.5.
    """
    return _orders_say_nothing("structure_says_nothing_within_pools", pools, WITHIN, margin)


def structure_says_nothing_across_pools(pools: TwinPools, *, margin: float) -> Finding:
    """Across all that is scored of a problem no order by membership or likeness is further than the margin from chance.

    Args:
        margin: of pass@1 from the pools' share of passing members, and of AUC from 0.5.
    """
    return _orders_say_nothing("structure_says_nothing_across_pools", pools, ACROSS, margin)


def fitted_structure_says_nothing(pools: TwinPools, *, margin: float) -> Finding:
    """A model on likenesses and lengths, fitted on other problems' twin pools, is within the margin of chance.

    Args:
        margin: of pass@1 from the pools' share of passing members, and of AUC from 0.5.
    """
    bad, figures = list[str](), dict[str, float | int | str | bool]()
    for benchmark in BENCHMARKS:
        own = pools.of_benchmark(benchmark)
        scores = fitted_scores({name: pools.scores[name] for name in own}, pools.passed, pools.problem_of)
        result = reach([(scores[name], pools.passed[name]) for name in sorted(scores)])
        if result is None:
            bad.append(f"{benchmark}: too few problems with pools to fit on")
            continue
        bad += _excesses(f"{benchmark} fitted", result, margin)
        figures |= {f"{benchmark}.pass_at_1": round(result.top, 4), f"{benchmark}.auc": round(result.auc, 4),
                    f"{benchmark}.chance": round(result.chance, 4)}  # fmt: skip
    return finding(
        "fitted_structure_says_nothing",
        bad,
        blocker="structure_tells_the_label",
        message="A model on likenesses and lengths orders the pools by chance.",
        figures={**figures, "margin": margin},
    )


def _orders_say_nothing(rule: str, pools: TwinPools, orders: Sequence[str], margin: float) -> Finding:
    bad, figures = list[str](), dict[str, float | int | str | bool]()
    for benchmark in BENCHMARKS:
        own = pools.of_benchmark(benchmark)
        figures[f"{benchmark}.pools"] = len(own)
        if not own:
            bad.append(f"{benchmark}: no twin pools")
        for order in orders:
            result = reach([(pools.scores[name][order], pools.passed[name]) for name in own])
            if result is None:
                continue  # one pool a problem: nothing lies beside it
            figures[f"{benchmark}.chance"] = round(result.chance, 4)
            reached = {"": result.top, "_reversed": result.bottom, "_auc": result.auc}
            figures |= {f"{benchmark}.{order}{end}": round(value, 4) for end, value in reached.items()}
            bad += _excesses(f"{benchmark} {order}", result, margin)
    return finding(
        rule,
        bad,
        blocker="structure_tells_the_label",
        message="No order by structure is better or worse than chance.",
        figures={**figures, "margin": margin},
    )


def _excesses(name: str, result: Reach, margin: float) -> list[str]:
    """Orders that are further than the margin from chance."""
    found = {
        f"{name}: pass@1": (result.top, result.chance),
        f"{name} reversed: pass@1": (result.bottom, result.chance),
        f"{name}: AUC": (result.auc, 0.5),
    }
    return [
        f"{what} {value:.3f} is not within {margin:.2f} of {chance:.3f}"
        for what, (value, chance) in found.items()
        if abs(value - chance) > margin + 1e-9
    ]


RULES = (structure_says_nothing_within_pools, structure_says_nothing_across_pools, fitted_structure_says_nothing)
