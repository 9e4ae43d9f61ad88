"""Small rows and files in CodeLeWM's form, for tests."""

from collections.abc import Iterable

from codelewm_assets.published.forms import SCORE_ROW, SCORES, PublishedScoreRow
from codelewm_assets.published.pools import Member, published_pools


def row(completion_id: str, *, passed: bool, benchmark_id: str = "humaneval", **scores: float) -> PublishedScoreRow:
    """One score row; the problem is what stands before the first `::`, and scores that are not named are 0."""
    return PublishedScoreRow(
        schema_version=SCORE_ROW,
        completion_id=completion_id,
        problem_id=completion_id.partition("::")[0],
        passed=passed,
        llm_order_rank=int(completion_id.rpartition("::")[2]),
        errors={},
        scores=dict.fromkeys(SCORES, 0.0) | scores,
        benchmark_id=benchmark_id,
        split="test",
    )


def pools_of(rows: Iterable[PublishedScoreRow]) -> dict[str, tuple[Member, ...]]:
    """Problem → its members."""
    return {pool.pool_id: pool.members for pool in published_pools(list(rows), with_failed=True)}
