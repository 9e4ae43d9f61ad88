"""Inputs to try: a doctest's literal calls first, then values of the kinds that a signature suggests."""

import ast

from codelewm_assets.core.literals import read_arguments
from codelewm_assets.library.inputs import MAX_DRAWN, candidate_inputs, likely_kinds, own_values
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.library.library_code import CLAMP, make_function

DOCTEST = """Keep a number within bounds.

>>> clamp(3)
3
>>> print(small.clamp(12, high=5), clamp(-4, low=-3))
>>> clamp(1, 2, high=7) + clamp(n, 1)
>>> clamp([
"""


def test_literal_calls_of_the_doctest_come_first_by_position() -> None:
    found = candidate_inputs(make_function(prompt=DOCTEST), seed=0)
    assert found[:3] == ("[3]", "[-4, -3]", "[1, 2, 7]")  # high=5 would leave out low, and `n` is no literal


def test_a_malformed_doctest_gives_none() -> None:
    prompt = ">>> clamp(3)\n  3\n>>>clamp(4)"
    assert candidate_inputs(make_function(prompt=prompt), seed=0) == candidate_inputs(make_function(), seed=0)


def test_drawn_inputs_are_literals_of_one_to_all_arguments_and_depend_on_the_seed() -> None:
    found = candidate_inputs(make_function(), seed=0)
    assert 20 < len(found) <= MAX_DRAWN and len(set(found)) == len(found)
    counts = {len(read_arguments(text)) for text in found}
    assert counts == {1, 2, 3}
    assert all(isinstance(value, int) for text in found for value in read_arguments(text)[1:])  # by their defaults
    assert candidate_inputs(make_function(), seed=0) == found != candidate_inputs(make_function(), seed=1)


@each_case(
    "code",
    [
        "import os\n\ndef f(a):\n    return os.path.exists(a)",
        "import urllib.request\n\ndef f(a):\n    return urllib.request.quote(a)",
        "import datetime\n\ndef f(a):\n    return datetime.date.today() - a",
        "def f(a, *, b):\n    return a + b",
        "def f(*a):\n    return a",
    ],
)
def test_a_function_that_reads_more_than_its_arguments_or_cannot_be_called_has_none(code: str) -> None:
    assert candidate_inputs(make_function(code, "f"), seed=0) == ()


def test_a_function_of_pure_modules_has_inputs() -> None:
    code = "import math\nimport urllib.parse\n\ndef f(a):\n    return urllib.parse.quote(str(math.floor(a)))"
    assert candidate_inputs(make_function(code, "f"), seed=0)


@each_case(
    "argument, default, expected",
    [
        ("a: str", "", ("str",)),
        ("a: list[int]", "", ("list",)),
        ("a: int | None", "", ("int",)),
        ("a", "0.5", ("float",)),
        ("a", "[]", ("list",)),
        ("text", "None", ("str",)),
        ("text", "", ("str",)),
        ("numbers", "", ("list", "tuple")),
        ("n", "", ("int",)),
        ("whatever", "", ()),
    ],
)
def test_kinds_follow_annotation_then_default_then_name(argument: str, default: str, expected: tuple[str, ...]) -> None:
    arguments = ast.parse(f"def f({argument}{'=' if default else ''}{default}): pass").body[0]
    assert isinstance(arguments, ast.FunctionDef)
    spec = arguments.args
    assert likely_kinds(spec.args[0], spec.defaults[0] if spec.defaults else None) == expected


def test_texts_and_numbers_of_the_program_are_tried() -> None:
    own = own_values(ast.parse("def f(a):\n    return a.split('::')[0] * 7 if a else True"))
    assert own["str"] == ("::", "a::b", "::::")
    assert own["int"] == (-1, 0, 1, 6, 7, 8)
    assert own_values(ast.parse(CLAMP))["int"] == (-1, 0, 1, 9, 10, 11)
