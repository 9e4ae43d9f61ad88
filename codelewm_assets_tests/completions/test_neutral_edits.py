"""Neutral edits: each operator finds its place, changes the text as the example says, and keeps what the program does."""

import ast
import random
from copy import deepcopy
from typing import Any

from codelewm_assets.completions import neutral_edits
from codelewm_assets.completions.mutations import MUTATIONS
from codelewm_assets.completions.neutral_edits import ANY_NEUTRAL_EDIT, NEUTRAL_EDITS, integer_names
from codelewm_assets.completions.syntax import Operator, Scene
from codelewm_assets_tests.cases import each_case

OPERATORS: dict[str, Operator] = {edit.__name__: edit for row in NEUTRAL_EDITS.values() for edit in row}
OWN = {name for name in OPERATORS if OPERATORS[name] is getattr(neutral_edits, name, None)}
NUMBERS: list[Any] = [-7, -1, 0, 1, 2, 5, 0.5, float("nan")]
LISTS: list[Any] = [[], [3], [1, 2, 3], [5, -2, 5, 0], "text"]
CASES: dict[str, tuple[str, str, list[Any]]] = {
    # operator: body of f(a), what an edit makes of it, arguments
    "moved_bound": ("return len(a) > 1", "return len(a) >= 2", LISTS),
    "negated_order": ("return len(a) < 2", "return not len(a) >= 2", LISTS),
    "negated_opposite": ("return a == 1", "return not a != 1", NUMBERS),
    "merged_negation": ("return not a in (1, 2)", "return a not in (1, 2)", NUMBERS),
    "minus_negative": ("return a + 1", "return a - -1", NUMBERS),
    "negated_difference": ("return a - 1", "return -(1 - a)", NUMBERS),
    "double_as_sum": ("return 2 * a", "return a + a", NUMBERS + LISTS),
    "number_as_sum": ("return a * 3", "return a * (2 + 1)", NUMBERS + LISTS),
    "truth_as_negation": ("return a == True", "return a == (not False)", NUMBERS),
    "text_in_parts": ("return f'<{a}>' + 'ab' * 2", "return f'<{a}>' + ('a' + 'b') * 2", NUMBERS),
    "default_of_get": ("return {1: 2}.get(a, None)", "return {1: 2}.get(a)", NUMBERS),
    "range_with_start": ("return list(range(a))", "return list(range(0, a))", NUMBERS),
    "slice_with_bound": ("return a[1:]", "return a[1:len(a)]", LISTS),
    "last_by_length": ("return a[-1]", "return a[len(a) - 1]", LISTS),
    "quantifier_negated": ("return any((b for b in a))", "return not all((not b for b in a))", LISTS),
    "extremes_exchanged": ("return max(len(a), 2)", "return max(2, len(a))", LISTS),
    "conversion_dropped": ("return sorted(list(a))", "return sorted(a)", LISTS),
    "list_of_sorted": ("return sorted(a)", "return list(sorted(a))", LISTS),
    "returned_by_name": ("return a", "outcome = a\n    return outcome", NUMBERS),
    "repeated_condition": ("return a and 2", "return a and a and 2", NUMBERS),
    "branch_as_loop": (
        "b = 1\n    if a:\n        b = 2\n    return b",
        "b = 1\n    while a:\n        b = 2\n        break\n    return b", NUMBERS),
    "moved_range": (
        "b = []\n    for i in range(len(a)):\n        b += [a[i], i]\n    return b",
        "b = []\n    for i in range(1, len(a) + 1):\n        b += [a[i - 1], i - 1]\n    return b", LISTS),
}  # fmt: skip
NO_PLACE: list[tuple[str, str]] = [
    ("moved_bound", "return a > 1"),  # a float between 1 and 2
    ("negated_order", "return a < 2"),  # NaN, sets
    ("negated_difference", "return a - b"),  # sets, zeros
    ("double_as_sum", "return a() * 2"),  # called twice
    ("extremes_exchanged", "return max(a, 2)"),  # NaN
    ("slice_with_bound", "return a[1::2]"),
    ("slice_with_bound", "a[1:] = b"),
    ("last_by_length", "return a[-2]"),  # of a list of one
    ("number_as_sum", "return a + True"),
    ("text_in_parts", "return f'<{a}>'"),
    ("branch_as_loop", "for b in a:\n        if b:\n            break"),
    ("branch_as_loop", "if a:\n        return 1\n    else:\n        return 2"),
    ("quantifier_negated", "return any(a)"),
    ("moved_range", "for i in range(a):\n        b += i\n    return i"),  # used after the loop
    ("moved_range", "for i in range(a):\n        i += 1"),
    ("moved_range", "for i in range(0, a, 2):\n        b += i"),
    ("moved_range", "for i in range(a):\n        b += [lambda i: i]"),
]


def every_edit(name: str, body: str) -> list[str]:
    """The texts that the operator's edits make of `f(a)`, each applied alone to a fresh tree."""
    texts: list[str] = []
    while True:
        scene = Scene(ast.parse(f"def f(a):\n    {body}"), "f", random.Random(0))
        edits = OPERATORS[name](scene)
        if len(texts) == len(edits):
            return texts
        edits[len(texts)]()
        texts.append(ast.unparse(ast.fix_missing_locations(scene.tree)))


def results(code: str, arguments: list[Any]) -> list[str]:
    """What `f` returns as text, or the class of what it raises, and its argument after the call."""
    space: dict[str, Any] = {}
    exec(compile(code, "<test>", "exec"), space)
    found: list[str] = []
    for argument in deepcopy(arguments):
        try:
            found.append(f"{space['f'](argument)!r} {argument!r}")
        except Exception as error:
            found.append(f"{type(error)} {argument!r}")
    return found


def test_every_operator_of_a_bug_has_neutral_edits_and_every_own_one_an_example() -> None:
    assert sorted(NEUTRAL_EDITS) == sorted(operator.__name__ for row in MUTATIONS.values() for operator in row)
    assert ANY_NEUTRAL_EDIT.keys() == MUTATIONS.keys()
    assert all(NEUTRAL_EDITS.values()) and sorted(CASES) == sorted(OWN)


@each_case("name", CASES)
def test_a_neutral_edit_changes_the_text_and_keeps_what_the_program_does(name: str) -> None:
    body, after, arguments = CASES[name]
    before, texts = ast.unparse(ast.parse(f"def f(a):\n    {body}")), every_edit(name, body)
    if name != "returned_by_name":  # whose name is drawn
        assert f"def f(a):\n    {after}" in texts, texts
    for text in texts:
        assert text != before
        assert results(text, arguments) == results(before, arguments), text


@each_case("name, body", NO_PLACE)
def test_an_edit_that_could_change_the_meaning_is_not_offered(name: str, body: str) -> None:
    assert every_edit(name, body) == []


def test_an_early_return_becomes_a_loop_that_ends() -> None:
    (text,) = every_edit("branch_as_loop", "if a:\n        return 1\n    return 2")
    assert text == "def f(a):\n    while a:\n        return 1\n    return 2"


def test_integers_are_counts_lengths_and_what_is_computed_of_them() -> None:
    code = """
def f(a, n=1):
    total = 0
    for i, item in enumerate(a):
        total += i * 2
    count = len(a) - total
    share = count / 2
    other = 0
    other += n
    with item as late:
        pass
    return [j for j in range(3)]
"""
    assert integer_names(ast.parse(code)) == {"total", "i", "count", "j"}
