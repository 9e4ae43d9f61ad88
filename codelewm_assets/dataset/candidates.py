"""Pairs of sets that may be alike, found without comparing each with each: MinHash with locality-sensitive hashing.

What is found here may be unlike, and is to be compared exactly. What is missed is missed: the bands are chosen so that a
pair at the threshold stays out with a probability of one in a million at most.
Source: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.3 and 3.4; datasketch 2.0.
"""

from collections.abc import Mapping, Set

PERMUTATIONS = 128
SEED = 20251125  # of the permutations: another seed finds other pairs below the threshold, the same at or above it
MISSED = 1e-6
LEAST_THRESHOLD = 0.11  # below it no bands of 128 permutations miss as few


def band_shape(threshold: float) -> tuple[int, int]:
    """(bands, rows of a band) with as many rows as a chance of missing a pair at `threshold` of at most 1e-6 allows.

    A pair of Jaccard s is a candidate with probability 1 − (1 − s^rows)^bands.
    Args: threshold: in [0.11, 1].
    Raises: ValueError: `threshold` is out of that range.
    """
    if not LEAST_THRESHOLD <= threshold <= 1:
        raise ValueError(f"The threshold is {threshold}; wanted a Jaccard between {LEAST_THRESHOLD} and 1.")
    return max(
        ((PERMUTATIONS // rows, rows) for rows in range(1, PERMUTATIONS // 2 + 1)),
        key=lambda shape: shape[1] * ((1 - threshold ** shape[1]) ** shape[0] <= MISSED),
    )


def candidate_pairs(sets: Mapping[str, Set[str]], threshold: float) -> list[tuple[str, str]]:
    """Sorted pairs of keys, each in order, whose sets may have a Jaccard of at least `threshold`; empty sets are in none."""
    from datasketch import MinHash, MinHashLSH

    keys = [key for key in sorted(sets) if sets[key]]
    texts = [[item.encode() for item in sorted(sets[key])] for key in keys]
    hashes = dict(zip(keys, MinHash.bulk(texts, num_perm=PERMUTATIONS, seed=SEED), strict=True))
    index = MinHashLSH(
        num_perm=PERMUTATIONS, params=band_shape(threshold), storage_config={"type": "dict", "basename": b"candidates"}
    )
    for key in keys:
        index.insert(key, hashes[key])
    return sorted((key, other) for key in keys for other in index.query(hashes[key]) if key < other)
