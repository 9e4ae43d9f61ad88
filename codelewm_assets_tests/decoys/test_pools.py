"""Rerank pools: centred on a failing pivot, without the reference, only where there is something to rank."""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from codelewm_assets.core.records import CompletionKind, LabelledCompletion, Outcome, PoolMember
from codelewm_assets.decoys.pools import jaccard, make_pools
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


def test_jaccard_by_hand() -> None:
    assert jaccard({"a", "b"}, {"b", "c"}) == pytest.approx(1 / 3)
    assert jaccard({"a"}, set()) == 0.0
    assert jaccard(set(), set()) == 1.0


@pytest.mark.parametrize(("failing", "wanted"), [(2, [3, 4]), (3, [3, 4, 6]), (9, [3, 4, 5, 6])])
def test_the_pivot_is_the_failing_one_nearest_to_the_other_failing_ones(failing: int, wanted: list[int]) -> None:
    """Jaccard: 3–4 3/5, 3–6 2/4, 4–6 2/6, 5 with each 0. Sums: 3 1.1, 4 0.93, 6 0.83, 5 0. So 3, then 4, then 6."""
    members = make_pools([*GOOD, *BAD], passing=1, failing=failing)
    assert numbers([m for m in members if not m.passed]) == wanted
    assert numbers([m for m in members if m.is_pivot]) == [3]


def test_a_pool_has_up_to_the_passing_members_asked_for() -> None:
    for passing in (1, 2, 3, 9):
        members = make_pools([*GOOD, *BAD], passing=passing, failing=2)
        assert sum(m.passed for m in members) == min(passing, 3)


def test_each_pool_of_the_world_has_one_pivot_and_it_fails(world: World) -> None:
    pools: dict[str, list[PoolMember]] = defaultdict(list)
    for member in world.pools:
        pools[member.pool_id].append(member)
    assert len(pools) == 80
    for members in pools.values():
        assert [m.passed for m in members if m.is_pivot] == [False]
        assert sum(m.passed for m in members) == 2
        assert len(members) == len({m.completion_id for m in members}) == 5


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


@pytest.mark.parametrize(
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
    assert make_pools(items, passing=2, failing=3) == []


@pytest.mark.parametrize("outcome", ["timeout", "memory", "killed", "policy", "reference_error"])
def test_a_completion_that_was_stopped_is_not_a_member(outcome: Outcome) -> None:
    stopped = completion(7, passed=False, code="1 + 2 + 3", outcome=outcome)
    assert 7 not in numbers(make_pools([*GOOD, *BAD, stopped], passing=3, failing=9))


def test_a_completion_that_raised_is_a_failing_member() -> None:
    raised = completion(7, passed=False, code="1 + 2 + 3", outcome="exception")
    assert 7 in numbers(make_pools([*GOOD, *BAD, raised], passing=3, failing=9))


def test_pools_do_not_depend_on_the_order_of_completions(world: World) -> None:
    shuffled = list(world.labelled)
    random.Random(2).shuffle(shuffled)
    assert make_pools(shuffled, passing=2, failing=3) == list(world.pools)
