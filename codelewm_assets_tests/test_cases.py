"""A test folded over rows fails as each of its rows would, and says which."""

import inspect
import sys

import pytest

from codelewm_assets_tests.cases import each_case


def test_every_row_that_fails_is_named_with_its_fault_and_no_other() -> None:
    @each_case(("number", "limit"), [(1, 2), (5, 3), (2, 3), (9, 4)])
    def below(number: int, limit: int) -> None:
        assert number < limit, f"{number} is not below {limit}"

    with pytest.raises(AssertionError) as caught:
        below()
    said = str(caught.value)
    assert said.startswith("2 of 4 rows fail:\n")
    assert "[5, 3] AssertionError: 5 is not below 3" in said and "[9, 4] AssertionError: 9 is not below 4" in said
    assert "[1, 2]" not in said and "[2, 3]" not in said
    assert str(caught.value.__cause__).startswith("5 is not below 3")


def test_an_error_an_exit_and_an_exception_that_did_not_come_are_failures_of_their_row() -> None:
    @each_case("row", ["error", "exit", "no exception", "fine"])
    def of(row: str) -> None:
        if row == "error":
            raise KeyError(row)
        if row == "exit":
            sys.exit(2)
        if row == "no exception":
            with pytest.raises(ValueError, match="never"):
                pass

    with pytest.raises(AssertionError, match="3 of 4 rows fail") as caught:
        of()
    assert "['error'] KeyError" in str(caught.value) and "['exit'] SystemExit" in str(caught.value)
    assert "['no exception'] Failed: DID NOT RAISE" in str(caught.value)


def test_every_row_is_checked_once_and_all_that_hold_are_one_pass() -> None:
    seen: list[int] = []

    @each_case("number", range(4))
    def looked(number: int) -> None:
        seen.append(number)

    looked()
    assert seen == [0, 1, 2, 3]


def test_a_table_without_a_row_fails() -> None:
    @each_case("row", [])
    def of_nothing(row: str) -> None:
        pass

    with pytest.raises(AssertionError, match="there is no row to look at"):
        of_nothing()


def test_fixtures_are_asked_for_and_rows_are_none_of_them() -> None:
    @each_case("a, b", [(1, 2)], ids=["first"])
    def with_fixture(tmp_path: str, a: int, b: int) -> None:
        assert (tmp_path, a, b) == ("folder", 1, 3)

    assert list(inspect.signature(with_fixture).parameters) == ["tmp_path"]
    with pytest.raises(AssertionError, match=r"\[first\] AssertionError"):
        with_fixture(tmp_path="folder")


def test_a_name_that_the_test_does_not_take_is_refused() -> None:
    with pytest.raises(AssertionError, match="does not take all of"):

        @each_case("wrong", [1])
        def of(right: int) -> None:
            pass
