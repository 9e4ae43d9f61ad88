"""Score rows of any form as pools: what figures are computed from."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from codelewm_assets.core.ids import benchmark_by_prefix
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.published.forms import PublishedScoreRow


@dataclass(frozen=True, slots=True)
class Member:
    """One completion of a pool; a score that it lacks is absent from `scores`."""

    completion_id: str
    passed: bool
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Pool:
    """Completions of one problem, to be ordered, in the order of the file; `pool_id` is unique among pools."""

    benchmark_id: str
    problem_id: str
    pool_id: str
    members: tuple[Member, ...]

    @property
    def lowest(self) -> Member:
        """The member with the lowest completion id: what the published tie rule prefers."""
        return min(self.members, key=lambda member: member.completion_id)

    def has(self, score: str) -> bool:
        """Every member has the score."""
        return all(score in member.scores for member in self.members)


def published_pools(rows: Sequence[PublishedScoreRow], *, with_failed: bool = False) -> list[Pool]:
    """One pool for each `problem_id`, sorted. An export names a pool there where a problem has several (`problem_of`).

    Args:
        with_failed: keep the number that stands in place of a failed score, as the published report does.
    """
    return _pools(
        (
            (
                row.benchmark_id or benchmark_by_prefix(row.problem_id) or "unknown",
                problem_of(row.problem_id),
                row.problem_id,
            ),
            Member(row.completion_id, row.passed, row.scores if with_failed else _without_failed(row)),
        )
        for row in rows
    )


def _without_failed(row: PublishedScoreRow) -> dict[str, float]:
    return {name: value for name, value in row.scores.items() if name not in row.errors}


def problem_of(name: str) -> str:
    """The problem of `HumanEval/0` or of one of its pools, `HumanEval/0::pool1`."""
    return name.partition("::")[0]


def own_pools(rows: Sequence[ScoreRow]) -> list[Pool]:
    """Pools by `pool_id`; without it a problem's rows of one benchmark are one pool."""
    return _pools(((row.benchmark_id, row.problem_id, row.pool_id or row.problem_id), _member(row)) for row in rows)


def _member(row: ScoreRow) -> Member:
    finite = {name: row.finite(name) for name in row.scores}
    return Member(row.completion_id, row.passed, {name: value for name, value in finite.items() if value is not None})


def _pools(rows: Iterable[tuple[tuple[str, str, str], Member]]) -> list[Pool]:
    members = defaultdict(list)
    for key, member in rows:
        members[key].append(member)
    return [Pool(*key, tuple(members[key])) for key in sorted(members)]
