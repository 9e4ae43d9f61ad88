"""CodeLeWM's rerank report from its score rows, by the published rules: ties to the lowest id, Python's own generator.

Source: the published reports, which this reproduces to the byte; `docs/recheck.md` states the rules in words.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.published.forms import RERANK, SCORES
from codelewm_assets.published.pools import Member

CONFIDENCE = 0.95


Pools = Mapping[str, Sequence[Member]]
Key = Callable[[Member], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class RerankSettings:
    """The figures of a run's configuration that its report depends on."""

    seed: int = 17
    bootstrap_samples: int = 2000
    pass_at_k: int = 5
    min_lift_for_claim: float = 3.0


def by_score(name: str) -> Key:
    """The published order: score descending, then completion id ascending."""
    return lambda member: (-member.scores[name], member.completion_id)


def first_pass(pool: Sequence[Member], key: Key) -> int | None:
    """Rank from 1 of the first passing member; None if none passes."""
    ordered = sorted(pool, key=key)
    return next((rank for rank, row in enumerate(ordered, 1) if row.passed), None)


def top_hits(pools: Pools, name: str) -> dict[str, float]:
    """Problem → 1.0 if the published order puts a passing member first, else 0.0."""
    return {problem: float(first_pass(pool, by_score(name)) == 1) for problem, pool in pools.items()}


def published_interval(
    left: Mapping[str, float], right: Mapping[str, float], settings: RerankSettings
) -> tuple[float, float]:
    """95% interval of a lift in points: paired bootstrap over sorted problem ids with Python's Mersenne generator."""
    problems = sorted(left)
    wins = np.array([left[problem] - right[problem] for problem in problems])  # (P,) whole numbers, so sums are exact
    draws = _draws(len(problems), settings.seed, settings.bootstrap_samples)
    drawn = (wins[draws].sum(axis=1) / len(problems) * 100).tolist()
    drawn.sort()
    low, high = (1 - CONFIDENCE) / 2, 1 - (1 - CONFIDENCE) / 2
    last = len(drawn) - 1
    return drawn[min(int(len(drawn) * low), last)], drawn[min(int(len(drawn) * high), last)]


@lru_cache(maxsize=8)  # the controls of one file have the same draws: each begins with a fresh generator
def _draws(problem_count: int, seed: int, resamples: int) -> NDArray[np.int64]:
    """(R, P) places of the problems drawn."""
    generator = random.Random(seed)
    places = range(problem_count)
    return np.array([generator.choices(places, k=problem_count) for _ in range(resamples)])


def _mean(values: Mapping[str, float], names: Sequence[str]) -> float:
    return sum(values[name] for name in names) / len(names)


def rerank_document(
    pools: Pools, settings: RerankSettings, *, benchmark: str, scoring_summary: Mapping[str, Any]
) -> dict[str, Any]:
    """The report as the published writer gives it.

    Args:
        pools: problem → members, each with all of `SCORES`.
        scoring_summary: taken over as it is; nothing in the rows gives it.
    """
    hits = {name: top_hits(pools, name) for name in SCORES}
    lifts, intervals, faults = {}, {}, []
    for control in ("llm_order", "no_action"):
        problems = sorted(pools)
        lifts[control] = (_mean(hits["codelewm"], problems) - _mean(hits[control], problems)) * 100
        low, high = intervals[control] = published_interval(hits["codelewm"], hits[control], settings)
        if not (lifts[control] >= settings.min_lift_for_claim and low > 0):
            faults.append(
                f"{control}_lift={lifts[control]:.2f}pts ci=({low:.2f},{high:.2f}); "
                f"requires lift>={settings.min_lift_for_claim:.1f} and ci_lo>0"
            )
    sizes = {len(pool) for pool in pools.values()}
    return {
        "baselines": [_baseline(pools, name, settings.pass_at_k) for name in SCORES],
        "benchmark": benchmark,
        "bootstrap_lift_ci": list(intervals["llm_order"]),
        "bootstrap_lift_over_no_action_ci": list(intervals["no_action"]),
        "bootstrap_seed": settings.seed,
        "claim_allowed": not faults,
        "claim_reason": "; ".join(faults) or "lift_above_threshold_and_ci_excludes_zero",
        "codelewm_lift_over_llm_order": lifts["llm_order"],
        "codelewm_lift_over_no_action": lifts["no_action"],
        "completions_per_problem": max(sizes),
        "confidence_level": CONFIDENCE,
        "pass_at_k": settings.pass_at_k,
        "problem_count": len(pools),
        "schema_version": RERANK,
        "scoring_summary": dict(scoring_summary),
    }


def _baseline(pools: Pools, name: str, k: int) -> dict[str, Any]:
    ranks = [first_pass(pools[problem], by_score(name)) for problem in sorted(pools)]
    hits = sum(rank == 1 for rank in ranks)
    return {
        "baseline": name,
        "mrr": sum(1 / rank if rank else 0.0 for rank in ranks) / len(ranks),
        "pass_at_1": hits / len(ranks),
        "pass_at_k": sum(rank is not None and rank <= k for rank in ranks) / len(ranks),
        "pass_at_k_value": k,
        "pass_count": hits,
        "problem_count": len(ranks),
    }
