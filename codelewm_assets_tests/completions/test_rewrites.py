"""Rewrites: each operator finds its place in an example, changes the text, and keeps what the program does."""

import ast
import random
from copy import deepcopy
from textwrap import indent
from typing import Any

from codelewm_assets.completions.rewrites import REWRITES
from codelewm_assets.completions.syntax import Scene
from codelewm_assets_tests.cases import each_case

OPERATORS = {operator.__name__: operator for row in REWRITES.values() for operator in row}
NUMBERS: list[list[Any]] = [[-7], [-1], [0], [1], [2], [10], [11]]
LISTS: list[list[Any]] = [[[]], [[3]], [[1, 2, 3]], [[5, -2, 5, 0]]]
SUMS = "def f(a):\n    total = 0\n    for item in a:\n        total += item\n    return total"
BRANCHES = "def f(a):\n    if a > 1: return 'big'\n    elif a == 0: return 'none'\n    else: return 'small'"
EARLY = "def f(a):\n    if a > 1:\n        return 'big'\n    a = a + 1\n    return a"
CASES: dict[str, tuple[str, list[list[Any]]]] = {
    "rename_locals": (SUMS, LISTS),
    "shorten_locals": (SUMS, LISTS),
    "rename_one_local": (SUMS, LISTS),
    "argument_alias": ("def f(a):\n    a += [1]\n    return [x for x in a if x in a]", LISTS),
    "return_temporary": ("def f(a):\n    if a: return a + 1\n    return -a", NUMBERS),
    "test_temporary": (BRANCHES, NUMBERS),
    "argument_temporary": ("def f(a):\n    b = sorted(a + [1])\n    return len(b[1:])", LISTS),
    "inner_helper": (SUMS, LISTS),
    "outer_helper": (
        "def f(a, b=2):\n    return a * b if a > b else f(b + 1, a) if a < b else 0", NUMBERS + [[3, 4]]),
    "swap_branches": (BRANCHES, NUMBERS),
    "swap_ternary": ("def f(a):\n    return a if a in (1, 2) else -a", NUMBERS),
    "ternary_to_if": ("def f(a):\n    b = 1 if a > 0 else 2\n    return b if a != 2 else a", NUMBERS),
    "returns_to_ternary": (
        "def f(a):\n    if a > 5:\n        return 1\n    if a: return 2\n    else: return 3", NUMBERS),
    "nest_and": ("def f(a):\n    if a > 0 and a < 9 and 6 // a == 3:\n        return True\n    return False", NUMBERS),
    "drop_else_after_exit": (BRANCHES, NUMBERS),
    "add_else_after_exit": (EARLY, NUMBERS),
    "result_variable": (BRANCHES, NUMBERS),
    "for_range_to_while": (
        "def f(n):\n    out = []\n    for n in range(n):\n        out.append(n)\n    for i in range(7, len(out), -2):\n"
        "        out.append(i)\n        if i == 3: break\n    return out", NUMBERS),
    "for_each_to_index": (
        "def f(a: list):\n    for x in a:\n        if x in a[1:]: return x\n    return len(a)", LISTS),
    "comprehension_to_loop": (
        "def f(a):\n    b = {x: [y for y in a if y > x] for x in a if x if x > 1}\n    c = {z for z in a}\n"
        "    return sum(q * 2 for q in b) + len(c)", LISTS),
    "any_all_to_loop": (
        "def f(a):\n    if a: return all(x > 0 for x in a)\n    return any(y for z in a for y in z)", LISTS),
    "loop_to_comprehension": (
        "def f(a):\n    b = []\n    for x in a:\n        if x > 1:\n            b.append(x * 2)\n    return b", LISTS),
    "while_true": ("def f(n):\n    while n > 0:\n        n -= 3\n        if n == 7: continue\n    return n", NUMBERS),
    "mirror_comparison": ("def f(a):\n    return [a < 2, 2 <= a, a == len('ab'), a != 1, a > 1, a >= 2]", NUMBERS),
    "double_negation": ("def f(a):\n    while a > 10: a -= 1\n    if a == 10: return 'ten'\n    return a", NUMBERS),
    "expand_augmented": ("def f(a):\n    a += 2\n    a *= 3\n    a //= -2\n    return a", NUMBERS),
    "commute_number": ("def f(a):\n    return (a + 1) * 2 - 3 + -4", NUMBERS),
    "split_chain": ("def f(a):\n    return 0 < a < 5, 0 <= a != 10", NUMBERS),
    "de_morgan": (
        "def f(a):\n    if a > 0 and a < 9: return 1\n    if a == 10 or not a or a < -5: return 2\n    return 3",
        NUMBERS),
    "emptiness_test": ("def f(a):\n    return len(a) == 0, len(a) > 0, len(a[1:]) == 0", LISTS),
    "literal_to_call": (
        "def f(a):\n    b = []\n    c = {}\n    for x in a:\n        b = b + [x]\n        c[x] = 1\n    return b, c",
        LISTS),
}  # fmt: skip


def results(code: str, inputs: list[list[Any]]) -> list[Any]:
    """What `f` returns, or the class of what it raises, and its arguments after the call."""
    space: dict[str, Any] = {}
    exec(compile(code, "<test>", "exec"), space)
    found: list[Any] = []
    for arguments in deepcopy(inputs):
        try:
            found.append((space["f"](*arguments), arguments))
        except Exception as error:
            found.append((type(error), arguments))
    return found


def every_edit(name: str, code: str) -> list[str]:
    """The texts that the operator's edits make, each applied alone to a fresh tree."""
    texts: list[str] = []
    while True:
        scene = Scene(ast.parse(code), "f", random.Random(0))
        edits = OPERATORS[name](scene)
        if len(texts) == len(edits):
            return texts
        edits[len(texts)]()
        texts.append(ast.unparse(ast.fix_missing_locations(scene.tree)))


def test_every_operator_has_an_example() -> None:
    assert sorted(CASES) == sorted(OPERATORS)


@each_case("name", CASES)
def test_a_rewrite_changes_the_text_and_keeps_what_the_program_does(name: str) -> None:
    code, inputs = CASES[name]
    texts = every_edit(name, code)
    assert texts
    for text in texts:
        assert text != ast.unparse(ast.parse(code))
        assert results(text, inputs) == results(code, inputs), text


@each_case(
    ("name", "body", "text"),
    [
        ("nest_and", "if a and b:\n    return 1", "if a:\n    if b:\n        return 1"),
        ("while_true", "while a:\n    a -= 1", "while True:\n    if not a:\n        break\n    a -= 1"),
        ("commute_number", "return a + 1", "return 1 + a"),
        ("de_morgan", "if a and a == 1:\n    pass", "if not (not a or a != 1):\n    pass"),
        ("any_all_to_loop", "return any((x for x in a))", "for x in a:\n    if x:\n        return True\nreturn False"),
    ],
)
def test_a_rewrite_is_the_one_that_its_docstring_shows(name: str, body: str, text: str) -> None:
    found = every_edit(name, "def f(a):\n" + indent(body, "    "))
    assert found == ["def f(a):\n" + indent(text, "    ")]


@each_case(
    ("name", "code", "reason"),
    [
        ("for_range_to_while", "def f(n):\n    for i in range(n): pass\n    return i", "the variable is read after it"),
        ("for_range_to_while", "def f(n):\n    for i in range(n):\n        continue", "continue would skip the count"),
        ("for_range_to_while", "def f(n):\n    for i in range(n):\n        i = 5", "the body moves the variable"),
        ("for_each_to_index", "def f(a):\n    for x in a: pass", "nothing shows that it is a sequence"),
        ("for_each_to_index", "def f(a: list):\n    for x in a:\n        a.pop()", "the loop changes it"),
        ("expand_augmented", "def f(a):\n    a += [1]\n    return a", "a list would no longer grow in place"),
        ("commute_number", "def f(a):\n    return a + 'x'", "a sum of texts does not commute"),
        (
            "loop_to_comprehension",
            "def f(a):\n    b = []\n    for x in a: b.append(x)\n    return x",
            "x is read later",
        ),
        ("literal_to_call", "def f(list):\n    b = []\n    return b", "the name means something else here"),
        ("rename_locals", "def f(a):\n    b = a\n    return locals()", "the names can be seen"),
        ("mirror_comparison", "def f(a):\n    return a.pop() < a.pop()", "the order of side effects would change"),
        ("split_chain", "def f(a):\n    return 0 < a.pop() < 5", "the middle would be evaluated twice"),
        ("outer_helper", "def f(a):\n    yield a", "a generator is not a value"),
    ],
)
def test_a_rewrite_passes_over_what_it_cannot_show_to_be_safe(name: str, code: str, reason: str) -> None:
    assert every_edit(name, code) == [], reason


def test_the_entry_points_name_and_arguments_stay() -> None:
    for name, (code, _) in CASES.items():
        wanted = ast.dump(next(n for n in ast.parse(code).body if isinstance(n, ast.FunctionDef)).args)
        for text in every_edit(name, code):
            (found,) = (n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == "f")
            assert ast.dump(found.args) == wanted, text


def test_functions_that_the_entry_point_cannot_reach_are_left_alone() -> None:
    code = "def other(a):\n    return a + 1\n\ndef used(a):\n    return a + 2\n\ndef f(a):\n    return used(a)"
    assert every_edit("commute_number", code) == [ast.unparse(ast.parse(code.replace("a + 2", "2 + a")))]
