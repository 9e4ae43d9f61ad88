"""Rerank pools: centred on a failing pivot, without the reference, only where there is something to rank."""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from codelewm_assets.baselines.controls import consensus_scores, length_score
from codelewm_assets.core.records import CompletionKind, LabelledCompletion, Outcome, PoolMember
from codelewm_assets.dataset.pools import make_pools
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import World, make_completion, make_labelled, make_problem, make_world

PROBLEM = make_problem(0)


@pytest.fixture(scope="module")
def world() -> World:
    """Forty problems of each benchmark."""
    return make_world()


def completion(
    number: int, *, passed: bool, code: str = "1 + 1", kind: CompletionKind = "rewrite", **changes: Any
) -> LabelledCompletion:
    return make_labelled(make_completion(PROBLEM, number, kind, code=code), passed=passed, **changes)


GOOD = [completion(n, passed=True, code=f"{n} ** 2") for n in range(3)]
BAD = [
    completion(3, passed=False, code="1 + 2 + 3"),
    completion(4, passed=False, code="1 + 2 + 3 + 4"),
    completion(5, passed=False, code="7 * 8 * 9"),
    completion(6, passed=False, code="1 + 2 + 5"),
]


def numbers(members: Sequence[PoolMember]) -> list[int]:
    return [int(m.completion_id[-1]) for m in members]


def make(items: Sequence[LabelledCompletion], *, passing: int, failing: int, pools: int = 1) -> list[PoolMember]:
    return make_pools(items, passing=passing, failing=failing, pools_per_problem=pools)


def by_pool(members: Sequence[PoolMember]) -> list[list[PoolMember]]:
    pools: dict[str, list[PoolMember]] = defaultdict(list)
    for member in members:
        pools[member.pool_id].append(member)
    return list(pools.values())


RELATIVES = {3: [4, 6, 5], 4: [3, 6, 5], 5: [3, 4, 6], 6: [3, 4, 5]}
"""Failing completions from the most alike on. Jaccard of 3-grams: 3–4 3/5, 3–6 2/4, 4–6 2/6, 5 with each 0; then by id."""


@pytest.mark.parametrize("failing", [2, 3, 4])
def test_a_pivot_is_joined_by_the_failing_completions_most_like_it(failing: int) -> None:
    pools = by_pool(make([*GOOD, *BAD], passing=1, failing=failing, pools=20))
    pivots = set()
    for pool in pools:
        (pivot,) = numbers([m for m in pool if m.is_pivot])
        pivots.add(pivot)
        others = set(numbers([m for m in pool if not m.passed])) - {pivot}
        assert len(others) == failing - 1 and others <= set(RELATIVES[pivot][: failing + 1])
    assert len(pivots) > (failing < 4)
    nearest = {tuple(sorted([pivot, *RELATIVES[pivot][: failing - 1]])) for pivot in RELATIVES}
    assert nearest <= {tuple(numbers([m for m in pool if not m.passed])) for pool in pools}


def test_a_pool_has_up_to_the_passing_members_asked_for() -> None:
    for passing in (1, 2, 3, 9):
        members = make([*GOOD, *BAD], passing=passing, failing=2)
        assert sum(m.passed for m in members) == min(passing, 3)


def test_each_pool_of_the_world_has_one_pivot_and_it_fails(world: World) -> None:
    pools = by_pool(world.pools)
    assert len(pools) == 80  # two passing and three failing completions of each: there is but one
    for members in pools:
        assert [m.passed for m in members if m.is_pivot] == [False]
        assert sum(m.passed for m in members) == 2
        assert len(members) == len({m.completion_id for m in members}) == 5


def test_pools_of_a_problem_differ_and_are_no_more_than_asked_for() -> None:
    """Six pairs of four failing members, each with one of three passing ones: 18 different pools at most."""
    pools = by_pool(make([*GOOD, *BAD], passing=1, failing=2, pools=20))
    assert len({tuple(numbers(pool)) for pool in pools}) == len(pools) and 9 <= len(pools) <= 18
    assert len(by_pool(make([*GOOD, *BAD], passing=1, failing=2, pools=3))) == 3


def shares(members: Sequence[PoolMember], score: dict[str, dict[str, float]]) -> tuple[float, float]:
    """Pass@1 of a score, and of chance, over all pools."""
    credits, chances = [], []
    for pool in by_pool(members):
        of = score[pool[0].pool_id]
        top = [m.passed for m in pool if of[m.completion_id] == max(of.values())]
        credits.append(sum(top) / len(top))
        chances.append(sum(m.passed for m in pool) / len(pool))
    return sum(credits) / len(credits), sum(chances) / len(chances)


def unbalanced_items() -> list[LabelledCompletion]:
    """Sixty problems with 8 programs that pass and 8 that fail: sums of a few terms, the passing ones shorter as a rule."""
    rng, items = random.Random(3), list[LabelledCompletion]()
    for problem in (make_problem(number) for number in range(60)):
        for number in range(16):
            passed = number < 8
            terms = rng.sample(range(40), rng.randint(4, 12) if passed else rng.randint(6, 16))
            code = f"def solve(x):\n    return {' + '.join(map(str, terms))}"
            items.append(make_labelled(make_completion(problem, number, "rewrite", code=code), passed=passed))
    return items


def test_agreement_and_size_find_the_passing_members_no_better_than_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    items = unbalanced_items()
    codes = {item.completion.completion_id: item.completion.code for item in items}

    def excess() -> list[float]:
        members = make(items, passing=4, failing=4, pools=3)
        pools = {pool[0].pool_id: {m.completion_id: codes[m.completion_id] for m in pool} for pool in by_pool(members)}
        consensus = {name: consensus_scores(pool) for name, pool in pools.items()}
        length = {name: {c: length_score(code) for c, code in pool.items()} for name, pool in pools.items()}
        return [found - chance for found, chance in (shares(members, s) for s in (consensus, length))]  # type: ignore[arg-type]

    assert all(abs(value) < 0.10 for value in excess())
    monkeypatch.setattr("codelewm_assets.dataset.pools.CANDIDATES_PER_POOL", 1)
    assert max(map(abs, excess())) > 0.30  # without a choice of draws, size alone does better than chance


def test_the_reference_is_never_a_member(world: World) -> None:
    references = {c.completion_id for c in world.completions if c.completion_kind == "reference"}
    assert len(references) == 80
    assert not references & {m.completion_id for m in world.pools}


def test_members_carry_their_own_label_problem_and_benchmark(world: World) -> None:
    of = {item.completion.completion_id: item for item in world.labelled}
    for member in world.pools:
        item = of[member.completion_id]
        assert member.passed == item.passed
        assert (member.problem_id, member.benchmark_id) == (item.completion.problem_id, item.completion.benchmark_id)


@each_case(
    "items",
    [
        [],
        BAD,
        [*GOOD, BAD[0]],
        [completion(0, passed=True, kind="reference"), *BAD],
        [completion(0, passed=True, is_deterministic=False, outcome="nondeterministic"), *BAD],
        [*GOOD, BAD[0], completion(4, passed=False, is_deterministic=False)],
    ],
    ids=[
        "nothing",
        "none passes",
        "one fails",
        "only the reference passes",
        "only an unstable one passes",
        "one of the two that fail is unstable",
    ],
)
def test_no_pool_without_a_passing_and_two_failing_members(items: list[LabelledCompletion]) -> None:
    assert make(items, passing=2, failing=3) == []


@each_case("outcome", ["timeout", "memory", "killed", "policy", "reference_error"])
def test_a_completion_that_was_stopped_is_not_a_member(outcome: Outcome) -> None:
    stopped = completion(7, passed=False, code="1 + 2 + 3", outcome=outcome)
    assert 7 not in numbers(make([*GOOD, *BAD, stopped], passing=3, failing=9))


def test_a_completion_that_raised_is_a_failing_member() -> None:
    raised = completion(7, passed=False, code="1 + 2 + 3", outcome="exception")
    assert 7 in numbers(make([*GOOD, *BAD, raised], passing=3, failing=9))


def test_pools_do_not_depend_on_the_order_of_completions(world: World) -> None:
    shuffled = list(world.labelled)
    random.Random(2).shuffle(shuffled)
    assert make(shuffled, passing=2, failing=3, pools=2) == list(world.pools)
