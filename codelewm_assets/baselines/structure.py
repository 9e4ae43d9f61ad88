"""Orders of a pool by its structure: likeness of programs to each other, length, place. None reads what a program does.

Each order is a score, higher = ranked first; an order and its reverse are both of interest. A pool in which one of them, or a
model fitted on them, finds the passing members tells how it was made, not what a scorer understands.
"""

import ast
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codelewm_assets.core.records import PackRow, PoolMember
from codelewm_assets.dataset.shingles import code_tokens, jaccard, shingles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIMILARITIES = ("raw", "alpha", "tree")
WITHIN = (
    *(f"{name}_{kind}" for name in ("consensus", "isolation", "nearer_of_pair") for kind in SIMILARITIES),
    "length", "token_count", "position", "completion_id",
)  # fmt: skip
"""Orders that read one pool."""
ACROSS = (
    "pool_count",
    *(f"{name}_{kind}" for name in ("other_pools", "problem_consensus") for kind in SIMILARITIES),
)
"""Orders that read all that is scored of the problem."""
FITTED = tuple(name for name in (*WITHIN, *ACROSS) if name not in ("position", "completion_id", "pool_count"))
"""Orders that the fitted model reads: likenesses and lengths."""

Scores = dict[str, list[float | None]]  # order → score of each member, in the pool's order; None: not defined


@dataclass(frozen=True, slots=True)
class _Program:
    grams: Mapping[str, frozenset[str]]  # similarity → features
    length: int
    token_count: int


def tree_features(code: str) -> frozenset[str]:
    """Productions of the syntax tree (a node's type and its children's), numbered when they repeat: a multiset as a set.

    Names and values of constants are no part of them. A text that does not parse has none.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    counts = Counter[str]()
    features = set[str]()
    for node in ast.walk(tree):
        children = " ".join(type(child).__name__ for child in ast.iter_child_nodes(node))
        production = f"{type(node).__name__}({children})"
        features.add(f"{production}#{counts[production]}")
        counts[production] += 1
    return frozenset(features)


def _program(code: str) -> _Program:
    tokens = code_tokens(code)
    raw = frozenset(" ".join(tokens[i : i + 3]) for i in range(max(1, len(tokens) - 2)))
    return _Program(
        {"raw": raw, "alpha": frozenset(shingles(code)), "tree": tree_features(code)}, len(code), len(tokens)
    )


def structure_scores(
    members: Sequence[PoolMember], codes: Mapping[str, str], scored: Mapping[str, Sequence[str]]
) -> dict[str, Scores]:
    """Every order on every pool.

    Args:
        members: of all pools, each pool's in its stored order.
        codes: completion id → program.
        scored: problem id → all completions of it that are scored or published, pool members among them.

    Returns: pool id → order → scores.
    """
    by_problem: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for member in members:
        by_problem[member.problem_id][member.pool_id].append(member.completion_id)
    found = dict[str, Scores]()
    for problem, pools in by_problem.items():
        names = sorted({*scored.get(problem, ()), *(name for pool in pools.values() for name in pool)})
        programs = {name: _program(codes[name]) for name in names}
        near = {kind: _likeness(programs, kind) for kind in SIMILARITIES}
        for pool_id, pool in pools.items():
            others = [name for other, own in pools.items() if other != pool_id for name in own if name not in pool]
            scores: Scores = {
                "length": [float(programs[name].length) for name in pool],
                "token_count": [float(programs[name].token_count) for name in pool],
                "position": [float(place) for place in range(len(pool))],
                "completion_id": [float(sorted(pool).index(name)) for name in pool],
                "pool_count": [float(sum(name in own for own in pools.values())) for name in pool],
            }
            for kind, like in near.items():
                scores |= {
                    f"consensus_{kind}": [_mean(like, name, pool) for name in pool],
                    f"isolation_{kind}": [_isolation(like, name, pool) for name in pool],
                    f"nearer_of_pair_{kind}": [_nearer(like, name, pool) for name in pool],
                    f"other_pools_{kind}": [_mean(like, name, others) for name in pool],
                    f"problem_consensus_{kind}": [_mean(like, name, names) for name in pool],
                }
            found[pool_id] = scores
    return found


def twin_pool_scores(members: Sequence[PoolMember], rows: Iterable[PackRow]) -> dict[str, Scores]:
    """Every order on the twin pools of a pack, beside all that is scored of their problems. Args: members, rows: all of them.

    Returns: pool id → order → scores, members in their stored order; those that are not in the pack are left out.
    """
    codes, scored = dict[str, str](), defaultdict[str, dict[str, None]](dict)
    for row in rows:
        codes[row.source_submission_id] = row.code_tokens
        if row.is_scored and row.twin:
            scored[row.source_problem_id][row.source_submission_id] = None
    twins = [member for member in members if member.pool_kind == "twin" and member.completion_id in codes]
    return structure_scores(twins, codes, {problem: list(names) for problem, names in scored.items()})


Likeness = Mapping[str, Mapping[str, float]]


def _likeness(programs: Mapping[str, _Program], kind: str) -> Likeness:
    like: dict[str, dict[str, float]] = {name: {} for name in programs}
    names = list(programs)
    for place, a in enumerate(names):
        for b in names[:place]:
            like[a][b] = like[b][a] = jaccard(programs[a].grams[kind], programs[b].grams[kind])
    return like


def _mean(like: Likeness, name: str, others: Sequence[str]) -> float | None:
    """Mean likeness to the others. fsum: equal programs have equal scores whatever their place."""
    values = [like[name][other] for other in others if other != name]
    return math.fsum(values) / len(values) if values else None


def _isolation(like: Likeness, name: str, pool: Sequence[str]) -> float | None:
    values = [like[name][other] for other in pool if other != name]
    return -max(values) if values else None


def _nearer(like: Likeness, name: str, pool: Sequence[str]) -> float | None:
    """Nearness of the member to the rest of its pool minus that of its nearest mate; mates at the same distance count alike."""
    rest = [other for other in pool if other != name]
    if len(rest) < 2:
        return None
    most = max(like[name][other] for other in rest)
    leads = []
    for mate in (other for other in rest if like[name][other] == most):
        third = [other for other in rest if other != mate]
        leads.append(math.fsum(like[name][other] for other in third) - math.fsum(like[mate][other] for other in third))
    return math.fsum(leads) / len(leads) / (len(rest) - 1)


@dataclass(frozen=True, slots=True)
class Reach:
    """Figures of an order on the pools of a benchmark.

    Attributes:
        pool_count: pools that it orders.
        chance: pass@1 of a random order on these.
        top: pass@1 of the order, ties shared.
        bottom: pass@1 of its reverse.
        auc: mean over pools of the probability that a passing member stands above a failing one.
    """

    pool_count: int
    chance: float
    top: float
    bottom: float
    auc: float


def reach(pools: Sequence[tuple[Sequence[float | None], Sequence[bool]]]) -> Reach | None:
    """Figures of an order. Args: pools: scores and labels of each. Returns: None when no pool has both classes and all scores."""
    rows = list[tuple[float, ...]]()  # chance, top, bottom, auc
    for scores, passed in pools:
        known = [score for score in scores if score is not None]
        if len(known) < len(scores) or len(set(passed)) < 2:
            continue
        right = [score for score, good in zip(known, passed, strict=True) if good]
        wrong = [score for score, good in zip(known, passed, strict=True) if not good]
        above = math.fsum((a > b) + (a == b) / 2 for a in right for b in wrong) / (len(right) * len(wrong))
        ends = [[good for s, good in zip(known, passed, strict=True) if s == end] for end in (max(known), min(known))]
        rows.append((len(right) / len(known), *(sum(tied) / len(tied) for tied in ends), above))
    if not rows:
        return None
    return Reach(len(rows), *(math.fsum(column) / len(rows) for column in zip(*rows, strict=True)))


def fitted_scores(
    pools: Mapping[str, Scores], passed: Mapping[str, Sequence[bool]], problem_of: Mapping[str, str], *, folds: int = 5
) -> dict[str, list[float | None]]:
    """Log-odds of passing by a model on the likenesses and lengths of `FITTED`, fitted on other problems' pools.

    An order counts by a member's deviation from the mean of its pool, over the pool's spread, and by the square of it.
    Source: scikit-learn's LogisticRegression and GroupKFold.

    Args:
        pools: pool id → order → scores.
        passed: pool id → labels.
        problem_of: pool id → problem.
        folds: parts by problem.

    Returns: pool id → scores; none when there are fewer problems than `folds`.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    names = sorted(pools)
    groups = [problem_of[name] for name in names for _ in passed[name]]
    if len(set(groups)) < folds:
        return {}
    x = np.concatenate(
        [deviations([pools[name][order] for order in FITTED]) for name in names]
    )  # (members, 2 · orders)
    y = np.array([good for name in names for good in passed[name]])
    scores = np.zeros(len(y))
    for train, test in GroupKFold(folds).split(x, y, groups):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
        scores[test] = model.fit(x[train], y[train]).decision_function(x[test])
    values = iter(scores.tolist())
    return {name: [next(values) for _ in passed[name]] for name in names}


def deviations(columns: Sequence[Sequence[float | None]]) -> "NDArray[np.float64]":
    """(members, 2 · columns) each score's deviation from its pool's mean over the pool's spread, and the square; None counts as 0.

    Args:
        columns: a pool's scores under each order.
    """
    import numpy as np

    standardised = list["NDArray[np.float64]"]()
    for scores in columns:
        values = np.array([0.0 if value is None else value for value in scores])
        spread = values.std()
        z = (values - values.mean()) / spread if spread > 1e-12 else np.zeros(len(values))
        standardised += [z, z**2]
    return np.stack(standardised, axis=1)
