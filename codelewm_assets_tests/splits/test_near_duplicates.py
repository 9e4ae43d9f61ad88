"""Near-duplicates by hand: shingles, Jaccard, clusters."""

import numpy as np
import pytest

from codelewm_assets.splits.near_duplicates import (
    clusters,
    jaccard_matrix,
    near_duplicate_pairs,
    normalised_tokens,
    shingles,
)

PROGRAM = "def total(items):\n    result = 0\n    for item in items:\n        result += item\n    return result\n"
RENAMED = "def add_up(values):\n    acc = 0\n    for v in values:\n        acc += v\n    return acc\n"


def test_names_become_their_order_of_first_use_and_keywords_stay() -> None:
    assert normalised_tokens("def f(x): return f + x") == ["def", "v0", "(", "v1", ")", ":", "return", "v0", "+", "v1"]


def test_renaming_variables_does_not_change_shingles() -> None:
    assert shingles(PROGRAM) == shingles(RENAMED)


def test_comments_and_layout_do_not_change_shingles() -> None:
    commented = PROGRAM.replace("    result = 0\n", "    # the sum so far\n\n    result  =  0\n")
    assert shingles(commented) == shingles(PROGRAM)


def test_another_operator_changes_shingles() -> None:
    assert shingles(PROGRAM.replace("+=", "-=")) != shingles(PROGRAM)


def test_a_program_shorter_than_a_shingle_is_one_shingle() -> None:
    assert shingles("1 +") == {"1 +"}
    assert shingles("") == {""}


def test_text_that_is_no_python_is_compared_by_its_words() -> None:
    assert normalised_tokens("this ( is not") == ["this", "(", "is", "not"]


def test_jaccard_by_hand() -> None:
    """Shingles: A {1+2, +2+, 2+3}; B as A with +3+ and 3+4; C {7*8}. |A∩B| = 3, |A∪B| = 5; C shares none."""
    found = jaccard_matrix(["1 + 2 + 3", "1 + 2 + 3 + 4", "7 * 8"])
    assert found.tolist() == [[1, pytest.approx(3 / 5), 0], [pytest.approx(3 / 5), 1, 0], [0, 0, 1]]


def test_jaccard_of_no_program_is_an_empty_matrix() -> None:
    assert jaccard_matrix([]).shape == (0, 0)


def test_jaccard_is_symmetric_between_0_and_1_with_1_on_the_diagonal() -> None:
    found = jaccard_matrix([PROGRAM, RENAMED, "1 + 2", "", PROGRAM.replace("0", "1")])
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(np.diag(found), np.ones(5))
    assert found.min() >= 0 and found.max() <= 1
    assert found[0, 1] == 1


@pytest.mark.parametrize(("threshold", "pairs"), [(0.6, [("a", "b")]), (0.61, [])])
def test_a_pair_counts_from_the_threshold_on(threshold: float, pairs: list[tuple[str, str]]) -> None:
    references = {"b": "1 + 2 + 3 + 4", "a": "1 + 2 + 3", "c": "7 * 8"}
    assert near_duplicate_pairs(references, threshold) == pairs


def test_clusters_are_transitive() -> None:
    """a–b and b–d link a, b and d though a and d are no pair; numbers follow the first id of each cluster."""
    assert clusters(["d", "c", "b", "a", "e"], [("a", "b"), ("b", "d")]) == {"a": 0, "b": 0, "c": 1, "d": 0, "e": 2}


def test_clusters_do_not_depend_on_the_order_of_pairs() -> None:
    pairs = [("a", "b"), ("c", "d"), ("b", "c"), ("e", "f")]
    wanted = {"a": 0, "b": 0, "c": 0, "d": 0, "e": 1, "f": 1}
    assert clusters("abcdef", pairs) == wanted == clusters("fedcba", pairs[::-1])


def test_no_pairs_leave_each_problem_alone() -> None:
    assert clusters(["a", "b"], []) == {"a": 0, "b": 1}
