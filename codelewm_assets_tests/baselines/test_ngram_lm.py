"""The n-gram model, by hand."""

from math import log

import numpy as np
import pytest

from codelewm_assets.baselines.ngram_lm import NgramModel, token_stream
from codelewm_assets.core.errors import ModelFileError

PROGRAM = "def f(xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total\n"
RENAMED = "def g(a):\n    # a comment\n    s = 0\n    for b in a:\n        s += b\n    return s\n"


def model() -> NgramModel:
    """Streams "a b" and "a c", order 2. Vocabulary: </s>, <unk>, a, b, c, and <s>, which is never predicted."""
    return NgramModel.fit_tokens([["a", "b"], ["a", "c"]], order=2, min_count=1)


def test_surprisals_by_hand() -> None:
    """Distinct tokens before a: 1 (<s>), b: 1, c: 1, </s>: 2; three of four weights are 1, one is 2: discount 3 / (3 + 2) = 0.6.

    Level 0: 1/5 for each of the five. Level 1, total 5, 4 kinds, backoff mass 0.6 · 4 / 5 = 0.48: p(a) = p(b) = 0.4/5 + 0.48/5 =
    0.176, p(</s>) = 1.4/5 + 0.096 = 0.376. Level 2 counts: <s> a 2, a b 1, a c 1, b </s> 1, c </s> 1; discount 4/(4 + 2) = 2/3.
    p(a | <s>) = (2 - 2/3)/2 + (2/3)(1)/2 · 0.176, p(b | a) = (1/3)/2 + (2/3)(2)/2 · 0.176, p(</s> | b) = 1/3 + (2/3) · 0.376.
    """
    (surprisals,) = model().surprisals_of_tokens([["a", "b"]])
    expected = [(4 / 3 + 2 / 3 * 0.176) / 2, (1 / 3 + 4 / 3 * 0.176) / 2, 1 / 3 + 2 / 3 * 0.376]
    assert surprisals == pytest.approx([-log(p) for p in expected], rel=1e-12)


def test_an_unseen_token_backs_off_to_the_uniform_distribution() -> None:
    """No discount takes <unk> further than the base: p(<unk>) = 0.48/5 at level 1, times the mass (2/3)(2)/2 after "a"."""
    (surprisals,) = model().surprisals_of_tokens([["a", "z"]])
    assert surprisals[1] == pytest.approx(-log(2 / 3 * 0.096), rel=1e-12)


def test_probabilities_of_all_tokens_after_a_context_sum_to_one() -> None:
    fitted = NgramModel.fit([PROGRAM, RENAMED, "print(1)\n"], order=4, min_count=1)
    words = [token for token in fitted.vocabulary if token != "<s>"]
    context = ["def", "v*", "("]
    total = sum(float(np.exp(-s[3])) for s in fitted.surprisals_of_tokens([[*context, word] for word in words]))
    assert total == pytest.approx(1.0, abs=1e-9)


def test_names_comments_and_layout_leave_no_mark() -> None:
    assert token_stream(PROGRAM) == token_stream(RENAMED)
    assert token_stream(PROGRAM)[:8] == ("def", "v*", "(", "v*", ")", ":", "<nl>", "<in>")


def test_a_name_is_the_number_of_names_used_since() -> None:
    """In `a = b = 1` then `a + b + a`: a was used before b; after a is read, b lies one back, and a one again."""
    assert token_stream("a = b = 1\na + b + a")[-6:] == ("v1", "+", "v1", "+", "v1", "<nl>")


def test_builtins_attributes_imports_and_short_literals_stay() -> None:
    stream = token_stream("import math\nx = math.sqrt(len('ab')) + 123456 + len('abcdef')")
    assert {"math", "sqrt", "len", "'ab'", "<num>", "<str>"} <= set(stream)


def test_a_text_that_does_not_parse_has_tokens() -> None:
    assert token_stream("def f(:\n  # note\n") == ("def", "v*", "(", ":", "<nl>")


def test_windows_have_the_surprisal_of_the_whole() -> None:
    """At order 3 the sum over a part equals that part of the whole text, given two tokens of context."""
    fitted = NgramModel.fit([PROGRAM, RENAMED], order=3, min_count=1)
    stream = ("<s>", *token_stream(PROGRAM), "</s>")
    (whole,) = fitted.surprisals([PROGRAM])
    (part,) = fitted.window_surprisals([(stream[5:12], 2)])
    assert part == pytest.approx(float(whole[6:11].sum()))  # the first surprisal is the second token's


def test_a_natural_program_is_less_surprising() -> None:
    fitted = NgramModel.fit([PROGRAM], min_count=1)
    natural, odd = fitted.mean_surprisals([RENAMED, RENAMED.replace("+=", "-=")])
    assert natural < odd


def test_stored_arrays_give_the_same_surprisals() -> None:
    fitted = NgramModel.fit([PROGRAM, "print(1)\n"], min_count=1)
    again = NgramModel.from_arrays(fitted.arrays())
    assert np.array_equal(fitted.surprisals([RENAMED])[0], again.surprisals([RENAMED])[0])


def test_incomplete_arrays_are_refused() -> None:
    stored = model().arrays()
    del stored["weights_2"]
    with pytest.raises(ModelFileError, match="weights_2"):
        NgramModel.from_arrays(stored)


def test_nothing_to_fit_on_is_refused() -> None:
    with pytest.raises(ValueError, match="0 streams"):
        NgramModel.fit([])


def test_nothing_to_score_has_no_scores() -> None:
    assert model().surprisals([]) == []
    assert model().statistics([]).shape == (0, 8)
