"""Ranked solution sets: shares by hand, ranks with ties, and refusals."""

import pytest

from codelewm_assets.core.errors import PackError
from codelewm_assets.core.records import PackRow, PoolMember
from codelewm_assets.dataset.pack import build_pack
from codelewm_assets.dataset.published import hashed_tokens
from codelewm_assets.dataset.solution_sets import solution_sets
from codelewm_assets_tests.factories import make_completion, make_labelled, make_problem, make_world

PROBLEM = make_problem(0).problem_id
ROW = build_pack([make_labelled(make_completion(make_problem(0), 1), passed=True)], {PROBLEM: make_problem(0)})[0]


def _rows(**passed: list[bool]) -> list[PackRow]:
    return [
        ROW.model_copy(update={"source_submission_id": name, "code_tokens": f"return {name}", "passed": result})
        for name, results in passed.items()
        for result in results
    ]


def _pool(*names: str, pool_id: str = "pool0") -> list[PoolMember]:
    return [
        PoolMember(pool_id=pool_id, problem_id=PROBLEM, benchmark_id="humaneval", completion_id=name, passed=False,
                   pool_kind="twin")
        for name in names
    ]  # fmt: skip


def test_solutions_are_ranked_by_the_share_of_inputs_that_they_pass_and_ties_share_a_rank() -> None:
    # a passes 1 of 2, b 2 of 2, c 1 of 2, d 0 of 2: b is first, a and c second, d fourth
    rows = _rows(a=[True, False], b=[True, True], c=[False, True], d=[False, False])
    (ranked,) = solution_sets(_pool("d", "c", "b", "a"), rows, {PROBLEM: 3})
    assert [(s.rank, s.completion_id, s.average_test_score) for s in ranked.all_solutions] == [
        (1, "b", 1.0), (2, "a", 0.5), (2, "c", 0.5), (4, "d", 0.0),
    ]  # fmt: skip
    assert (ranked.task_id, ranked.pool_id, ranked.fold) == (PROBLEM, "pool0", 3)
    assert ranked.all_solutions[0].solution == hashed_tokens("return b")


def test_pools_stand_in_the_order_of_their_ids_and_no_pool_gives_no_set() -> None:
    pools = [*_pool("a", pool_id="p1"), *_pool("a", pool_id="p0")]
    assert [ranked.pool_id for ranked in solution_sets(pools, _rows(a=[True]), {PROBLEM: 0})] == ["p0", "p1"]
    assert solution_sets([], _rows(a=[True]), {PROBLEM: 0}) == []


def test_a_member_that_is_not_in_the_pack_or_has_no_fold_is_refused() -> None:
    with pytest.raises(PackError, match=r"^b of pool0 is not in the pack or has no fold\. Rebuild"):
        solution_sets(_pool("b"), _rows(a=[True]), {PROBLEM: 0})
    with pytest.raises(PackError, match=r"^a of pool0 is not in the pack or has no fold\. Rebuild"):
        solution_sets(_pool("a"), _rows(a=[True]), {})


def test_every_pool_of_a_world_becomes_a_set_of_its_members() -> None:
    world = make_world(3)
    sets = solution_sets(world.pools, world.rows, {split.problem_id: split.fold for split in world.splits})
    assert sum(len(ranked.all_solutions) for ranked in sets) == len(world.pools)
    passing = {member.completion_id for member in world.pools if member.passed}
    assert {s.completion_id for ranked in sets for s in ranked.all_solutions if s.average_test_score == 1.0} == passing
