"""Oracles: when two outputs are equal, worked by hand."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codelewm_assets.completions.oracles import ORACLE_EXCEPTIONS, compare_output, oracle_of, outputs_equal
from codelewm_assets.core.literals import read_value, write_value
from codelewm_assets_tests.cases import each_case

NAN, INF = math.nan, math.inf
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
SCALARS = PLAIN | st.complex_numbers()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.frozensets(PLAIN, max_size=3)
        | st.dictionaries(st.text(max_size=2) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)


@each_case(
    ("found", "expected", "atol", "is_equal"),
    [
        # whole numbers: exact, whatever tolerance was published
        (5, 5, 0.0, True),
        (5, 6, 0.0, False),
        (5, 6, 1.0, False),
        (5, 5.0, 0.0, True),
        (10**8, 10**8 + 1.0, 0.0, False),
        (3, 3.0000001, 1e-6, False),
        (10**400, 10**400 + 1, 0.0, False),
        # floats: 1e-6 when no tolerance was published, and 1e-7 of the larger one
        (1.0, 1.0 + 0.9e-6, 0.0, True),
        (1.0, 1.0 + 1.3e-6, 0.0, False),
        (1, 1.0, 0.0, True),
        (1, 1.5, 0.0, False),
        (1.0, 1.05, 0.1, True),
        (1.0, 1.15, 0.1, False),
        (1e10, 1e10 + 900, 0.0, True),  # 1e-7 of 1e10 is 1000
        (1e10, 1e10 + 1100, 0.0, False),
        (0.0, -0.0, 0.0, True),
        (1.5, 10**400, 0.0, False),
        # what is not finite
        (NAN, NAN, 0.0, True),
        (NAN, 1.0, 0.0, False),
        (INF, INF, 0.0, True),
        (INF, -INF, 0.0, False),
        (INF, 1e308, 0.0, False),
        ([NAN, (NAN,)], [NAN, (NAN,)], 0.0, True),
        (complex(NAN, 1), complex(NAN, 1), 0.0, True),
        # complex numbers
        (1 + 2j, 1 + 2.0000001j, 0.0, False),
        (1 + 2j, 1 + 2.0000001j, 1e-6, True),
        (1 + 2j, 1 + 2.1j, 0.0, False),
        (complex(2, 0), 2, 0.0, True),
        # truth values, texts, None
        (True, True, 0.0, True),
        (True, False, 0.0, False),
        ("a", "a", 0.0, True),
        ("1", 1, 0.0, False),
        ("1.0", 1.0, 1.0, False),
        (None, None, 0.0, True),
        (None, 0, 0.0, False),
        (None, False, 0.0, False),
        # a list is no tuple
        ([1, 2], (1, 2), 0.0, False),
        ((1, 2.0000001), [1, 2], 0.0, False),
        ([[1]], [(1,)], 0.0, False),
        ([1, 2], [2, 1], 0.0, False),
        ([1, 2], [1, 2, 3], 0.0, False),
        ([], (), 0.0, False),
        # fractions and decimals: equal or not, without a tolerance
        (Fraction(1, 2), 0.5, 0.0, True),
        (Fraction(1, 3), 1 / 3, 0.0, False),
        (Decimal("0.5"), 0.5, 0.0, True),
        (Decimal("0.1"), 0.1, 1e-6, False),
        (Decimal(2), 2, 0.0, True),
        # sets: no order, no tolerance
        ({1, 2}, {2, 1}, 0.0, True),
        ({1, 2}, frozenset({1, 2}), 0.0, True),
        ({1}, [1], 0.0, False),
        ({1.0}, {1.0000001}, 0.0, False),
        # maps: no order, tolerance in the values
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, 0.0, True),
        ({"a": [1.0]}, {"a": [1.0000001]}, 0.0, True),
        ({"a": 1}, {"b": 1}, 0.0, False),
        ({"a": 1}, {"a": 1, "b": 1}, 0.0, False),
        # tolerance inside nested collections
        ([(1, [0.1 + 0.2])], [(1, [0.3])], 0.0, True),
        ([(1, [0.1])], [(1, [0.2])], 0.0, False),
    ],
)
def test_outputs_are_equal_as_in_this_table(found: Any, expected: Any, atol: float, is_equal: bool) -> None:
    assert outputs_equal(found, expected, atol) is is_equal
    assert outputs_equal(expected, found, atol) is is_equal


@settings(max_examples=150, deadline=None)
@given(VALUES, st.sampled_from([0.0, 1e-6, 0.1]))
def test_a_value_equals_itself_read_again(value: Any, atol: float) -> None:
    text = write_value(value)
    assert outputs_equal(read_value(text), read_value(text), atol) is True


@settings(max_examples=150, deadline=None)
@given(VALUES, VALUES, st.sampled_from([0.0, 1.0]))
def test_any_two_values_can_be_compared_and_equal_ones_are_equal(one: Any, two: Any, atol: float) -> None:
    assert outputs_equal(one, two, atol) or one != two


def test_inside_a_list_an_expected_float_is_met_by_an_integer_near_it_and_not_the_other_way_round() -> None:
    """As EvalPlus' `numpy.allclose`; at the top it wants the same type."""
    assert outputs_equal([1], [1.0000001], 0.0)
    assert not outputs_equal([1.0000001], [1], 0.0)
    assert not outputs_equal(1, 1.0000001, 0.0)


@pytest.mark.parametrize(
    ("found", "expected"),
    [(1j, 10**400), (complex(1e308, 1e308), 0.5), (complex(1e308, 1e308), complex(-1e308, 0))],
    ids=["huge int", "huge complex", "both"],
)
def test_numbers_too_far_apart_to_subtract_are_not_equal(found: Any, expected: Any) -> None:
    assert outputs_equal(found, expected, 0.0) is False


def test_the_tolerance_of_one_comparison_does_not_reach_the_next() -> None:
    assert outputs_equal(1.0, 1.05, 0.1)
    assert not outputs_equal(1.0, 1.05, 0.0)


@each_case(
    ("benchmark", "problem_id", "oracle"),
    [
        ("humaneval", "HumanEval/32", "root_of_polynomial"),
        ("humaneval", "humaneval_32", "root_of_polynomial"),
        ("humaneval", "Python/32", "root_of_polynomial"),
        ("humaneval", "32", "root_of_polynomial"),
        ("humaneval", "HumanEval/33", "equal"),
        ("humaneval", "find_zero", "equal"),
        ("humaneval", "mine", "equal"),
        ("humaneval", "mine/32", "equal"),
        ("humaneval", "Mbpp/2", "equal"),
        ("mbpp_plus", "HumanEval/32", "equal"),
        ("mbpp_plus", "Mbpp/2", "same_set"),
        ("mbpp_plus", "mbpp_2_similar_elements", "same_set"),
        ("mbpp_plus", "Mbpp/737", "is_none_or_not"),
    ],
)
def test_an_oracle_is_chosen_by_benchmark_and_problem_id_alone(benchmark: Any, problem_id: str, oracle: str) -> None:
    assert oracle_of(benchmark, problem_id) == oracle


def test_every_exception_has_a_reason_and_stands_once() -> None:
    ids = [row.problem_id for row in ORACLE_EXCEPTIONS]
    assert len(set(ids)) == len(ids)
    assert all(len(row.reason) > 10 for row in ORACLE_EXCEPTIONS)


def test_a_list_of_one_hash_is_no_set_that_equals_another() -> None:
    """Turning it into a set would take quadratic time: 65 further values share the hash of the first."""
    values = [k * ((1 << 61) - 1) for k in range(1, 68)]
    assert compare_output("same_set", [], values, values, 0.0) is False
    assert compare_output("same_set", [], values[:60] * 1000, values[:60], 0.0) is True


@each_case(
    ("found", "expected", "is_right"),
    [
        ([1, 2], [2, 1], True),
        ((1, 2), [2, 1], True),
        ({1, 2}, (1, 2), True),
        ([], (), True),
        ([1, 2], [1, 3], False),
        ([1, 1, 2], [1, 2, 2], True),  # as sets these are the same
        ([1, 2], [1, 2, 3], False),
        ([(1, 2), (3,)], [(3,), (1, 2)], True),
        ([[1, 2]], [[1, 2]], False),  # lists are in no set, and EvalPlus fails there too
        ([1, 2], [2.0, 1.0], True),
        ([1, 2], [2.0000001, 1.0], False),  # a set has no tolerance
        (None, [1], False),
        (5, [5], False),
    ],
)
def test_same_set_means_what_python_sets_mean(found: Any, expected: Any, is_right: bool) -> None:
    assert compare_output("same_set", [], found, expected, 0.0) is is_right


@each_case(
    ("oracle", "arguments", "found", "expected", "is_right"),
    [
        ("any_value", [1, 2], "whatever", True, True),
        ("equal_or_zero", [1], 0, 1, True),
        ("equal_or_zero", [1], 1, 1, True),
        ("equal_or_zero", [1], 2, 1, False),
        # base 6, apex 4 high: slant √(3² + 4²) = 5, 36 + 4 × 6 × 5 / 2 = 96; the reference may say 84
        ("pyramid_surface", [6, 4], 96, 84, True),
        ("pyramid_surface", [6, 4], 84, 84, True),
        ("pyramid_surface", [6, 4], 90, 84, False),
        ("pyramid_surface", ["6", 4], 96, 84, False),
        # 1 against 23: 01 and 23 differ by 2 + 2; the reference may say 3
        ("digit_distance", [1, 23], 4, 3, True),
        ("digit_distance", [1, 23], 3, 3, True),
        ("digit_distance", [1, 23], 5, 3, False),
        ("digit_distance", [-1, 23], 4, 3, False),  # a sign is no digit
    ],
)
def test_problems_that_can_be_read_in_two_ways(
    oracle: Any, arguments: list[Any], found: Any, expected: Any, is_right: bool
) -> None:
    assert compare_output(oracle, arguments, found, expected, 0.0) is is_right


@each_case(
    ("coefficients", "found", "is_right"),
    [
        ([1, 2], -0.5, True),  # 1 + 2x = 0 at -1/2
        ([1, 2], -0.50004, True),  # 1 + 2 × -0.50004 = -0.00008, within 1e-4
        ([1, 2], -0.5001, False),  # 1 + 2 × -0.5001 = -0.0002
        ([-6, 11, -6, 1], 1.0, True),  # (x - 1)(x - 2)(x - 3)
        ([-6, 11, -6, 1], 3, True),
        ([-6, 11, -6, 1], 4, False),
        ([0, 1], False, True),  # Python's own 0
        ([0, 1], Fraction(0), True),
        ([0, 1], "0", False),
        ([0, 1], None, False),
        ([0, 1], NAN, False),
        ([0, 1], INF, False),
        ([0, 1], 0j, False),
        ([1, 0, 0, 1], 1e200, False),  # its cube is no float
        ([0.5, 1], 10**400, False),  # nor is this number
    ],
    ids=lambda value: str(value)[:20],
)
def test_any_root_of_the_polynomial_is_right(coefficients: list[float], found: Any, is_right: bool) -> None:
    expected = 1.0  # what the reference found does not count
    assert compare_output("root_of_polynomial", [coefficients], found, expected, 0.0) is is_right


def test_a_published_tolerance_widens_that_of_the_root() -> None:
    assert compare_output("root_of_polynomial", [[1, 2]], -0.51, None, 0.05)  # 1 - 1.02 = -0.02
    assert not compare_output("root_of_polynomial", [[1, 2]], -0.53, None, 0.05)  # 1 - 1.06 = -0.06


@each_case(
    ("found", "expected", "is_right"),
    [
        (None, None, True),
        (False, None, True),
        (None, False, True),
        ("a match", True, True),
        ("Found a match!", "found", True),
        ("", "found", True),
        (0, True, True),
        (None, "found", False),
        ("found", None, False),
        (False, "found", False),
    ],
)
def test_is_none_or_not_asks_only_whether_there_was_a_match(found: Any, expected: Any, is_right: bool) -> None:
    assert compare_output("is_none_or_not", [], found, expected, 0.0) is is_right
