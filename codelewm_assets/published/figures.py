"""Figures of score rows under two tie rules, and paired intervals of lifts. Shapes: Q pools, P problems, R resamples.

Published rule: ties go to the lowest completion id. Shared rule: the tied top shares credit (`evaluation/rerank.py`).
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.baselines.controls import reciprocal_rank
from codelewm_assets.evaluation.bootstrap import bounded_interval, resampled_means
from codelewm_assets.evaluation.reports import Lift
from codelewm_assets.evaluation.rerank import top_share
from codelewm_assets.published.pools import Pool
from codelewm_assets.published.records import BestLift, PassingPlace, RuleFigures, TieRules
from codelewm_assets.published.rerank_recompute import RerankSettings, by_score, first_pass, published_interval

RESAMPLES = 2000
Floats = NDArray[np.float64]
Figure = Callable[[Pool, str], float]


def shared_top(pool: Pool, score: str) -> float:
    """Mean of `passed` over the members tied at the top."""
    return top_share([(member.scores[score], member.passed) for member in pool.members])


def published_top(pool: Pool, score: str) -> float:
    """1.0 if the first member passes, ties to the lowest id."""
    return float(first_pass(pool.members, by_score(score)) == 1)


def shared_reciprocal(pool: Pool, score: str) -> float:
    """Expected reciprocal rank of the first passing member over random orders of ties."""
    return reciprocal_rank([(member.scores[score], member.passed) for member in pool.members])


def published_reciprocal(pool: Pool, score: str) -> float:
    """Reciprocal rank of the first passing member, ties to the lowest id; 0.0 if none passes."""
    rank = first_pass(pool.members, by_score(score))
    return 1 / rank if rank else 0.0


def score_names(pools: Sequence[Pool]) -> list[str]:
    """Scores that every member of every pool has, sorted."""
    return sorted(set.intersection(*(set(member.scores) for pool in pools for member in pool.members)))


def under_both_rules(pools: Sequence[Pool], score: str, published: Figure, shared: Figure) -> TieRules:
    """A figure's mean over pools under both tie rules. Args: pools: at least one."""
    return TieRules(
        published_ties=sum(published(pool, score) for pool in pools) / len(pools),
        shared_ties=sum(shared(pool, score) for pool in pools) / len(pools),
    )


def constant_score(pools: Sequence[Pool]) -> TieRules:
    """Pass@1 of a score that is the same for every member: with shared ties it is the share of passing members."""
    return TieRules(
        published_ties=sum(pool.lowest.passed for pool in pools) / len(pools),
        shared_ties=sum(sum(m.passed for m in pool.members) / len(pool.members) for pool in pools) / len(pools),
    )


def passing_place(pools: Sequence[Pool]) -> PassingPlace:
    """Extent to which the place of the passing member, by id, says the label: pools whose member with the lowest id passes."""
    endings = [{m.completion_id.rpartition("::")[2] for m in pool.members if m.passed} for pool in pools]
    common = sorted(set.union(*endings), key=lambda ending: (-sum(ending in e for e in endings), ending))
    first = common[0] if common else None
    return PassingPlace(
        pool_count=len(pools),
        lowest_id_passes=sum(pool.lowest.passed for pool in pools),
        only_lowest_id_passes=sum(pool.lowest.passed and sum(m.passed for m in pool.members) == 1 for pool in pools),
        commonest_passing_ending=first,
        passing_with_that_ending=0 if first is None else sum(first in ending for ending in endings),
    )


def rule_figures(
    pools: Sequence[Pool], *, subject: str, no_best: Collection[str] = (), settings: RerankSettings | None = None
) -> RuleFigures:
    """Every figure of the pools.

    Args:
        pools: at least one.
        subject: the score that is compared with all others; without it there is no lift.
        no_best: scores that cannot be the best control.
        settings: of the published interval; None leaves it out, as where a problem has several pools.
    """
    names = score_names(pools)
    controls = [name for name in names if name != subject] if subject in names else []
    best = [name for name in controls if name not in no_best]
    top = {name: np.array([shared_top(pool, name) for pool in pools]) for name in names}  # (Q,)
    reciprocal = {name: np.array([shared_reciprocal(pool, name) for pool in pools]) for name in names}
    problems = np.unique([f"{pool.benchmark_id}\0{pool.problem_id}" for pool in pools], return_inverse=True)[1]
    return RuleFigures(
        problem_count=int(problems.max()) + 1,
        pool_count=len(pools),
        pass_at_1={name: under_both_rules(pools, name, published_top, shared_top) for name in names},
        mrr={name: under_both_rules(pools, name, published_reciprocal, shared_reciprocal) for name in names},
        lift={name: paired_lift(top[subject], [top[name]], problems) for name in controls},
        mrr_lift={name: paired_lift(reciprocal[subject], [reciprocal[name]], problems) for name in controls},
        lift_published_ties={name: _published_lift(pools, subject, name, settings) for name in controls}
        if settings
        else {},
        lift_over_best=_best_lift(top, subject, best, problems),
        constant_score=constant_score(pools),
        place=passing_place(pools),
    )


def paired_lift(subject: Floats, controls: Sequence[Floats], problems: NDArray[np.int64]) -> Lift:
    """Mean of the subject minus that of the best control, chosen in each resample, in points, problems drawn whole.

    Args: subject, controls: (Q,) each. problems: (Q,) codes.
    """
    sums = np.array(
        [np.bincount(problems, weights=row) for row in (subject, *controls)], dtype=np.float64
    )  # (1 + C, P)
    counts = np.bincount(problems).astype(np.float64)
    means = sums.sum(axis=1) / counts.sum()
    drawn = resampled_means(sums, counts, resamples=RESAMPLES)  # (R, 1 + C)
    lifts = 100 * (drawn[:, 0] - drawn[:, 1:].max(axis=1))
    return Lift(
        points=float(100 * (means[0] - means[1:].max())),
        ci95=bounded_interval(lifts, problems=len(counts), lowest=-100, highest=100),
        pool_count=len(problems),
        problem_count=len(counts),
    )


def _best_lift(
    top: dict[str, Floats], subject: str, names: Sequence[str], problems: NDArray[np.int64]
) -> BestLift | None:
    if not names:
        return None
    lift = paired_lift(top[subject], [top[name] for name in names], problems)
    return BestLift(control=max(names, key=lambda name: float(top[name].mean())), **lift.model_dump())


def _published_lift(pools: Sequence[Pool], subject: str, control: str, settings: RerankSettings) -> Lift:
    left, right = ({pool.pool_id: published_top(pool, name) for pool in pools} for name in (subject, control))
    mean = (sum(left.values()) - sum(right.values())) / len(left)
    return Lift(points=100 * mean, ci95=published_interval(left, right, settings))
