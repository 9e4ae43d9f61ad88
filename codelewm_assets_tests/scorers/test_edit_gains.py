"""Gains of edits, by hand."""

import pytest

from codelewm_assets.baselines.ngram_lm import NgramModel
from codelewm_assets.scorers.edit_gains import EXCHANGES, KINDS, NAMES, edit_gains

USUAL = "def f(a, b):\n    if a == b:\n        return True\n    return False\n"
MODEL = NgramModel.fit([USUAL] * 3, order=4, min_count=1)


def row(code: str) -> dict[str, float]:
    return dict(zip(NAMES, edit_gains(MODEL, [code])[0].tolist(), strict=True))


def test_an_exchange_of_an_unusual_token_gains_and_of_a_usual_one_loses() -> None:
    usual, unusual = row(USUAL), row(USUAL.replace("==", "!="))
    assert usual["comparison_largest"] < 0 < unusual["comparison_largest"]
    assert unusual["comparison_positive"] == unusual["comparison_largest"] == unusual["largest"]


def test_a_gain_is_the_difference_of_the_whole_programs_surprisal() -> None:
    changed = USUAL.replace("==", "!=")
    usual, unusual = (float(s.sum()) for s in MODEL.surprisals([USUAL, changed]))
    assert row(changed)["comparison_largest"] == pytest.approx(unusual - usual)


def test_places_are_counted_by_kind() -> None:
    """`==` once; True and False once each with one exchange; `if` may be negated; two names with three exchanges each."""
    found = row(USUAL)
    counted = {kind: found[f"{kind}_places"] for kind in KINDS if found[f"{kind}_places"]}
    assert counted == {"comparison": 1.0, "truth": 2.0, "negation": 1.0, "name": 6.0}


def test_a_program_without_a_place_has_zeros() -> None:
    assert set(row("pass").values()) == {0.0}
    assert edit_gains(MODEL, []).shape == (0, len(NAMES))


def test_a_digit_that_is_no_number_has_no_exchange() -> None:
    assert row("x²")["number_places"] == 0.0  # does not parse: a superscript is a digit, and no decimal


def test_every_kind_of_exchange_is_a_column() -> None:
    assert set(EXCHANGES) | {"name", "number", "order"} == set(KINDS)
