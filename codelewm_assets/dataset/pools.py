"""Rerank pools centred on a failing pivot, balanced so that neither agreement with the pool nor size identifies passing members.

Correct rewrites cluster round the reference, so pools centred on it would be solved by a control that learns nothing.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.records import LabelledCompletion, PoolMember
from codelewm_assets.dataset.shingles import jaccard, shingles

CANDIDATES_PER_POOL = 32  # draws of a pool, of which the most balanced is used
USABLE_OUTCOMES = ("pass", "wrong_output", "exception")  # stopped programs are excluded


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A candidate pool: indices into a problem's completions, its pivot, and each control's excess over chance."""

    members: tuple[int, ...]
    pivot: int
    excess: tuple[float, float]  # consensus, length: credit of the tied top minus the pool's share of passing members


def make_pools(
    labelled: Sequence[LabelledCompletion], *, passing: int, failing: int, pools_per_problem: int
) -> list[PoolMember]:
    """Up to `pools_per_problem` different pools for each problem with a passing and two failing deterministic completions.

    A pool holds a failing pivot and the failing completions most similar to it (relatives of the same bug: A, A+B, A+C),
    `failing` in all, and up to `passing` passing ones. Draws are selected so that within the problem the consensus and length
    controls perform at chance; a remaining imbalance has a sign fixed by a hash. A problem's pools depend only on its own
    completions. The reference is never a member.

    Args:
        passing: maximum number of passing members of a pool, at least 1.
        failing: maximum number of failing members, including the pivot, at least 2.
    """
    by_problem: dict[str, list[LabelledCompletion]] = defaultdict(list)
    for item in labelled:
        is_usable = item.is_deterministic and item.completion.completion_kind != "reference"
        if is_usable and item.outcome in USABLE_OUTCOMES:
            by_problem[item.completion.problem_id].append(item)
    members: list[PoolMember] = []
    for problem_id in sorted(by_problem):
        items = sorted(by_problem[problem_id], key=lambda item: item.completion.completion_id)
        candidates = list(_candidates(items, passing, failing, CANDIDATES_PER_POOL * pools_per_problem))
        for number, chosen in enumerate(_balanced(problem_id, candidates, pools_per_problem)):
            members += _members(f"{problem_id}::pool{number}", items, chosen)
    return members


def _candidates(items: Sequence[LabelledCompletion], passing: int, failing: int, draws: int) -> Iterator[_Candidate]:
    good = [index for index, item in enumerate(items) if item.passed]
    bad = [index for index, item in enumerate(items) if not item.passed]
    if not good or len(bad) < 2:
        return
    grams = [shingles(item.completion.code) for item in items]
    near = {(a, b): jaccard(grams[a], grams[b]) for a in range(len(items)) for b in range(a)}
    near |= {(b, a): value for (a, b), value in near.items()}
    lengths = [len(item.completion.code) for item in items]
    names = [item.completion.completion_id for item in items]
    pivots = sorted(bad, key=lambda index: unit_interval("pivot", names[index]))
    seen: set[tuple[int, ...]] = set()
    for draw in range(draws):
        pivot = pivots[draw % len(pivots)]
        others = sorted((i for i in bad if i != pivot), key=lambda i: (-near[pivot, i], names[i]))
        turn = draw // len(pivots)
        if turn % 4 >= 2:  # relatives still, but not always the nearest: a short one may be too short to be matched
            others = sorted(others[: failing + 1], key=lambda i: unit_interval("relative", str(draw), names[i]))
        wrong = [pivot, *others[: failing - 1]]
        drawn = sorted(good, key=lambda i: unit_interval("passing member", str(draw), names[i]))
        if turn % 2:
            drawn = _size_matched(drawn, wrong, lengths)
        chosen = tuple(sorted([*wrong, *drawn[:passing]]))
        if chosen not in seen:
            seen.add(chosen)
            yield _Candidate(chosen, pivot, _excess(chosen, items, near, lengths))


def _size_matched(drawn: Sequence[int], wrong: Sequence[int], lengths: Sequence[int]) -> list[int]:
    """Passing members reordered: each is the nearest in length to the next failing member, cyclically."""
    left, matched = list(drawn), list[int]()
    while left:
        target_length = lengths[wrong[len(matched) % len(wrong)]]
        matched.append(min(left, key=lambda i: abs(lengths[i] - target_length)))
        left.remove(matched[-1])
    return matched


def _excess(
    chosen: tuple[int, ...],
    items: Sequence[LabelledCompletion],
    near: Mapping[tuple[int, int], float],
    lengths: Sequence[int],
) -> tuple[float, float]:
    chance = sum(items[i].passed for i in chosen) / len(chosen)
    agreement = [math.fsum(near[i, j] for j in chosen if j != i) for i in chosen]
    shortness = [-float(lengths[i]) for i in chosen]
    passed = [items[i].passed for i in chosen]
    return _credit(agreement, passed) - chance, _credit(shortness, passed) - chance


def _credit(scores: Sequence[float], passed: Sequence[bool]) -> float:
    """Share of passing members among those tied at the top."""
    top = [good for score, good in zip(scores, passed, strict=True) if score == max(scores)]
    return sum(top) / len(top)


def _balanced(problem_id: str, candidates: Sequence[_Candidate], count: int) -> list[_Candidate]:
    """Up to `count` candidates, greedily chosen to bring the sums of both excesses to zero."""
    # Sums are seldom exactly zero; random starting values per problem give the residuals either sign.
    sums = [unit_interval(name, problem_id) - 0.5 for name in ("consensus", "length")]
    left, chosen = list(candidates), list[_Candidate]()
    while left and len(chosen) < count:
        best = min(left, key=lambda candidate: sum(abs(a + b) for a, b in zip(sums, candidate.excess, strict=True)))
        left.remove(best)
        chosen.append(best)
        sums = [a + b for a, b in zip(sums, best.excess, strict=True)]
    return chosen


def _members(pool_id: str, items: Sequence[LabelledCompletion], chosen: _Candidate) -> list[PoolMember]:
    return [
        PoolMember(
            pool_id=pool_id,
            problem_id=items[index].completion.problem_id,
            benchmark_id=items[index].completion.benchmark_id,
            completion_id=items[index].completion.completion_id,
            passed=items[index].passed,
            is_pivot=index == chosen.pivot,
        )
        for index in chosen.members
    ]
