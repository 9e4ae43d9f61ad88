"""The encoding of values and the frames that carry it: round trips, and bytes that are neither."""

import enum
import http
import math
import re
import signal
import struct
import types
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, UserString, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelewm_assets.sandbox.codec import CodecError, decode, encode, pack_arguments, unpack_arguments
from codelewm_assets.sandbox.frames import END, HEADER, LOADED, VALUE, FrameError, FrameReader, pack_frame
from codelewm_assets_tests.cases import each_case

TOKEN = b"12345678"
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
)
KEYS = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=20,
)


def same(one: Any, two: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if type(one) is not type(two):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, dict):
        return list(one) == list(two) and all(same(one[k], two[k]) for k in one)
    return bool(one == two)


@given(VALUES)
def test_a_value_comes_back_with_its_exact_types(value: Any) -> None:
    assert same(decode(encode(value)), value)


@given(st.lists(VALUES | st.fractions() | st.decimals(allow_nan=False), max_size=4))
def test_arguments_come_back_with_their_exact_types(arguments: list[Any]) -> None:
    assert same(unpack_arguments(pack_arguments(arguments, 1 << 20)), arguments)


def test_no_two_arguments_are_one_object_that_can_be_changed() -> None:
    row = [1]
    one, two = unpack_arguments(pack_arguments([row, [row, row]], 1 << 20))
    one.append(2)
    two[0].append(3)
    assert (one, two) == ([1, 2], [[1, 3], [1]])


@pytest.mark.parametrize(("argument", "message"), [(..., "no encoding"), ("x" * 100, "longer than 50 bytes")])
def test_arguments_without_an_encoding_are_refused(argument: Any, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        pack_arguments([argument], 50)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_codec_error(data: bytes) -> None:
    try:
        value = decode(data)
    except CodecError:
        return
    assert type(value) in (
        type(None),
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        list,
        tuple,
        set,
        frozenset,
        dict,
        Fraction,
        Decimal,
    )


def test_special_floats_and_lone_surrogates_come_back() -> None:
    assert math.isnan(decode(encode(math.nan)))
    assert decode(encode([math.inf, -math.inf, "\ud800"])) == [math.inf, -math.inf, "\ud800"]


@each_case("value", [object(), type("Five", (int,), {})(5), [type("Text", (str,), {})("a")], range(3)])
def test_a_subclass_or_a_foreign_type_has_no_encoding(value: object) -> None:
    with pytest.raises(CodecError, match="has no encoding"):
        encode(value)


def test_depth_and_length_are_limited_on_both_sides() -> None:
    nested: list[Any] = []
    for _ in range(100):
        nested = [nested]
    with pytest.raises(CodecError, match="deeper than 100"):
        encode(nested)
    deep = b"l\x00\x00\x00\x01" * 101 + b"N"
    with pytest.raises(CodecError, match="deeper than 100"):
        decode(deep)
    with pytest.raises(CodecError, match="longer than 10 bytes"):
        encode("x" * 11, 10)


@each_case(
    ("data", "message"),
    [
        (b"", "malformed"),
        (b"x", "unknown tag 120"),
        (b"s\x00\x00\x00\x05ab", "cut short"),
        (b"l\xff\xff\xff\xffN", "cut short"),  # a count that no data follows reserves nothing
        (b"NN", "1 bytes follow the value"),
        (b"S\x00\x00\x00\x01l\x00\x00\x00\x00", "malformed: unhashable"),
        (b"s\x00\x00\x00\x01\xff", "malformed"),
    ],
)
def test_malformed_bytes_say_what_is_wrong(data: bytes, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        decode(data)


def test_frames_come_whole_however_the_bytes_are_cut() -> None:
    data = pack_frame(TOKEN, LOADED) + pack_frame(TOKEN, VALUE, 0, 7, "int", encode(5)) + pack_frame(TOKEN, END)
    reader = FrameReader(TOKEN, 1000, 4000)
    frames = [frame for byte in data for frame in reader.feed(bytes([byte]))]
    assert [(f.kind, f.index, f.cpu_us, f.name, f.value) for f in frames] == [
        (LOADED, 0, 0, "", b""),
        (VALUE, 0, 7, "int", encode(5)),
        (END, 0, 0, "", b""),
    ]


@each_case(
    "data",
    [
        pack_frame(b"guessed!", LOADED),
        HEADER.pack(2, TOKEN, 99, 0, 0) + b"\x00\x00",
        HEADER.pack(1 << 30, TOKEN, VALUE, 0, 0),
        HEADER.pack(1, TOKEN, VALUE, 0, 0) + b"a",
        HEADER.pack(2, TOKEN, VALUE, 0, 0) + struct.pack(">H", 9),
        b"PASS\n" * 10,
    ],
)
def test_bytes_that_the_harness_did_not_write_are_refused(data: bytes) -> None:
    with pytest.raises(FrameError, match="a frame without"):
        list(FrameReader(TOKEN, 1000, 4000).feed(data))


def test_a_value_longer_than_is_kept_is_read_past_and_the_next_frame_is_whole() -> None:
    data = b"".join(pack_frame(TOKEN, VALUE, n, 7, "str", b"x" * size) for n, size in enumerate((3000, 5, 3000)))
    for step in (1, 100, len(data)):
        reader = FrameReader(TOKEN, 4000, 40_000, lambda index: 10)
        frames = [frame for at in range(0, len(data), step) for frame in reader.feed(data[at : at + step])]
        assert [(f.index, f.name, f.value) for f in frames] == [
            (0, "str", None),
            (1, "str", b"x" * 5),
            (2, "str", None),
        ]


def test_a_child_that_sends_more_than_one_may_is_over() -> None:
    frame = pack_frame(TOKEN, VALUE, 0, 0, "str", b"x" * 400)
    reader = FrameReader(TOKEN, 1000, 1000)
    assert len(list(reader.feed(frame * 2))) == 2 and not reader.is_over
    list(reader.feed(frame))
    assert reader.is_over


def test_a_fraction_and_a_decimal_come_back() -> None:
    values = [Fraction(-7, 3), Fraction(5), Decimal("0.10"), Decimal("1E+50"), Decimal("-Infinity")]
    back = decode(encode(values))
    assert back == values and [type(value) for value in back] == [type(value) for value in values]


@each_case(
    ("data", "message"),
    [
        (b"D" + struct.pack(">I", 4) + b"sNaN", "signalling NaN"),
        (b"D" + struct.pack(">I", 5000) + b"1" * 5000, "more than 4300 characters"),
        (b"q" + struct.pack(">I", 3) + b"1/0", "malformed"),
        (b"q" + struct.pack(">I", 3) + b"abc", "malformed"),
    ],
)
def test_a_number_that_is_none_or_too_long_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        decode(data)


def test_keys_of_one_hash_are_refused_before_a_set_or_map_is_built_of_them() -> None:
    """k·(2⁶¹ − 1) has the hash 0 for each k: n of them cost n² comparisons. 65 share it here, one more than may."""
    keys = [k * ((1 << 61) - 1) for k in range(1, 67)]
    body = b"".join(encode(key) for key in keys)
    count = struct.pack(">I", len(keys))
    for tag in (b"S", b"Z"):
        with pytest.raises(CodecError, match="more than 64 keys whose hash another key has"):
            decode(tag + count + body)
    with pytest.raises(CodecError, match="more than 64 keys"):
        decode(b"d" + count + b"".join(encode(key) + b"N" for key in keys))
    assert decode(encode(set(keys[:65]))) == set(keys[:65])


class Named(NamedTuple):
    first: int
    second: list[int]


class Level(enum.IntEnum):
    LOW = 2


class Word(enum.StrEnum):
    YES = "yes"


@each_case(
    ("value", "plain"),
    [
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(int, {1: 2}), {1: 2}),
        (ChainMap({1: 2}, {1: 3, 4: 5}), {1: 2, 4: 5}),
        (UserDict({1: 2}), {1: 2}),
        (UserList([1, 2]), [1, 2]),
        (UserString("a"), "a"),
        (types.MappingProxyType({1: 2}), {1: 2}),
        ({1: 2}.keys(), {1}),
        ({1: 2}.items(), {(1, 2)}),
        (OrderedDict({1: 2}).keys(), {1}),
        (bytearray(b"a"), b"a"),
        (memoryview(b"a"), b"a"),
        (Named(1, [2]), (1, [2])),
        (Level.LOW, 2),
        (Word.YES, "yes"),
        (signal.SIGINT, 2),
        (http.HTTPStatus.OK, 200),
        (re.RegexFlag.I, 2),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.float32(0.5), 0.5),
        (np.str_("a"), "a"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(3), 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_equals_a_built_in_value_is_written_as_that_value_at_any_depth(value: Any, plain: Any) -> None:
    back = decode(encode([(value,), {"key": [value]}]))
    assert same(back, [(plain,), {"key": [plain]}])
    assert np.all(value == plain)


class Five(int):
    pass


class Liar(NamedTuple):
    first: int

    def __eq__(self, other: object) -> bool:
        return True


class EqualsAll(enum.IntEnum):
    ONE = 1

    def __eq__(self, other: object) -> bool:
        return True


class OwnCounter(Counter[str]):
    pass


class OwnTuple(tuple[int, ...]):
    pass


@each_case(
    "value", [Five(5), Liar(1), EqualsAll.ONE, OwnCounter("a"), OwnTuple((1,)), enum.Enum("Plain", "A").A, deque([1])],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_class_of_the_programs_own_is_not_a_value(value: object) -> None:
    with pytest.raises(CodecError, match=f"a {type(value).__name__} has no encoding"):
        encode([value])


def test_a_long_encoding_says_so_once_and_a_short_one_never() -> None:
    said = list[int]()
    encode("x" * 10, 1 << 20, on_long=lambda: said.append(1))
    assert said == []
    encode(["x" * 70_000, "x" * 70_000], 1 << 20, on_long=lambda: said.append(1))
    assert said == [1]
