"""Folds: every problem has one, near-duplicates share it, every stratum is in each, and order does not matter."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping

import pytest

from codelewm_assets.core.errors import PackError
from codelewm_assets.core.ids import FOLDS
from codelewm_assets.splits.folds import ProblemSplit, assign_folds
from codelewm_assets_tests.factories import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    """Forty problems of each benchmark."""
    return make_world()


@pytest.fixture(scope="module")
def doubled(world: World) -> dict[str, str]:
    """References of which HumanEval's 2n and 2n+1, and MBPP's n with HumanEval's 2n for n < 5, are renamed copies."""
    references = dict(world.references)
    for number in range(0, 40, 2):
        references[f"humaneval/{number + 1:03d}"] = references[f"humaneval/{number:03d}"].replace("solve", "answer")
    for number in range(5):
        references[f"mbpp_plus/{number:03d}"] = references[f"humaneval/{2 * number:03d}"].replace("x", "value")
    return references


def folds(world: World, references: Mapping[str, str], seed: int = 0) -> list[ProblemSplit]:
    return assign_folds(world.rows, references, threshold=0.7, seed=seed)


def test_every_problem_of_the_pack_has_one_fold_and_its_benchmark(world: World) -> None:
    assert [s.problem_id for s in world.splits] == sorted(world.references)
    assert all(s.problem_id.startswith(s.benchmark_id + "/") for s in world.splits)
    assert {s.fold for s in world.splits} == set(FOLDS)


def test_every_stratum_is_in_every_fold(world: World) -> None:
    fold = {s.problem_id: s.fold for s in world.splits}
    strata: dict[tuple[str, bool, str], Counter[int]] = defaultdict(Counter)
    for row in world.rows:
        strata[row.source_dataset, row.passed, row.output_magnitude_bucket][fold[row.source_problem_id]] += 1
    assert len(strata) >= 2 * 2 * 4
    for stratum, counts in strata.items():
        assert set(counts) == set(FOLDS), stratum


def test_each_fold_has_a_fifth_of_the_rows(world: World) -> None:
    """Eighty like problems of 30 rows: 2400 / 5 = 480 a fold."""
    fold = {s.problem_id: s.fold for s in world.splits}
    assert set(Counter(fold[r.source_problem_id] for r in world.rows).values()) == {480}


def test_near_duplicates_share_cluster_and_fold_across_benchmarks(world: World, doubled: dict[str, str]) -> None:
    split = {s.problem_id: s for s in folds(world, doubled)}
    for number in range(0, 40, 2):
        a, b = split[f"humaneval/{number:03d}"], split[f"humaneval/{number + 1:03d}"]
        assert (a.cluster, a.fold) == (b.cluster, b.fold)
    for number in range(5):
        a, b = split[f"mbpp_plus/{number:03d}"], split[f"humaneval/{2 * number:03d}"]
        assert (a.cluster, a.fold) == (b.cluster, b.fold)
    assert len({s.cluster for s in split.values()}) == 80 - 20 - 5


def test_the_order_of_rows_and_references_does_not_matter(world: World, doubled: dict[str, str]) -> None:
    rows = list(world.rows)
    random.Random(3).shuffle(rows)
    backwards = dict(reversed(doubled.items()))
    assert assign_folds(rows, backwards, threshold=0.7, seed=0) == folds(world, doubled)


def test_the_seed_draws_the_folds(world: World) -> None:
    assert folds(world, world.references, seed=1) == folds(world, world.references, seed=1)
    assert folds(world, world.references, seed=1) != folds(world, world.references, seed=0)


def test_references_of_problems_outside_the_pack_do_not_matter(world: World) -> None:
    assert folds(world, world.references | {"humaneval/999": "def f(): pass"}) == list(world.splits)


def test_fewer_clusters_than_folds_are_refused(world: World) -> None:
    few = [row for row in world.rows if row.source_problem_id <= "humaneval/003"]
    with pytest.raises(PackError, match="4 clusters of problems; wanted at least 5"):
        assign_folds(few, world.references, threshold=0.7, seed=0)


def test_many_problems_in_one_cluster_are_refused(world: World) -> None:
    same = dict.fromkeys(world.references, "def solve(x):\n    return x\n")
    with pytest.raises(PackError, match="1 clusters of problems"):
        folds(world, same)
