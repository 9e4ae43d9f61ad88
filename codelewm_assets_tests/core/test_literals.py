"""Literals: what is written is read back the same, and what is no literal is refused."""

import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codelewm_assets.core.errors import LiteralError
from codelewm_assets.core.literals import read_arguments, read_value, write_value
from codelewm_assets_tests.cases import each_case

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(max_size=8),
    st.binary(max_size=8),
)
HASHABLE = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=6,
)
VALUES = st.recursive(
    HASHABLE | st.sets(HASHABLE, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(HASHABLE, inner, max_size=3)
    ),
    max_leaves=8,
)


def shape(value: Any) -> Any:
    """The value with its exact types, so that 1, 1.0 and True, or a list and a tuple, are told apart."""
    kind = type(value).__name__
    if isinstance(value, list | tuple):
        return kind, [shape(item) for item in value]
    if isinstance(value, set | frozenset):
        return kind, sorted(repr(shape(item)) for item in value)
    if isinstance(value, dict):
        return kind, [(shape(key), shape(item)) for key, item in value.items()]
    return kind, repr(value)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_every_nested_builtin_value_is_read_back_as_it_was_written(value: Any) -> None:
    assert shape(read_value(write_value(value))) == shape(value)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_the_text_of_a_value_is_canonical(value: Any) -> None:
    text = write_value(value)
    assert write_value(read_value(text)) == text


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers() | st.text(max_size=3), unique_by=repr, max_size=8), st.randoms(use_true_random=False))
def test_the_text_of_a_set_does_not_depend_on_the_order_of_insertion(items: list[Any], random: Any) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)
    assert write_value(set(items)) == write_value(set(shuffled))
    assert write_value(frozenset(items)) == write_value(frozenset(shuffled))


@each_case(
    ("value", "text"),
    [
        (math.inf, "1e999"),
        (-math.inf, "-1e999"),
        (math.nan, "nan"),
        (set(), "set()"),
        (frozenset(), "frozenset({})"),
        ({3, 1, 2}, "{1, 2, 3}"),
        ((1,), "(1,)"),
        ((), "()"),
        (-0.0, "-0.0"),
        (complex(1, -2), "complex(1.0, -2.0)"),
        (complex(math.inf, -0.0), "complex(1e999, -0.0)"),
        ({"b": 1, "a": [None]}, "{'b': 1, 'a': [None]}"),
        (b"\x00", "b'\\x00'"),
    ],
)
def test_each_kind_of_value_has_one_spelling(value: Any, text: str) -> None:
    assert write_value(value) == text
    assert shape(read_value(text)) == shape(value)


def test_nan_survives_inside_collections_and_complex_numbers() -> None:
    listed = read_value(write_value([math.nan, complex(0.0, math.nan)]))
    assert math.isnan(listed[0])
    assert listed[1].real == 0.0 and math.isnan(listed[1].imag)


@each_case(("text", "value"), [("inf", math.inf), ("-inf", -math.inf), ("1e999", math.inf), (" [1, 2]\n", [1, 2])])
def test_texts_that_people_write_are_read_too(text: str, value: Any) -> None:
    assert read_value(text) == value


class Colour(IntEnum):
    """A subclass of int: looks like 1, is not a literal."""

    RED = 1


@each_case(
    ("value", "name"),
    [
        (Counter("aab"), "Counter"),
        (Colour.RED, "Colour"),
        ([object()], "object"),
        ({"a": range(3)}, "range"),
        (len, "builtin_function_or_method"),
    ],
)
def test_a_value_of_another_type_has_no_literal_and_the_message_names_the_type(value: Any, name: str) -> None:
    with pytest.raises(LiteralError, match=f"A {name} has no literal; expected built-in numbers"):
        write_value(value)


@each_case(
    "text",
    [
        "",
        "1 +",
        "[1",
        "print(1)",
        "__import__('os')",
        "x",
        "[i for i in (1, 2)]",
        "{[1]: 2}",
        "{[1]}",
        "set([1])",
        "frozenset(5)",
        "complex(1)",
        "complex('1', 2)",
        "-nan(1)",
        "a.b",
        "f'{1}'",
        "1 if 2 else 3",
        "\x00",
        "'\ud800'",
        "(" * 3000 + ")" * 3000,
        "9" * 5000,
        "{**{1: 2}}",
    ],
)
def test_a_text_that_is_not_a_literal_is_refused(text: str) -> None:
    with pytest.raises(LiteralError, match="Not a Python literal"):
        read_value(text)


def test_a_refusal_quotes_no_more_than_eighty_characters() -> None:
    with pytest.raises(LiteralError) as caught:
        read_value("(" * 3000)
    assert "(" * 80 in str(caught.value) and "(" * 81 not in str(caught.value)


def test_an_input_is_the_literal_of_a_list_of_arguments() -> None:
    assert read_arguments("[1, [2]]") == [1, [2]]
    assert read_arguments("[]") == []


@pytest.mark.parametrize(("text", "found"), [("(1, 2)", "tuple"), ("5", "int"), ("{}", "dict")])
def test_an_input_that_is_not_a_list_is_refused(text: str, found: str) -> None:
    with pytest.raises(LiteralError, match=f"literal of a {found}; expected a list of positional arguments"):
        read_arguments(text)


def test_eight_threads_may_read_at_once() -> None:
    texts = [f"[{'[' * depth}{number}{']' * depth}]" for depth in (1, 20, 60) for number in range(150)]
    with ThreadPoolExecutor(8) as threads:
        values = list(threads.map(read_value, texts * 2))
    assert [write_value(value) for value in values] == texts * 2


@pytest.mark.parametrize("value", [10**5000, -(10**5000), [7**6000]], ids=["large", "small", "in a list"])
def test_an_integer_of_more_digits_than_python_writes_is_hexadecimal_and_comes_back(value: Any) -> None:
    assert "0x" in write_value(value)
    assert read_value(write_value(value)) == value
