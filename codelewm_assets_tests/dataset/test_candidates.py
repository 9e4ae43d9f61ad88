"""Candidates: nothing at the threshold is missed, and the same sets give the same candidates."""

import random
from itertools import combinations

import pytest

from codelewm_assets.dataset.near_duplicates import (
    MAX_MISS_PROBABILITY,
    MIN_THRESHOLD,
    PERMUTATIONS,
    band_shape,
    candidate_pairs,
)
from codelewm_assets.dataset.shingles import jaccard
from codelewm_assets_tests.cases import each_case


def overlapping(seed: int, count: int = 60) -> dict[str, set[str]]:
    """Sets of which neighbours share most of their items."""
    rng = random.Random(seed)
    items = [str(n) for n in range(120)]
    return {f"s{n:02d}": {*items[n : n + 30], *rng.sample(items, 3)} for n in range(count)}


@each_case("threshold", [MIN_THRESHOLD, 0.2, 0.35, 0.5, 0.7, 0.9, 1.0])
def test_the_bands_miss_one_pair_in_a_million_at_most(threshold: float) -> None:
    bands, rows = band_shape(threshold)
    assert bands >= 2 and bands * rows <= PERMUTATIONS
    assert (1 - threshold**rows) ** bands <= MAX_MISS_PROBABILITY


def test_the_bands_by_hand() -> None:
    """0.7: (1 − 0.7³)^42 = 0.657^42 = 2.2e-8, and with four rows (1 − 0.2401)^32 = 1.5e-4 misses too many."""
    assert band_shape(0.7) == (42, 3)


@each_case("threshold", [0.1, 0.0, 1.1, -1.0])
def test_a_threshold_that_hashing_cannot_serve_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match=r"expected a Jaccard between 0\.11 and 1"):
        band_shape(threshold)


@each_case("seed", range(4))
@each_case("threshold", [0.5, 0.7, 0.9])
def test_every_pair_at_or_above_the_threshold_is_a_candidate(seed: int, threshold: float) -> None:
    sets = overlapping(seed)
    wanted = {(a, b) for a, b in combinations(sorted(sets), 2) if jaccard(sets[a], sets[b]) >= threshold}
    found = candidate_pairs(sets, threshold)
    assert wanted <= set(found) and len(found) == len(set(found))
    assert all(a < b for a, b in found)


def test_candidates_do_not_depend_on_order() -> None:
    sets = overlapping(9)
    assert candidate_pairs(dict(reversed(sets.items())), 0.7) == candidate_pairs(sets, 0.7)


def test_empty_sets_are_candidates_of_nothing() -> None:
    assert candidate_pairs({"a": set(), "b": set()}, 0.5) == [] == candidate_pairs({}, 0.5)
