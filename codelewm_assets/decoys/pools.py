"""Rerank pools centred on a failing pivot, so that agreeing with the pool does not find the passing members.

Source: DESIGN note on consensus: correct rewrites cluster round the reference, so a pool centred on it is won by a
control that learns nothing.
"""

from collections import defaultdict
from collections.abc import Sequence, Set

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.records import LabelledCompletion, PoolMember
from codelewm_assets.splits.shingles import shingles


def jaccard(a: Set[str], b: Set[str]) -> float:
    """Size of the intersection over that of the union; two empty sets are equal (1.0)."""
    return len(a & b) / len(a | b) if a | b else 1.0


def make_pools(labelled: Sequence[LabelledCompletion], *, passing: int, failing: int) -> list[PoolMember]:
    """One pool for each problem that has a passing and at least two failing deterministic completions.

    The pivot is the failing completion that lies nearest to the other failing ones; the pool holds the `failing - 1`
    failing completions nearest to it and up to `passing` passing ones, drawn by hash.
    The reference itself is never a member: it is what the others are judged by.
    """
    by_problem: dict[str, list[LabelledCompletion]] = defaultdict(list)
    for item in labelled:
        usable = item.is_deterministic and item.completion.completion_kind != "reference"
        if usable and item.outcome in ("pass", "wrong_output", "exception"):
            by_problem[item.completion.problem_id].append(item)
    members: list[PoolMember] = []
    for problem_id in sorted(by_problem):
        members += _pool(problem_id, by_problem[problem_id], passing=passing, failing=failing)
    return members


def _pool(problem_id: str, items: Sequence[LabelledCompletion], *, passing: int, failing: int) -> list[PoolMember]:
    good = sorted((i for i in items if i.passed), key=lambda i: unit_interval("pool", i.completion.completion_id))
    bad = sorted((i for i in items if not i.passed), key=lambda i: i.completion.completion_id)
    if not good or len(bad) < 2:
        return []
    grams = {i.completion.completion_id: shingles(i.completion.code) for i in bad}

    def nearness(item: LabelledCompletion, others: Sequence[LabelledCompletion]) -> float:
        own = grams[item.completion.completion_id]
        return sum(jaccard(own, grams[o.completion.completion_id]) for o in others if o is not item)

    pivot = max(bad, key=lambda item: (nearness(item, bad), item.completion.completion_id))
    nearest = sorted(
        (i for i in bad if i is not pivot), key=lambda i: (-nearness(i, [pivot]), i.completion.completion_id)
    )
    chosen = [pivot, *nearest[: failing - 1], *good[:passing]]
    return [
        PoolMember(
            pool_id=f"{problem_id}::pool0",
            problem_id=problem_id,
            benchmark_id=item.completion.benchmark_id,
            completion_id=item.completion.completion_id,
            passed=item.passed,
            is_pivot=item is pivot,
        )
        for item in sorted(chosen, key=lambda i: i.completion.completion_id)
    ]
