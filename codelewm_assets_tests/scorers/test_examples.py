"""Pairs and weights of examples, by hand."""

import numpy as np

from codelewm_assets.scorers.examples import MAX_PAIRS, Example, group_weights, training_pairs


def example(name: str, passed: bool, group: str = "p", twin: str | None = None) -> Example:
    return Example(name, "", passed, group, twin)


def test_twins_are_paired_with_each_other_alone() -> None:
    """Twin b0p0 has two right sides, a rewrite and a neutral edit, and b0p1 one."""
    rows = [
        example("a", True, twin="b0p0"), example("b", False, twin="b0p0"), example("c", True, twin="b0p0"),
        example("d", False, twin="b0p1"), example("e", True, twin="b0p1"), example("f", True),
    ]  # fmt: skip
    assert training_pairs(rows).tolist() == [[0, 1], [2, 1], [4, 3]]


def test_programs_without_twins_are_paired_within_their_group() -> None:
    rows = [
        example("a", True),
        example("b", False),
        example("c", False),
        example("d", True, "q"),
        example("e", True, "q"),
    ]
    assert training_pairs(rows).tolist() == [[0, 1], [0, 2]]


def test_a_group_has_at_most_so_many_pairs_whatever_the_order_of_its_rows() -> None:
    rows = [example(f"{number}", number % 2 == 0) for number in range(20)]
    pairs = training_pairs(rows)
    assert len(pairs) == MAX_PAIRS
    turned = rows[::-1]
    names = [{(a[i].code, a[j].code) for i, j in p} for a, p in ((rows, pairs), (turned, training_pairs(turned)))]
    assert names[0] == names[1]


def test_no_pair_is_an_empty_table() -> None:
    assert training_pairs([example("a", True)]).shape == (0, 2)


def test_a_group_has_one_weight_the_mean_is_one_and_the_seed_draws_it() -> None:
    rows = [example("a", True), example("b", False), example("c", True, "q")]
    weights = group_weights(rows, seed=42)
    assert weights[0] == weights[1] != weights[2]
    assert np.isclose(weights.mean(), 1.0)
    assert np.array_equal(weights, group_weights(rows, seed=42))
    assert not np.array_equal(weights, group_weights(rows, seed=1729))
