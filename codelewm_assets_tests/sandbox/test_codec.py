"""The encoding of values and the frames that carry it: round trips, and bytes that are neither."""

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelewm_assets.sandbox.codec import CodecError, decode, encode
from codelewm_assets.sandbox.frames import END, HEADER, LOADED, VALUE, FrameError, FrameReader, pack_frame

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


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_codec_error(data: bytes) -> None:
    try:
        value = decode(data)
    except CodecError:
        return
    assert type(value) in (type(None), bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict)


def test_special_floats_and_lone_surrogates_come_back() -> None:
    assert math.isnan(decode(encode(math.nan)))
    assert decode(encode([math.inf, -math.inf, "\ud800"])) == [math.inf, -math.inf, "\ud800"]


@pytest.mark.parametrize(
    "value", [object(), type("Five", (int,), {})(5), [type("Text", (str,), {})("a")], range(3), bytearray(b"a")]
)
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


@pytest.mark.parametrize(
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
    reader = FrameReader(TOKEN, 1000)
    frames = [frame for byte in data for frame in reader.feed(bytes([byte]))]
    assert [(f.kind, f.index, f.cpu_us, f.name, f.value) for f in frames] == [
        (LOADED, 0, 0, "", b""),
        (VALUE, 0, 7, "int", encode(5)),
        (END, 0, 0, "", b""),
    ]


@pytest.mark.parametrize(
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
        list(FrameReader(TOKEN, 1000).feed(data))


def test_frames_beyond_the_output_limit_are_not_given() -> None:
    frame = pack_frame(TOKEN, VALUE, 0, 0, "str", b"x" * 400)
    reader = FrameReader(TOKEN, 1000)
    assert len(list(reader.feed(frame * 3))) == 2
    assert reader.is_over
