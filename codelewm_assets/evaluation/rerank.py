"""Reranking: whether ordering a pool by p_pass puts a passing completion first more often than a control does."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import comb

from codelewm_assets.evaluation.bootstrap import interval_of_mean
from codelewm_assets.evaluation.records import BenchmarkRerank, Lift, RerankReport, ScoreRow

SATURATED_AT = 0.95
"""A control at or above this pass@1 leaves under five points of room: less than two lifts of the size claimed."""

Pool = Sequence[tuple[float, bool]]
PoolKey = tuple[str, str]  # problem id and pool id: two problems may number their pools alike


def top_share(pool: Pool) -> float:
    """Mean of `passed` over the tied top. Args: pool: not empty."""
    top = max(score for score, _ in pool)
    tied = [passed for score, passed in pool if score == top]
    return sum(tied) / len(tied)


def reciprocal_rank(pool: Pool) -> float:
    """Expected reciprocal rank of the first passing member over random orders of ties; 0.0 when none passes."""
    before = 0
    for score in sorted({score for score, _ in pool}, reverse=True):
        tied = [passed for other, passed in pool if other == score]
        size, good = len(tied), sum(tied)
        if good:
            # the first of `good` among `size` in random order stands at place j with comb(size-j, good-1)/comb(size, good)
            return sum(
                comb(size - place, good - 1) / comb(size, good) / (before + place)
                for place in range(1, size - good + 2)
            )
        before += size
    return 0.0


def rerank_benchmark(rows: Sequence[ScoreRow], *, label: str, resamples: int) -> BenchmarkRerank:
    """Reranking on the pools of one benchmark; a pool counts for a score only when all its members have it."""
    pools: dict[PoolKey, list[ScoreRow]] = defaultdict(list)
    for row in rows:
        pools[row.problem_id, row.pool_id or ""].append(row)
    names = sorted({name for row in rows for name in row.scores})
    complete = {name: _complete(pools, name) for name in names}
    controls = [name for name in names if name != "p_pass"]
    lifts = {name: _lift(pools, complete["p_pass"], complete[name], resamples) for name in controls}
    top = {name: _mean([top_share(pool) for pool in complete[name].values()]) for name in names}
    scored = {name: value for name, value in top.items() if name != "p_pass" and value is not None}
    best = max(sorted(scored), key=lambda name: scored[name]) if scored else None
    return BenchmarkRerank(
        benchmark_label=label,
        problem_count=len({row.problem_id for row in rows}),
        pool_count=len(pools),
        pass_at_1=top,
        mrr={name: _mean([reciprocal_rank(pool) for pool in complete[name].values()]) for name in names},
        lift={name: lift for name, lift in lifts.items() if lift is not None},
        best_control=best,
        complete_pool_count={name: len(complete[name]) for name in names},
        saturated=None if best is None else scored[best] >= SATURATED_AT,
    )


def _complete(pools: Mapping[PoolKey, Sequence[ScoreRow]], name: str) -> dict[PoolKey, list[tuple[float, bool]]]:
    found = {}
    for pool_id, rows in pools.items():
        pool = [(value, row.passed) for row in rows if (value := row.finite(name)) is not None]
        if len(pool) == len(rows):
            found[pool_id] = pool
    return found


def _lift(
    pools: Mapping[PoolKey, Sequence[ScoreRow]],
    ours: Mapping[PoolKey, Pool],
    theirs: Mapping[PoolKey, Pool],
    resamples: int,
) -> Lift | None:
    by_problem: dict[str, list[float]] = defaultdict(list)
    for pool_id in sorted(set(ours) & set(theirs)):
        by_problem[pools[pool_id][0].problem_id].append(top_share(ours[pool_id]) - top_share(theirs[pool_id]))
    means = [100 * sum(values) / len(values) for values in by_problem.values()]
    interval = interval_of_mean(means, resamples=resamples)
    return None if interval is None else Lift(points=sum(means) / len(means), ci95=interval)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def rerank_report(
    rows: Sequence[ScoreRow], *, seed: int | None, resamples: int, labels: Mapping[str, str] | None = None
) -> RerankReport:
    """The report by benchmark. Args: labels: benchmark id → what reports call it; the id itself where absent."""
    return RerankReport(
        seed=seed,
        resamples=resamples,
        benchmarks={
            b: rerank_benchmark(
                [row for row in rows if row.benchmark_id == b], label=(labels or {}).get(b, b), resamples=resamples
            )
            for b in sorted({row.benchmark_id for row in rows})
        },
    )
