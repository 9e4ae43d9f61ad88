"""Twin pools: whole pairs of one bug a problem, only where every right side passes and every wrong side fails."""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from codelewm_assets.core.records import CompletionKind, LabelledCompletion, Outcome, PoolMember
from codelewm_assets.dataset.pools import make_pools
from codelewm_assets.dataset.twins import scored_completions, scored_pairs
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import World, make_completion, make_labelled, make_problem, make_world

PROBLEM = make_problem(0)


@pytest.fixture(scope="module")
def world() -> World:
    """Forty problems of each benchmark."""
    return make_world()


def side(bug: int, pair: int, kind: CompletionKind, **changes: Any) -> LabelledCompletion:
    """One side of a twin pair; completion c<bug><pair><0 right, 1 wrong>."""
    number = 100 * bug + 10 * pair + (kind == "mutant_1")
    completion = make_completion(PROBLEM, number, kind, bug=bug, twin=f"b{bug}p{pair}")
    return make_labelled(completion, **({"passed": kind == "rewrite"} | changes))


def twins(bug: int, pairs: int) -> list[LabelledCompletion]:
    """Pairs of a bug with the labels that were meant."""
    return [side(bug, pair, kind) for pair in range(pairs) for kind in ("rewrite", "mutant_1")]


def make(items: Sequence[LabelledCompletion], *, pairs: int = 2, pools: int = 2) -> list[list[PoolMember]]:
    """Members of each pool."""
    found: dict[str, list[PoolMember]] = defaultdict(list)
    for member in make_pools(items, pool_pairs=pairs, pools_per_problem=pools):
        found[member.pool_id].append(member)
    return list(found.values())


def names(pool: Sequence[PoolMember]) -> list[str]:
    """Numbers of the members, three digits each."""
    return [member.completion_id[-3:] for member in pool]


@pytest.mark.parametrize(
    ("count", "pairs", "pools", "sizes"),
    [(5, 3, 2, [3, 2]), (6, 3, 2, [3, 3]), (4, 3, 2, [2, 2]), (3, 3, 2, [3]), (3, 2, 2, [2]), (9, 3, 2, [3, 3]), (2, 4, 9, [2]),
     (8, 4, 1, [4])],
)  # fmt: skip
def test_pairs_are_spread_evenly_and_no_pool_has_fewer_than_two(
    count: int, pairs: int, pools: int, sizes: list[int]
) -> None:
    """Three pairs in pools of two leave one over, which is in no pool: with one pair alone no order by likeness is defined."""
    assert [len(pool) // 2 for pool in make(twins(0, count), pairs=pairs, pools=pools)] == sizes


def test_a_pool_holds_both_sides_of_each_of_its_pairs_and_pools_share_none() -> None:
    pools = make(twins(0, 6), pairs=3)
    assert len({name for pool in pools for name in names(pool)}) == 12
    for pool in pools:
        assert {name[:2] for name in names(pool) if name[2] == "0"} == {
            name[:2] for name in names(pool) if name[2] == "1"
        }
        assert [member.passed for member in pool] == [name[2] == "0" for name in names(pool)]
        assert names(pool) == sorted(names(pool)) and {member.pool_kind for member in pool} == {"twin"}


def test_a_problem_has_pools_of_one_bug_alone() -> None:
    pools = make([*twins(0, 4), *twins(1, 4), *twins(2, 4)])
    assert len({name[0] for pool in pools for name in names(pool)}) == 1


def test_which_bug_is_scored_is_drawn_by_problem() -> None:
    drawn = set()
    for number in range(20):
        problem = make_problem(number)
        items = [
            item.model_copy(
                update={"completion": item.completion.model_copy(update={"problem_id": problem.problem_id})}
            )
            for item in (*twins(0, 2), *twins(1, 2))
        ]
        ((_, pairs),) = scored_pairs(items).items()
        drawn.add(pairs[0][0].completion.bug)
    assert drawn == {0, 1}


@each_case(
    "fault",
    [
        side(0, 1, "mutant_1", passed=True),
        side(0, 1, "rewrite", passed=False),
        side(0, 1, "rewrite", is_deterministic=False, outcome="nondeterministic", passed=False),
        side(0, 1, "mutant_1", is_deterministic=False, outcome="nondeterministic"),
        *(side(0, 1, "mutant_1", outcome=outcome) for outcome in ("timeout", "memory", "killed", "policy", "reference_error")),
    ],
    ids=["a wrong side passes", "a right side fails", "a right side is unstable", "a wrong side is unstable",
         "timeout", "memory", "killed", "policy", "reference_error"],
)  # fmt: skip
def test_a_bug_with_one_wrong_label_is_not_scored_and_the_next_one_is(fault: LabelledCompletion) -> None:
    items = [item for item in twins(0, 3) if item.completion.completion_id != fault.completion.completion_id] + [fault]
    assert make(items) == []
    pools = make([*items, *twins(1, 3)])
    assert {name[0] for pool in pools for name in names(pool)} == {"1"}


@each_case("outcome", ["wrong_output", "exception"])
def test_a_wrong_side_may_answer_wrongly_or_raise(outcome: Outcome) -> None:
    items = [side(0, pair, "mutant_1", outcome=outcome) for pair in range(2)]
    assert len(make([*items, *(side(0, pair, "rewrite") for pair in range(2))])) == 1


def test_a_pair_without_its_other_side_spoils_its_bug() -> None:
    assert make(twins(0, 3)[:-1]) == []


def test_one_pair_is_no_pool_and_nothing_gives_none() -> None:
    assert make(twins(0, 1)) == make([]) == []


def test_scored_are_the_sides_of_the_scored_bug_alone(world: World) -> None:
    model = make_labelled(make_completion(PROBLEM, 900, "model"), passed=True)
    reference = make_labelled(make_completion(PROBLEM, 901, "reference"), passed=True)
    items = [*twins(0, 3), *twins(1, 3), model, reference]
    scored = {name[-3:] for name in scored_completions(items)}
    assert len(scored) == 6 and not scored & {"900", "901"}
    assert {name for pool in make(items) for name in names(pool)} <= scored


def test_members_carry_their_own_label_problem_and_benchmark(world: World) -> None:
    of = {item.completion.completion_id: item for item in world.labelled}
    assert len(world.pools) == 80 * 4
    for member in world.pools:
        item = of[member.completion_id]
        assert member.passed == item.passed
        assert (member.problem_id, member.benchmark_id) == (item.completion.problem_id, item.completion.benchmark_id)


def test_pools_do_not_depend_on_the_order_of_completions(world: World) -> None:
    shuffled = list(world.labelled)
    random.Random(2).shuffle(shuffled)
    assert make_pools(shuffled, pool_pairs=2, pools_per_problem=2) == list(world.pools)
