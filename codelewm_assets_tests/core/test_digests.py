"""Digests: the same value, the same digest, whatever the order it was made in."""

import hashlib
import math
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codelewm_assets.core import digests
from codelewm_assets.core.digests import (
    canonical_json,
    digest_of,
    pretty_json,
    sha256_bytes,
    sha256_file,
    sha256_text,
    sha256_unchanged,
    unit_interval,
)
from codelewm_assets.core.errors import StoreError
from codelewm_assets_tests.cases import each_case


def test_the_digest_of_nothing_is_the_published_one() -> None:
    # FIPS 180-4 test vectors: sha256 of the empty message and of "abc"
    assert sha256_bytes(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256_text("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_text_is_hashed_as_utf_8_and_a_lone_surrogate_is_not_an_error() -> None:
    assert sha256_text("é") == hashlib.sha256(b"\xc3\xa9").hexdigest()
    assert sha256_text("\ud800") == hashlib.sha256(b"\xed\xa0\x80").hexdigest()


def test_a_files_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 100_000)
    assert sha256_file(path) == sha256_bytes(b"abc" * 100_000)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The digest of each file that was hashed. What was just written counts as settled."""
    found: list[str] = []
    real = hashlib.file_digest

    def counted(*arguments: object) -> object:
        found.append((digest := real(*arguments)).hexdigest())  # type: ignore[call-overload]
        return digest

    monkeypatch.setattr(hashlib, "file_digest", counted)
    monkeypatch.setattr(digests, "MIN_AGE_NS", 0)
    return found


def test_a_file_that_nothing_wrote_to_is_hashed_once(tmp_path: Path, hashed: list[str]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert [sha256_unchanged(path) for _ in range(3)] == [sha256_bytes(b"abc")] * 3
    assert len(hashed) == 1


def test_a_file_of_the_same_size_and_time_with_other_bytes_has_its_own_digest(
    tmp_path: Path, hashed: list[str]
) -> None:
    """Written in place, and replaced: each with the time of the first."""
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(b"abc")
    sha256_unchanged(path)
    status = path.stat()
    path.write_bytes(b"abd")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert sha256_unchanged(path) == sha256_bytes(b"abd")
    other.write_bytes(b"abe")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    assert sha256_unchanged(path) == sha256_bytes(b"abe")


def test_a_digest_is_not_believed_for_ever(tmp_path: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    monkeypatch.setattr(digests, "CACHE_TTL_S", 0.0)
    sha256_unchanged(path)
    sha256_unchanged(path)
    assert len(hashed) == 2


def test_a_file_that_was_just_written_is_hashed_each_time(
    tmp_path: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two writes within one tick of a file system's clock have one time."""
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    monkeypatch.setattr(digests, "MIN_AGE_NS", 3600 * 10**9)
    sha256_unchanged(path)
    sha256_unchanged(path)
    assert len(hashed) == 2


def test_canonical_json_has_sorted_keys_no_spaces_and_ascii_only() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == b'{"a":"\\u00e9","b":[1,2.5]}'


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4), max_size=6))
def test_the_order_of_keys_does_not_change_the_digest(value: dict[str, object]) -> None:
    backwards = dict(reversed(value.items()))
    assert digest_of(backwards) == digest_of(value)


@each_case("value", [math.nan, [math.inf], {"a": {1, 2}}, b"bytes"])
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


def test_the_number_depends_on_where_one_text_ends_and_the_next_begins() -> None:
    assert unit_interval("ab", "c") != unit_interval("a", "bc")


def test_the_number_is_the_first_thirteen_hex_digits_of_the_hash() -> None:
    # sha256("abc") begins ba7816bf8f01c; as a fraction of 16^13
    assert unit_interval("abc") == 0xBA7816BF8F01C / 16**13
