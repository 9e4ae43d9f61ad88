"""Cells, tables, intervals and reasons."""

from codelewm_assets.claims.verdicts import Reason
from codelewm_assets.release.markdown import Cell, cell, interval, reasons_text, table, with_interval
from codelewm_assets_tests.cases import each_case


@each_case(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.0, "0.000"),
        (0.12345, "0.123"),
        (1.1e-8, "1.10e-08"),  # three digits would show 0.000, which is another number
        (True, "yes"),
        (False, "no"),
        ("a|b", "a\\|b"),
        ("two\nlines", "two lines"),
        ("", ""),
    ],
)
def test_a_cell_shows_absent_as_a_dash_and_cannot_break_the_table(value: Cell, text: str) -> None:
    assert cell(value) == text


def test_a_table_has_one_line_a_row_whatever_its_cells_hold() -> None:
    made = table(["name", "value"], [["a|b\nc", None], ["d", 1.5]])
    assert made == "| name | value |\n|---|---|\n| a\\|b c | – |\n| d | 1.500 |\n"


def test_a_table_without_rows_says_so() -> None:
    assert table(["name"], []) == "(none)\n"


def test_an_interval_that_is_absent_leaves_the_value_alone() -> None:
    assert interval((0.1, 0.25)) == "0.100 to 0.250"
    assert interval(None) == "–"
    assert with_interval(0.5, (0.1, 0.9), 1) == "0.5 [0.1, 0.9]"
    assert with_interval(0.5, None) == "0.500"
    assert with_interval(None, None) == "–"


def test_more_than_four_reasons_are_counted_with_where_they_stand_and_mappings_read_alike() -> None:
    reasons = [Reason(code=f"c{i}", detail=f"Sentence {i}.") for i in range(6)]
    assert reasons_text(reasons) == (
        "c0: Sentence 0. c1: Sentence 1. c2: Sentence 2. c3: Sentence 3. "
        '2 more under "Every reason" in the results report.'
    )
    assert reasons_text([reason.model_dump() for reason in reasons]) == reasons_text(reasons)
    assert reasons_text(reasons[:1]) == "c0: Sentence 0."
    assert reasons_text([]) == ""
