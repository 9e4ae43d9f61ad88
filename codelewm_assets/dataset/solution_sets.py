"""Rerank pools as ranked solution sets: a problem, and its solutions by the share of inputs that they pass.

The form of public benchmarks that score verifiers: `task_id` with `all_solutions` of `rank`, `average_test_score` and `solution`
(Ficek et al., Scoring Verifiers, arXiv 2502.13820). Solutions are hashed tokens, as everywhere in what is published.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from codelewm_assets.core.errors import PackError
from codelewm_assets.core.ids import BenchmarkId
from codelewm_assets.core.records import PackRow, PoolMember, Record
from codelewm_assets.dataset.published import hashed_tokens


class RankedSolution(Record):
    """A solution of a set."""

    rank: int  # 1 = the largest share; solutions of the same share have the same rank
    average_test_score: float  # share of the inputs that it passes
    completion_id: str  # the program
    solution: tuple[int, ...]  # its hashed tokens


class SolutionSet(Record):
    """One rerank pool as a ranked solution set."""

    task_id: str  # the problem, as the benchmark publishes it
    pool_id: str  # the pool; a problem may have several
    benchmark_id: BenchmarkId  # the problem's
    fold: int  # of the problem
    all_solutions: tuple[RankedSolution, ...]  # best first, in the order of their ids where the share is the same


def solution_sets(members: Iterable[PoolMember], rows: Iterable[PackRow], fold: Mapping[str, int]) -> list[SolutionSet]:
    """The pools in the order of their ids.

    Args:
        members: of all pools.
        rows: of the pack.
        fold: problem id → fold.

    Raises: PackError: a member has no row, or a problem no fold.
    """
    pools, passed, codes = (
        defaultdict[str, list[PoolMember]](list),
        defaultdict[str, list[bool]](list),
        dict[str, str](),
    )
    for row in rows:
        passed[row.source_submission_id].append(row.passed)
        codes[row.source_submission_id] = row.code_tokens
    for member in members:
        if member.completion_id not in codes or member.problem_id not in fold:
            raise PackError(
                f"{member.completion_id} of {member.pool_id} is not in the pack or has no fold. Rebuild both from one pack."
            )
        pools[member.pool_id].append(member)
    share = {name: sum(results) / len(results) for name, results in passed.items()}
    return [_ranked(pools[name], share, codes, fold) for name in sorted(pools)]


def _ranked(
    pool: list[PoolMember], share: Mapping[str, float], codes: Mapping[str, str], fold: Mapping[str, int]
) -> SolutionSet:
    names = sorted((member.completion_id for member in pool), key=lambda name: (-share[name], name))
    better = {name: sum(share[other] > share[name] for other in names) for name in names}
    return SolutionSet(
        task_id=pool[0].problem_id,
        pool_id=pool[0].pool_id,
        benchmark_id=pool[0].benchmark_id,
        fold=fold[pool[0].problem_id],
        all_solutions=tuple(
            RankedSolution(
                rank=1 + better[name], average_test_score=share[name], completion_id=name, solution=hashed_tokens(codes[name])
            )
            for name in names
        ),
    )  # fmt: skip
