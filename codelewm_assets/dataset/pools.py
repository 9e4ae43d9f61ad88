"""Rerank pools of twins: right sides of one bug, and the same programs with the bug in them."""

from collections.abc import Sequence

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.records import LabelledCompletion, PoolMember
from codelewm_assets.dataset.twins import MIN_PAIRS, Pair, scored_pairs


def make_pools(labelled: Sequence[LabelledCompletion], *, pool_pairs: int, pools_per_problem: int) -> list[PoolMember]:
    """Up to `pools_per_problem` disjoint pools for each problem with a scored bug, each of up to `pool_pairs` whole twin pairs.

    Half of a pool passes, and both halves went through the same rewrites, so that they have the same inner distances. Members
    stand in the order of their ids, which says nothing of the label. A problem's pools depend only on its own completions.

    Args:
        pool_pairs: maximum number of pairs in a pool, at least `MIN_PAIRS`.
        pools_per_problem: maximum number of pools of a problem.
    """
    members = list[PoolMember]()
    for problem_id, pairs in scored_pairs(labelled).items():
        drawn = sorted(pairs, key=lambda pair: unit_interval("pair", problem_id, str(pair[0].completion.twin)))
        for number, pool in enumerate(_parts(drawn, pool_pairs, pools_per_problem)):
            items = sorted((item for pair in pool for item in pair), key=lambda item: item.completion.completion_id)
            members += [PoolMember.of(f"{problem_id}::pool{number}", item, kind="twin") for item in items]
    return members


def _parts(pairs: Sequence[Pair], size: int, most: int) -> list[Sequence[Pair]]:
    """The pairs in at most `most` parts of `MIN_PAIRS` to `size`, as even as can be; pairs beyond these are in no part."""
    count = min(most, -(-len(pairs) // size))
    while count > 1 and len(pairs) < MIN_PAIRS * count:
        count -= 1
    used = pairs[: count * size]
    return [used[part::count] for part in range(count)]
