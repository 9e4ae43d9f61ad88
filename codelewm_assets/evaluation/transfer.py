"""Transfer of a scorer to operators that it was not trained on, and its order where an edit changed nothing.

Shapes: P problems, F operator families, R resamples.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.records import PackRow, Record
from codelewm_assets.evaluation.bootstrap import bounded_interval, problem_draws, resampled_means
from codelewm_assets.evaluation.reports import EquivalentEdits, FamilyTransfer, Lift, TransferReport
from codelewm_assets.evaluation.rerank import top_share
from codelewm_assets.evaluation.rows import ScoreRow

CONTROL = "lm"


@dataclass(frozen=True, slots=True)
class EquivalentPair:
    """A twin pair of which both sides pass on all inputs. `unedited`, `edited`: completion ids; a bug was tried on the latter."""

    problem_id: str
    unedited: str
    edited: str


class TwinScore(Record):
    """CodeLeWM's score of a twin that is asked about edits that change nothing."""

    completion_id: str  # the twin
    p_pass: float  # mean over its inputs


def equivalent_pairs(pack: Iterable[PackRow]) -> list[EquivalentPair]:
    """The pairs of a pack, in the order of problems and twins."""
    sides: dict[bool, dict[tuple[str, str], str]] = {True: {}, False: {}}
    for row in pack:
        if row.twin is not None and row.completion_passed:
            is_edited = row.completion_kind == "mutant_1"
            sides[is_edited].setdefault((row.source_problem_id, row.twin), row.source_submission_id)
    return [
        EquivalentPair(problem, sides[False][problem, twin], edited)
        for (problem, twin), edited in sorted(sides[True].items())
        if (problem, twin) in sides[False]
    ]


def with_pool_family(rows: Iterable[ScoreRow]) -> list[ScoreRow]:
    """Members of twin pools, each with the operator family of its pool's bug; pools with several families are excluded."""
    pools: dict[tuple[str, str | None], list[ScoreRow]] = {}
    for row in rows:
        pools.setdefault((row.problem_id, row.pool_id), []).append(row)
    families = {
        pool: {row.operator_family for row in members if row.completion_kind == "mutant_1"}
        for pool, members in pools.items()
    }
    return [
        row.model_copy(update={"operator_family": next(iter(families[pool]))})
        for pool, members in pools.items()
        for row in members
        if len(families[pool]) == 1
    ]


def transfer_report(
    unseen: Iterable[ScoreRow],
    pairs: Sequence[EquivalentPair],
    scores: Mapping[str, float],
    *,
    subject: str,
    seed: int,
    resamples: int,
) -> TransferReport:
    """The report of one scorer on one seed.

    Args:
        unseen: pool members, `operator_family` the family that the scorer of this row was trained without; a pool counts when
            all of its members have the subject's score and that of `lm`.
        pairs: of programs that both pass.
        scores: the subject's of each completion; pairs without both are counted, and excluded.
        subject: the scorer's name in the rows.
    """
    members = list(unseen)
    families, mean_lift = _families(members, subject, resamples)
    return TransferReport(
        seed=seed,
        subject=subject,
        families=families,
        asked_pool_count=len({(row.problem_id, row.pool_id) for row in members}),
        mean_lift=mean_lift,
        equivalent=equivalent_edits(pairs, scores, resamples),
    )


def _families(rows: Iterable[ScoreRow], subject: str, resamples: int) -> tuple[dict[str, FamilyTransfer], Lift | None]:
    pools: dict[tuple[str, str, str], list[ScoreRow]] = {}
    for row in rows:
        key = (row.operator_family or "", row.problem_id, row.pool_id or "")
        pools.setdefault(key, []).append(row)
    credits = list[tuple[str, str, float, float]]()  # family, problem, subject's credit, control's
    for (family, problem, _), members in sorted(pools.items()):
        scores = [(row.finite(subject), row.finite(CONTROL), row.passed) for row in members]
        known = [(ours, theirs, passed) for ours, theirs, passed in scores if ours is not None and theirs is not None]
        if len(known) == len(scores):
            ours, theirs = top_share([(a, p) for a, _, p in known]), top_share([(b, p) for _, b, p in known])
            credits.append((family, problem, ours, theirs))
    if not credits:
        return {}, None
    names, family_of = np.unique([row[0] for row in credits], return_inverse=True)
    problems, problem_of = np.unique([row[1] for row in credits], return_inverse=True)
    both = np.array([row[2:] for row in credits])  # (Q, 2)
    shape = (len(names), len(problems))
    counts, sums = np.zeros(shape), np.zeros(shape)  # (F, P)
    np.add.at(counts, (family_of, problem_of), 1)
    np.add.at(sums, (family_of, problem_of), both[:, 0] - both[:, 1])
    drawn = _family_means(sums, counts, resamples)  # (R, F)
    means = sums.sum(axis=1) / counts.sum(axis=1)
    families = {
        str(name): FamilyTransfer(
            problem_count=int((counts[f] > 0).sum()),
            pool_count=int(counts[f].sum()),
            pass_at_1=float(both[family_of == f, 0].mean()),
            lm=float(both[family_of == f, 1].mean()),
            lift=_lift(means[f], drawn[np.isfinite(drawn[:, f]), f], pools=counts[f]),
        )
        for f, name in enumerate(names)
    }
    return families, _lift(means.mean(), np.nanmean(drawn, axis=1), pools=counts.sum(axis=0))


def _lift(mean: float, drawn: NDArray[np.float64], *, pools: NDArray[np.float64]) -> Lift:
    """In points. Args: drawn: (R,) of the resamples. pools: (P,) of each problem."""
    problems = int((pools > 0).sum())
    return Lift(
        points=float(100 * mean),
        ci95=bounded_interval(100 * drawn, problems=problems, lowest=-100, highest=100),
        pool_count=int(pools.sum()),
        problem_count=problems,
    )


def _family_means(sums: NDArray[np.float64], counts: NDArray[np.float64], resamples: int) -> NDArray[np.float64]:
    """(R, F) mean of each family's pools over problems drawn with replacement; NaN where a draw has none of a family."""
    times = problem_draws(counts.shape[1], resamples=resamples)  # (R, P)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((times @ sums.T) / (times @ counts.T))


def equivalent_edits(
    pairs: Sequence[EquivalentPair], scores: Mapping[str, float], resamples: int
) -> EquivalentEdits | None:
    """Share of pairs in which the unedited program has the higher score, ties counted half; None without scored pairs."""
    scored = [pair for pair in pairs if pair.unedited in scores and pair.edited in scores]
    if not scored:
        return None
    both = np.array([(scores[pair.unedited], scores[pair.edited]) for pair in scored])  # (N, 2)
    wins = (both[:, 0] > both[:, 1]) + 0.5 * (both[:, 0] == both[:, 1])
    names, code = np.unique([pair.problem_id for pair in scored], return_inverse=True)
    sums, counts = np.bincount(code, weights=wins)[None], np.bincount(code).astype(np.float64)
    drawn = resampled_means(sums.astype(np.float64), counts, resamples=resamples)[:, 0]
    return EquivalentEdits(
        pair_count=len(scored),
        asked_pair_count=len(pairs),
        problem_count=len(names),
        auc=float(wins.mean()),
        auc_ci95=bounded_interval(drawn, problems=len(names), lowest=0, highest=1),
    )
