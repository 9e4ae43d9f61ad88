"""Digests: the same value, the same digest, whatever the order it was made in."""

import hashlib
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codelewm_assets.core.digests import (
    canonical_json,
    digest_of,
    pretty_json,
    sha256_bytes,
    sha256_file,
    sha256_text,
    unit_interval,
)
from codelewm_assets.core.errors import StoreError


def test_the_digest_of_nothing_is_the_published_one() -> None:
    # FIPS 180-4 test vectors: sha256 of the empty message and of "abc"
    assert sha256_bytes(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256_text("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_text_is_hashed_as_utf_8_and_a_lone_surrogate_is_no_error() -> None:
    assert sha256_text("é") == hashlib.sha256(b"\xc3\xa9").hexdigest()
    assert sha256_text("\ud800") == hashlib.sha256(b"\xed\xa0\x80").hexdigest()


def test_a_files_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 100_000)
    assert sha256_file(path) == sha256_bytes(b"abc" * 100_000)


def test_canonical_json_has_sorted_keys_no_spaces_and_ascii_only() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == b'{"a":"\\u00e9","b":[1,2.5]}'


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4), max_size=6))
def test_the_order_of_keys_does_not_change_the_digest(value: dict[str, object]) -> None:
    backwards = dict(reversed(value.items()))
    assert digest_of(backwards) == digest_of(value)


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": {1, 2}}, b"bytes"])
def test_what_json_has_not_is_refused(value: object) -> None:
    for write in (canonical_json, pretty_json, digest_of):
        with pytest.raises(StoreError, match=r"Not writable as JSON.*finite numbers, texts, lists and maps only"):
            write(value)


def test_a_report_is_indented_sorted_and_ends_in_a_newline() -> None:
    assert pretty_json({"b": 1, "a": []}) == b'{\n  "a": [],\n  "b": 1\n}\n'


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=5), max_size=3))
def test_a_number_made_from_texts_lies_in_the_half_open_unit_interval(parts: list[str]) -> None:
    assert 0.0 <= unit_interval(*parts) < 1.0
    assert unit_interval(*parts) == unit_interval(*parts)


def test_the_number_depends_on_where_one_text_ends_and_the_next_begins() -> None:
    assert unit_interval("ab", "c") != unit_interval("a", "bc")


def test_the_number_is_the_first_thirteen_hex_digits_of_the_hash() -> None:
    # sha256("abc") begins ba7816bf8f01c; as a fraction of 16^13
    assert unit_interval("abc") == 0xBA7816BF8F01C / 16**13
