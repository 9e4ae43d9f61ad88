"""Alpha-normalisation: one text for programs that differ in the names of their locals, and for no others."""

import pytest

from codelewm_assets.completions.alpha import alpha_normalise
from codelewm_assets_tests.factories import random_program

ONE = """
def helper(x, scale=2):
    return x * scale
def f(items):
    total = 0
    for item in items:
        try:
            total += helper(item)
        except TypeError as error:
            return str(error)
    return max(total, *[y for y in items], (lambda z: z)(0))
"""
TWO = """
def inner(left, right=2):
    return left * right
def f(values):
    s = 0
    for value in values:
        try:
            s += inner(value)
        except TypeError as e:
            return str(e)
    return max(s, *[v for v in values], (lambda w: w)(0))
"""


def test_programs_that_differ_in_the_names_of_locals_become_one_text() -> None:
    assert alpha_normalise(ONE, "f") == alpha_normalise(TWO, "f")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("return max(total", "return min(total"),
        ("total = 0", "total = 1"),
        ("x * scale", "scale * x"),
        ("str(error)", "str(total)"),
        ("def f(items)", "def g(items)"),
    ],
)
def test_any_other_difference_stays(one: str, two: str) -> None:
    assert alpha_normalise(ONE, "f") != alpha_normalise(ONE.replace(one, two), "f")


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("import math\ndef f(x):\n    return math.sqrt(x)", "import math\n\ndef f(v0):\n    return math.sqrt(v0)"),
        ("import math as m\ndef f(x):\n    return m.sqrt(x)", "import math as v0\n\ndef f(v1):\n    return v0.sqrt(v1)"),
        ("def f(x):\n    return sorted(x, key=len)", "def f(v0):\n    return sorted(v0, key=len)"),
        ("def f(key):\n    return sorted(key, key=len)", "def f(v0):\n    return sorted(v0, key=len)"),
        ("def f(sum):\n    return sum", "def f(v0):\n    return v0"),
        ("def f(x):\n    return v0 + x", "def f(v1):\n    return v0 + v1"),
        ("def f(x):\n    def g():\n        nonlocal x\n        x = 1\n    return x",
         "def f(v0):\n\n    def v1():\n        nonlocal v0\n        v0 = 1\n    return v0"),
        ("def f(x):\n    return eval('x')", "def f(x):\n    return eval('x')"),
    ],
)  # fmt: skip
def test_only_names_that_are_the_programs_own_change(code: str, wanted: str) -> None:
    assert alpha_normalise(code, "f") == wanted


@pytest.mark.parametrize("number", range(20))
def test_it_is_idempotent(number: int) -> None:
    once = alpha_normalise(random_program(str(number)), "solve")
    assert alpha_normalise(once, "solve") == once


def test_text_that_does_not_parse_comes_back_stripped() -> None:
    assert alpha_normalise("  def f(:\n", "f") == "def f(:"
    assert alpha_normalise("x\0", "f") == "x\0"
