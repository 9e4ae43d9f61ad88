"""Alpha-normalisation: one text for programs that differ in the names of their locals, and for no others."""

from codelewm_assets.completions.renaming import alpha_normalise
from codelewm_assets_tests.cases import each_case
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


@each_case(
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


@each_case(
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


@each_case("number", range(20))
def test_it_is_idempotent(number: int) -> None:
    once = alpha_normalise(random_program(str(number)), "solve")
    assert alpha_normalise(once, "solve") == once


@each_case(
    ("one", "two", "reason"),
    [
        ("def h(a, b):\n    return a - b\ndef f(x):\n    return h(a=x, b=1)",
         "def h(b, a):\n    return b - a\ndef f(x):\n    return h(a=x, b=1)", "keywords tell which argument is which"),
        ("x = 1\ndef f():\n    global x\n    x = 2", "x = 1\ndef f():\n    x = 2", "one sets the module's"),
        ("def f(a):\n    return a.size", "def f(a):\n    return a.count", "attributes are not names of its own"),
        ("def f(x):\n    return [x for x in x]", "def f(x):\n    return [y for x in x]", "y is free"),
        ("class C:\n    x = 1\ndef f(): pass", "class C:\n    y = 1\ndef f(): pass", "a class's names are attributes"),
    ],
)  # fmt: skip
def test_scopes_keep_programs_apart_that_differ_in_more_than_names(one: str, two: str, reason: str) -> None:
    assert alpha_normalise(one, "f") != alpha_normalise(two, "f"), reason


@each_case(
    ("one", "two"),
    [
        ("def h(a, *, b):\n    return a - b\ndef f(x):\n    return h(x, b=1)",
         "def g(p, *, q):\n    return p - q\ndef f(y):\n    return g(y, q=1)"),
        ("x = 1\ndef f():\n    global x\n    x = 2", "y = 1\ndef f():\n    global y\n    y = 2"),
        ("def f(x):\n    return [x for x in x if (z := x)]", "def f(a):\n    return [b for b in a if (c := b)]"),
        ("def f(x):\n    match x:\n        case [a, *b]:\n            return a, b",
         "def f(x):\n    match x:\n        case [c, *d]:\n            return c, d"),
    ],
)  # fmt: skip
def test_two_renamings_of_one_program_are_one_text(one: str, two: str) -> None:
    assert alpha_normalise(one, "f") == alpha_normalise(two, "f")


def test_no_program_that_parses_makes_it_raise() -> None:
    for code in (
        "",
        "nonlocal x",
        "global f",
        "return",
        "x = " + "-" * 900 + "1",
        "x = 0x" + "f" * 5000,
        "f'{x!r:>{y}}'",
    ):
        assert isinstance(alpha_normalise(code, "f"), str)


def test_text_that_does_not_parse_comes_back_stripped() -> None:
    assert alpha_normalise("  def f(:\n", "f") == "def f(:"
    assert alpha_normalise("x\0", "f") == "x\0"
