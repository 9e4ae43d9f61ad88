"""Reranking: pass@1 and MRR of pools ordered by p_pass, against the controls.

Shapes: Q pools, P problems, R resamples.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.baselines.controls import reciprocal_rank
from codelewm_assets.core.ids import ABLATIONS
from codelewm_assets.evaluation.bootstrap import BOOTSTRAP_SEED, bounded_interval, resampled_means
from codelewm_assets.evaluation.intervals import Clusters, mean_influence, standard_error
from codelewm_assets.evaluation.reports import BenchmarkRerank, Lift, NullTest, Power, RerankReport
from codelewm_assets.evaluation.rows import MODEL_SCORES
from codelewm_assets.evaluation.score_table import ScoreTable

PERMUTATIONS = 200
GATE_POINTS = 3.0  # as in claims/register.py, which a test compares
SATURATED_AT = 0.95
"""A control at or above this pass@1 leaves under five points of room: less than two lifts of the size claimed."""
Z_INTERVAL, Z_POWER = 1.959963984540054, 0.8416212335729143  # two-sided 5%, and 80% of runs

Pool = Sequence[tuple[float, bool]]


def top_share(pool: Pool) -> float:
    """Mean of `passed` over the tied top. Args: pool: not empty."""
    top = max(score for score, _ in pool)
    tied = [passed for score, passed in pool if score == top]
    return sum(tied) / len(tied)


Floats = NDArray[np.float64]


def correlations(scores: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """(Spearman's rho, Kendall's tau-b) of the scores of a pool's members and the shares of inputs that they pass.

    A score that is equal for all members orders nothing: 0. NaN where all shares are equal: no order is the right one.

    Args:
        scores, shares: (…, M) of M members.
    Returns: two arrays (…).
    """
    signs, expected = (np.sign(values[..., :, None] - values[..., None, :]) for values in (scores, shares))
    ranks, right = signs.sum(axis=-1), expected.sum(axis=-1)  # (…, M) twice the average ranks, about 0
    both = np.stack([(ranks * right).sum(axis=-1), (signs * expected).sum(axis=(-2, -1))])
    ours = np.stack([(ranks**2).sum(axis=-1), (signs**2).sum(axis=(-2, -1))])
    theirs = np.stack([(right**2).sum(axis=-1), (expected**2).sum(axis=(-2, -1))])
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.where(theirs == 0, np.nan, np.where(ours == 0, 0.0, both / np.sqrt(ours * theirs)))
    return values[0], values[1]


def bottom_share(scores: Floats, shares: Floats) -> Floats:
    """Mean share of inputs passed over the tied bottom. Args: scores, shares: (…, M), M ≥ 1. Returns: (…)."""
    lowest = scores == scores.min(axis=-1, keepdims=True)
    return np.asarray((shares * lowest).sum(axis=-1) / lowest.sum(axis=-1))


@dataclass(frozen=True, slots=True)
class _Credits:
    """Figures of each score on each pool (Q,), NaN if a member lacks it; `problem` (Q,) codes of the pools' problems."""

    problem: NDArray[np.int64]
    top: dict[str, NDArray[np.float64]]
    reciprocal: dict[str, NDArray[np.float64]]
    spearman: dict[str, NDArray[np.float64]]
    kendall: dict[str, NDArray[np.float64]]
    bottom: dict[str, NDArray[np.float64]]

    @classmethod
    def of(cls, table: ScoreTable) -> "_Credits":
        starts = np.flatnonzero(np.r_[True, table.pool[1:] != table.pool[:-1]]) if len(table) else np.zeros(0, np.int64)
        sizes = np.diff([*starts, len(table)]) if len(table) else starts
        passed = table.passed.tolist()
        credits = cls(table.problem[starts], {}, {}, {}, {}, {})
        for name, column in table.scores.items():
            whole = np.logical_and.reduceat(np.isfinite(column), starts) if len(starts) else np.zeros(0, bool)
            figures = np.full((4, len(starts)), np.nan)  # top, Spearman, Kendall, bottom
            for size in np.unique(sizes[whole]):
                pools = np.flatnonzero(whole & (sizes == size))
                members = starts[pools][:, None] + np.arange(size)  # (Q', M)
                scores, shares = column[members], table.share[members]
                top = scores == scores.max(axis=1, keepdims=True)
                figures[0, pools] = (table.passed[members] & top).sum(axis=1) / top.sum(axis=1)
                figures[1, pools], figures[2, pools] = correlations(scores, shares)
                figures[3, pools] = bottom_share(scores, shares)
            values = column.tolist()
            spans = zip(starts.tolist(), (starts + sizes).tolist(), whole.tolist(), strict=True)
            credits.reciprocal[name] = np.array(
                [
                    reciprocal_rank(list(zip(values[a:b], passed[a:b], strict=True))) if w else np.nan
                    for a, b, w in spans
                ]
            )
            credits.top[name], credits.spearman[name], credits.kendall[name], credits.bottom[name] = figures
        return credits


def rerank_benchmark(
    table: ScoreTable, *, label: str, resamples: int, subject: str = "p_pass", candidates: Collection[str] = ()
) -> BenchmarkRerank:
    """Reranking on the pools of one benchmark; a pool counts for a score only when all its members have it.

    Figures are means over pools. A lift is the difference of two such means on the pools of the subject, the score to compare
    with the others; its interval resamples problems with all their pools, with the same draws for both sides. A score that
    lacks a pool of the subject is not compared: its lift would rest on fewer pools than the others' do. Ablations and other
    candidates are no controls. If no control has every pool of the subject, there is no lift over the best one, and the best
    is chosen among all controls.

    Args:
        candidates: scores that are shown beside the subject and are no controls of it.
    """
    credits = _Credits.of(table)
    top = {name: _mean(values) for name, values in credits.top.items()}
    others = [name for name, value in top.items() if name not in (subject, *MODEL_SCORES) and value is not None]
    controls = [name for name in others if name not in ABLATIONS and name not in candidates]
    ours = np.isfinite(credits.top[subject]) if subject in credits.top else np.zeros(len(credits.problem), dtype=bool)
    asked = [name for name in credits.top if name not in (subject, *MODEL_SCORES)]
    pools = {name: int(np.isfinite(credits.top[name][ours]).sum()) for name in asked}
    compared = [name for name in others if pools[name] == ours.sum()]
    complete = [name for name in controls if name in compared]
    best = max(complete or controls, key=lambda name: top[name] or 0.0, default=None)
    best_value = top[best] if best is not None else None
    lifts = {name: _lift(credits.top, subject, [name], credits.problem, resamples) for name in compared}
    mrr_lifts = {name: _lift(credits.reciprocal, subject, [name], credits.problem, resamples) for name in compared}
    return BenchmarkRerank(
        benchmark_label=label,
        problem_count=table.problem_count,
        pool_count=len(credits.problem),
        pass_at_1=top,
        mrr={name: _mean(values) for name, values in credits.reciprocal.items()},
        spearman={name: _mean(values) for name, values in credits.spearman.items()},
        kendall={name: _mean(values) for name, values in credits.kendall.items()},
        bottom_1={name: _mean(values) for name, values in credits.bottom.items()},
        lift={name: lift for name, lift in lifts.items() if lift is not None},
        mrr_lift={name: lift for name, lift in mrr_lifts.items() if lift is not None},
        not_compared={name: count for name, count in pools.items() if count < ours.sum()},
        best_control=best,
        lift_over_best_control=_lift(credits.top, subject, complete, credits.problem, resamples) if complete else None,
        mrr_lift_over_best_control=(
            _lift(credits.reciprocal, subject, complete, credits.problem, resamples) if complete else None
        ),
        power=None if best is None else _power(credits.top, subject, best, credits.problem),
        null=null_test(table, subject, complete, points=GATE_POINTS, resamples=resamples)
        if complete and ours.any()
        else None,
        complete_pool_count={name: int(np.isfinite(values).sum()) for name, values in credits.top.items()},
        saturated=None if best_value is None else best_value >= SATURATED_AT,
    )


def null_test(
    table: ScoreTable, subject: str, controls: Sequence[str], *, points: float, resamples: int
) -> NullTest | None:
    """Rate at which a lift over the best control would open the gate if labels meant nothing.

    Labels are dealt anew within each pool, for subject and controls alike, and the lift and its interval computed as they
    are for the real labels.

    Args:
        controls: scores that every pool of the subject has.
        points: the lift that the gate asks for.
    Returns: None without pools of the subject.
    """
    from scipy.stats import beta

    if subject not in table.scores:
        return None
    names = [subject, *controls]
    starts = np.flatnonzero(np.r_[True, table.pool[1:] != table.pool[:-1]]) if len(table) else np.zeros(0, np.int64)
    sizes = np.diff([*starts, len(table)]) if len(table) else starts
    finite = np.all([np.isfinite(table.scores[name]) for name in names], axis=0) if len(table) else np.zeros(0, bool)
    whole = np.logical_and.reduceat(finite, starts) if len(starts) else np.zeros(0, bool)
    if not whole.any():
        return None
    credits = np.zeros((len(names), PERMUTATIONS, len(starts)))
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    for size in np.unique(sizes[whole]):
        pools = np.flatnonzero(whole & (sizes == size))
        members = starts[pools][:, None] + np.arange(size)  # (Q', M)
        labels = np.broadcast_to(table.passed[members], (PERMUTATIONS, *members.shape))
        dealt = generator.permuted(labels, axis=2).astype(np.float64)  # (N, Q', M)
        for row, name in enumerate(names):
            scores = table.scores[name][members]
            top = scores == scores.max(axis=1, keepdims=True)
            credits[row][:, pools] = (dealt * top).sum(axis=2) / top.sum(axis=1)
    _, code = np.unique(table.problem[starts][whole], return_inverse=True)
    problems = code.max() + 1
    member = np.zeros((len(code), problems))
    member[np.arange(len(code)), code] = 1
    sums, counts = credits[:, :, whole] @ member, member.sum(axis=0)  # (S, N, P), (P,)
    drawn = resampled_means(sums.reshape(-1, problems), counts, resamples=resamples)
    drawn = drawn.reshape(resamples, len(names), PERMUTATIONS)
    lift = 100 * (drawn[:, 0] - drawn[:, 1:].max(axis=1))  # (R, N)
    means = sums.sum(axis=2) / counts.sum()  # (S, N)
    opens = (100 * (means[0] - means[1:].max(axis=0)) >= points) & (np.percentile(lift, 2.5, axis=0) > 0)
    count = int(opens.sum())
    return NullTest(
        permutations=PERMUTATIONS,
        openings=count,
        upper_bound=1.0 if count == PERMUTATIONS else float(beta.ppf(0.95, count + 1, PERMUTATIONS - count)),
    )


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _lift(
    figures: Mapping[str, NDArray[np.float64]],
    subject: str,
    controls: Sequence[str],
    problem: NDArray[np.int64],
    resamples: int,
) -> Lift | None:
    """The subject minus the best control, chosen in each resample, on the pools that all of them have."""
    if subject not in figures:
        return None
    values = np.stack([figures[subject], *(figures[name] for name in controls)])  # (1 + C, Q)
    shared = np.isfinite(values).all(axis=0)
    if not shared.any():
        return None
    _, code = np.unique(problem[shared], return_inverse=True)
    sums = np.stack(
        [np.bincount(code, weights=row) for row in values[:, shared]], dtype=np.float64, casting="same_kind"
    )  # (1 + C, P)
    counts = np.asarray(np.bincount(code), dtype=np.float64)
    means = sums.sum(axis=1) / counts.sum()
    drawn = resampled_means(sums, counts, resamples=resamples)  # (R, 1 + C)
    lifts = 100 * (drawn[:, 0] - drawn[:, 1:].max(axis=1))
    return Lift(
        points=float(100 * (means[0] - means[1:].max())),
        ci95=bounded_interval(lifts, problems=len(counts), lowest=-100, highest=100),
        pool_count=int(shared.sum()),
        problem_count=len(counts),
    )


def _power(
    figures: Mapping[str, NDArray[np.float64]], subject: str, control: str, problem: NDArray[np.int64]
) -> Power | None:
    if subject not in figures:
        return None
    difference = figures[subject] - figures[control]
    known = np.isfinite(difference)
    if not known.any():
        return None
    error = standard_error(mean_influence(100 * difference[known])[1], Clusters.of(problem[known]))
    if error is None:
        return None
    return Power(standard_error_points=error, minimum_detectable_effect_points=(Z_INTERVAL + Z_POWER) * error)


def rerank_report(
    table: ScoreTable,
    *,
    seed: int | None,
    resamples: int,
    labels: Mapping[str, str] | None = None,
    subject: str = "p_pass",
    candidates: Collection[str] = (),
    named_controls: Sequence[str] = (),
) -> RerankReport:
    """The report by benchmark.

    Args:
        labels: benchmark id → its name in reports; the id itself where absent.
        subject: the score that is compared with the controls.
        candidates: other candidates, which are no controls.
        named_controls: controls of a profile, which the gate asks for in every pool as it does for those of the project.
    """
    return RerankReport(
        seed=seed,
        subject=subject,
        named_controls=tuple(named_controls),
        resamples=resamples,
        benchmarks={
            b: rerank_benchmark(
                table.take(table.benchmark.where(b)),
                label=(labels or {}).get(b, b),
                resamples=resamples,
                subject=subject,
                candidates=candidates,
            )
            for b in table.benchmark.names
        },
    )
