"""The smallest rerank lift that a run could show, computed before the run."""

import math
from collections.abc import Mapping, Sequence

Z_ALPHA = 1.959963984540054  # two-sided 5%
Z_POWER = 0.8416212335729143  # 80% power


def minimum_detectable_lift_points(problem_count: int, chance: float) -> float | None:
    """Smallest difference in pass@1, in points, that a paired two-sided 5% test shows in 80% of runs.

    Takes the paired difference of two independent orderings of the same pools, each right with probability
    `chance`: variance 2·p·(1-p) per problem, as if the two orderings were independent. None without problems.

    Args: problem_count: held-out problems with a pool. chance: pass@1 of the control compared with, in [0, 1].
    Source: normal approximation of the paired difference, e.g. Dror et al. 2018, "The Hitchhiker's Guide to Testing
    Statistical Significance in Natural Language Processing".
    """
    if problem_count == 0:
        return None
    spread = math.sqrt(max(2 * chance * (1 - chance), 0.01))
    return 100 * (Z_ALPHA + Z_POWER) * spread / math.sqrt(problem_count)


def chance_pass_at_1(pools: Mapping[str, Sequence[bool]]) -> float:
    """Pass@1 of a random order: the mean share of passing members. 0.0 without pools is never returned: raises."""
    if not pools:
        raise ValueError("no pools: chance is undefined")
    return sum(sum(members) / len(members) for members in pools.values()) / len(pools)
