"""Features of a program, each by a program that shows it."""

from collections import Counter

import numpy as np
import pytest

from codelewm_assets.baselines.code_features import NAMES, features
from codelewm_assets.baselines.lints import LINTS, lint_marks
from codelewm_assets.completions.syntax import parse_program

SHOWN = {
    "unused_parameter": "def f(a, b):\n    return a + 1",
    "unused_local": "def f(a):\n    b = a\n    return a + 1",
    "unused_loop_variable": "def f(a):\n    for x in a:\n        print(a)",
    "same_operands": "a - a",
    "same_arguments": "max(a, a)",
    "parameter_returned": "def f(a):\n    return a",
    "same_branches": "b if c else b",
    "constant_test": "if 1:\n    pass",
    "impossible_remainder": "a % 2 == 3",
    "sum_from_nonzero": "def f(a):\n    s = 1\n    for x in a:\n        s += x\n    return s",
    "product_from_other_than_one": "def f(a):\n    s = 0\n    for x in a:\n        s = s * x\n    return s",
    "step_against_test": "while i < n:\n    i -= 1",
    "index_beyond_end": "a[len(a)]",
    "type_conflict": "def f(a):\n    return 'b' - a",
    "swapped_call_arguments": "isinstance(int, a)",
    "reversed_range": "range(n, 0)",
    "loop_ends_at_once": "for x in a:\n    break",
    "negative_start": "range(-1, n)",
    "number_plus_text": "def f(a):\n    return 1 + str(a)",
    "returns_disagree": "def f(a):\n    if a:\n        return 1\n    return 'x'",
    "overwritten_unread": "def f(a):\n    b = a\n    b = 1\n    return b",
    "compared_with_itself_shifted": "a + b == a",
    "constant_first_operand": "1 - a",
    "odd_number": "a + 7",
    "text_with_blank": "'a '",
    "empty_text": "''",
}
SOUND = "def f(xs):\n    total = 0\n    for x in xs:\n        if x > 2:\n            total += x\n    return total"


def marks(code: str) -> Counter[str]:
    return Counter(lint_marks(parse_program(code)))


def test_there_is_an_example_of_every_lint() -> None:
    assert set(SHOWN) == set(LINTS)


@pytest.mark.parametrize("name", LINTS)
def test_the_form_is_counted_once(name: str) -> None:
    assert marks(SHOWN[name])[name] == 1


def test_a_sound_program_has_no_mark() -> None:
    assert not marks(SOUND)


def value(name: str, code: str, prompt: str = "") -> float:
    return float(features([code], [prompt])[0, NAMES.index(name)])


def test_an_operation_that_the_prompt_names_agrees_and_its_opposite_does_not() -> None:
    prompt = "Return the largest number"
    assert [value("agrees_largest", code, prompt) for code in ("max(a)", "min(a)", "a")] == [1.0, -1.0, 0.0]
    assert value("agrees_largest", "max(a)", "Return the sum") == 0.0


def test_numbers_and_texts_are_looked_up_in_the_prompt() -> None:
    prompt = 'Count "yes" in groups of three'
    code = "f(3, 5, 'yes', 'no', 1)"
    names = ("numbers_in_prompt", "numbers_not_in_prompt", "texts_in_prompt", "texts_not_in_prompt")
    assert [value(name, code, prompt) for name in names] == [1.0, 1.0, 1.0, 1.0]
    assert value("prompt_numbers_absent", "f(5)", prompt) == 1.0


def test_a_text_that_does_not_parse_has_lengths_alone() -> None:
    assert value("parses", "def f(:") == 0.0
    assert value("nodes", "def f(:") == 0.0
    assert value("tokens", "def f(:") > 0


def test_a_number_beyond_any_float_is_a_number_like_others() -> None:
    assert value("numbers_not_in_prompt", f"x = {10**400}") == 1.0
    assert value("numbers_not_in_prompt", "x = 1e999") == 0.0


def test_names_leave_no_mark() -> None:
    renamed = SOUND.replace("total", "s").replace("xs", "numbers")
    assert np.array_equal(features([SOUND], ["p"]), features([renamed], ["p"]))


def test_rows_do_not_depend_on_each_other_nor_on_their_order() -> None:
    codes, prompts = list(SHOWN.values()), ["the sum"] * len(SHOWN)
    together = features(codes, prompts)
    assert np.array_equal(together[::-1], features(codes[::-1], prompts))
    assert np.isfinite(together).all()
    assert np.array_equal(together[3:4], features(codes[3:4], prompts[:1]))


def test_no_program_has_no_row() -> None:
    assert features([], []).shape == (0, len(NAMES))
