"""Folds: every problem has one, clusters stay whole, every stratum is in each, seeds are searched within a bound."""

import random
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from codelewm_assets.core.errors import PackError
from codelewm_assets.core.ids import FOLDS
from codelewm_assets.core.records import PackRow
from codelewm_assets.dataset.coverage import VALUES, cell_counts
from codelewm_assets.dataset.folds import DrawnFolds, assign_folds
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import FLOORS, World, make_world

Pairs = list[tuple[str, str]]
NO_FLOORS = {name: dict.fromkeys(VALUES, 0) for name in FLOORS}


@pytest.fixture(scope="module")
def world() -> World:
    """Forty problems of each benchmark."""
    return make_world()


def draw(
    world: World,
    pairs: Pairs | None = None,
    *,
    rows: list[PackRow] | None = None,
    floors: dict[str, dict[str, int]] = FLOORS,
    seed: int = 0,
    seed_search: int = 4,
) -> DrawnFolds:
    return assign_folds(rows or world.rows, pairs or [], floors=floors, seed=seed, seed_search=seed_search)


def with_floor(benchmark: str, value: str, floor: int) -> dict[str, dict[str, int]]:
    """No floors but one."""
    return NO_FLOORS | {benchmark: NO_FLOORS[benchmark] | {value: floor}}


def smallest(rows: tuple[PackRow, ...], drawn: DrawnFolds, ending: str) -> int:
    """Rows of the smallest of the five cells of a benchmark and value."""
    cells = cell_counts(rows, {s.problem_id: s.fold for s in drawn.splits}, NO_FLOORS)
    return min(cell.count for cell in cells if cell.cell.endswith(ending))


def test_every_problem_of_the_pack_has_one_fold_and_its_benchmark(world: World) -> None:
    drawn = draw(world)
    assert [s.problem_id for s in drawn.splits] == sorted(world.references)
    assert all(s.problem_id.startswith(s.benchmark_id + "/") for s in drawn.splits)
    assert {s.fold for s in drawn.splits} == set(FOLDS)


def test_every_stratum_is_in_every_fold(world: World) -> None:
    fold = {s.problem_id: s.fold for s in draw(world).splits}
    strata: dict[tuple[str, bool, str], Counter[int]] = defaultdict(Counter)
    for row in world.rows:
        strata[row.source_dataset, row.passed, row.output_magnitude_bucket][fold[row.source_problem_id]] += 1
    assert len(strata) >= 2 * 2 * 4
    for stratum, counts in strata.items():
        assert set(counts) == set(FOLDS), stratum


def test_each_fold_has_a_fifth_of_the_rows(world: World) -> None:
    """Eighty like problems of 30 rows: 2400 / 5 = 480 a fold."""
    fold = {s.problem_id: s.fold for s in draw(world).splits}
    assert set(Counter(fold[r.source_problem_id] for r in world.rows).values()) == {480}


@each_case("seed", range(6))
def test_a_cluster_never_crosses_folds(world: World, seed: int) -> None:
    """Thirty pairs drawn by chance, across benchmarks too: whatever hangs together shares cluster and fold."""
    rng = random.Random(seed)
    names = sorted(world.references)
    pairs = [(rng.choice(names), rng.choice(names)) for _ in range(30)]
    split = {s.problem_id: s for s in draw(world, pairs, seed=seed).splits}
    for a, b in pairs:
        assert (split[a].cluster, split[a].fold) == (split[b].cluster, split[b].fold)
    folds_of: dict[int, set[int]] = defaultdict(set)
    for s in split.values():
        folds_of[s.cluster].add(s.fold)
    assert all(len(folds) == 1 for folds in folds_of.values())


def test_problems_that_are_no_near_duplicates_are_clusters_of_their_own(world: World) -> None:
    pairs = [(f"humaneval/{n:03d}", f"humaneval/{n + 1:03d}") for n in range(0, 40, 2)]
    assert len({s.cluster for s in draw(world, pairs).splits}) == 80 - 20


def test_the_order_of_rows_and_pairs_does_not_matter(world: World) -> None:
    pairs = [(f"humaneval/{n:03d}", f"mbpp_plus/{n:03d}") for n in range(10)]
    rows = random.Random(3).sample(list(world.rows), len(world.rows))
    assert draw(world, pairs[::-1], rows=rows) == draw(world, pairs)


def test_the_seed_draws_the_folds(world: World) -> None:
    assert draw(world, seed=1).splits != draw(world, seed=0).splits


def test_pairs_of_problems_outside_the_pack_do_not_matter(world: World) -> None:
    pairs = [("humaneval/000", "humaneval/999"), ("humaneval/999", "humaneval/001")]
    assert draw(world, pairs) == draw(world)


def test_the_first_seed_that_meets_all_floors_is_taken(world: World) -> None:
    drawn = draw(world, seed=5)
    assert (drawn.seed, drawn.seeds_tried, drawn.shortfall) == (5, 1, 0)


@pytest.fixture(scope="module")
def uneven(world: World) -> tuple[PackRow, ...]:
    """The world with between a tenth and all of each problem's rows: no draw of folds is even, and none is like another."""
    rng = random.Random(5)
    share = {name: rng.uniform(0.1, 1.0) for name in sorted(world.references)}
    return tuple(row for row in world.rows if rng.random() < share[row.source_problem_id])


def test_seeds_are_searched_in_order_until_one_meets_the_floors(world: World, uneven: tuple[PackRow, ...]) -> None:
    """What the search finds is what trying each seed alone finds, first come first served."""
    ending, rows = "humaneval magnitude large", list(uneven)
    each = [smallest(uneven, draw(world, rows=rows, floors=NO_FLOORS, seed=s, seed_search=1), ending) for s in range(8)]
    floor = max(each)
    assert min(each) < floor, "some seeds are worse than others, or there is nothing to search"
    drawn = draw(world, rows=rows, floors=with_floor("humaneval", "magnitude large", floor), seed_search=8)
    assert drawn.seed == each.index(floor) == drawn.seeds_tried - 1
    assert drawn.shortfall == 0


def test_the_bound_is_kept_and_the_smallest_shortfall_wins(world: World, uneven: tuple[PackRow, ...]) -> None:
    """146 large outputs cannot give 30 to each of five folds: all seeds are tried, the best is kept, the lowest of equals."""
    floors, rows = with_floor("humaneval", "magnitude large", 30), list(uneven)
    each = [draw(world, rows=rows, floors=floors, seed=s, seed_search=1).shortfall for s in range(3, 9)]
    drawn = draw(world, rows=rows, floors=floors, seed=3, seed_search=6)
    assert drawn.seeds_tried == 6
    assert drawn.shortfall == min(each) > 0 and len(set(each)) > 1
    assert drawn.seed == 3 + each.index(min(each))
    assert drawn.splits == draw(world, rows=rows, floors=floors, seed=drawn.seed, seed_search=1).splits


def test_the_shortfall_is_what_the_cells_lack(world: World) -> None:
    """Each of the five HumanEval cells of 120 passing rows lacks one row of 121."""
    drawn = draw(world, floors=with_floor("humaneval", "passed", 121), seed_search=2)
    assert (drawn.shortfall, drawn.seeds_tried, drawn.seed) == (5, 2, 0)


@pytest.mark.parametrize("passed", [True, False])
def test_a_pack_of_one_class_has_folds_that_lack_the_other(world: World, passed: bool) -> None:
    """The 5 × 2 cells of the other class are empty, and each wants five rows."""
    rows = [row for row in world.rows if row.passed == passed]
    floors = {name: NO_FLOORS[name] | {"passed": 5, "failed": 5} for name in FLOORS}
    assert draw(world, rows=rows, floors=floors).shortfall == 50


def test_a_pack_without_a_benchmark_has_folds_that_lack_it(world: World) -> None:
    rows = [row for row in world.rows if row.source_dataset == "humaneval"]
    drawn = draw(world, rows=rows)
    assert {s.benchmark_id for s in drawn.splits} == {"humaneval"}
    assert drawn.shortfall == 5 * sum(FLOORS["mbpp_plus"].values())


def test_fewer_clusters_than_folds_are_refused(world: World) -> None:
    few = [row for row in world.rows if row.source_problem_id <= "humaneval/003"]
    with pytest.raises(PackError, match="4 clusters of problems; expected at least 5"):
        draw(world, rows=few)


def test_many_problems_in_one_cluster_are_refused(world: World) -> None:
    names = sorted(world.references)
    with pytest.raises(PackError, match="1 clusters of problems"):
        draw(world, list(pairwise(names)))


def test_no_rows_are_refused() -> None:
    with pytest.raises(PackError, match="0 clusters of problems"):
        assign_folds([], [], floors=FLOORS, seed=0, seed_search=1)


def test_a_pack_whose_every_stratum_is_smaller_than_the_folds_is_refused(world: World) -> None:
    one_each = list({row.source_problem_id: row for row in world.rows if row.source_dataset == "humaneval"}.values())[
        :8
    ]
    buckets = ("negative", "zero", "small", "medium", "large", "not_a_number", "negative", "zero")
    rows = [row.model_copy(update={"output_magnitude_bucket": b}) for row, b in zip(one_each, buckets, strict=True)]
    with pytest.raises(PackError, match="stratum has 2 rows; expected at least 5"):
        draw(world, rows=rows)


def test_no_seed_to_try_is_refused(world: World) -> None:
    with pytest.raises(PackError, match="seed_search is 0; expected at least one seed"):
        draw(world, seed_search=0)
