"""Forms of programs: what is equal, and what a body says."""

from codelewm_assets.dataset.forms import bodies, normal_form, skeleton
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import random_program

PLAIN = "def total(items):\n    result = 0\n    for item in items:\n        result += item\n    return result\n"
DRESSED = (
    "from typing import List\nimport typing\n\ndef add_up(values: List[int]) -> int:\n    '''Add \\d up.'''\n"
    "    acc: int = 0  # so far\n    for v in values:\n        acc += v\n    return (acc)\n"
)


def test_names_annotations_docstring_and_layout_do_not_count() -> None:
    assert normal_form(DRESSED) == normal_form(PLAIN)
    assert normal_form(PLAIN) == ("def v0(v1):\n    v2 = 0\n    for v3 in v1:\n        v2 += v3\n    return v2")


@each_case(
    "other", [PLAIN.replace("+=", "-="), PLAIN.replace("= 0", "= 1"), "import math\n" + PLAIN, PLAIN + "x = 1\n"]
)
def test_what_a_program_does_counts(other: str) -> None:
    assert normal_form(other) != normal_form(PLAIN)


def test_text_that_is_no_python_is_its_own_form_and_has_no_body() -> None:
    assert normal_form("  def (\n") == "def (" == skeleton("  def (\n")
    assert bodies("def (", "f") == ()


@each_case("code", [PLAIN, DRESSED, *(random_program(str(n)) for n in range(20))])
def test_programs_of_one_form_have_one_skeleton(code: str) -> None:
    assert skeleton(code) == skeleton(normal_form(code))
    assert skeleton(DRESSED) == skeleton(PLAIN)


def test_a_body_is_given_as_written_and_as_unparse_writes_it() -> None:
    written, plain = bodies(DRESSED, "add_up")
    assert written == "acc: int = 0\nfor v in values:\n        acc += v\nreturn (acc)"
    assert plain == "acc = 0\nfor v in values:\n    acc += v\nreturn acc"


def test_a_program_without_such_a_function_is_its_own_body() -> None:
    assert bodies("double = lambda x: x * 2\n", "double") == ("double = lambda x: x * 2",) * 2
