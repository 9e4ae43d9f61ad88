"""Mutations: each family makes the bug that it names, and an example's result changes."""

import ast
import random
from typing import Any

from codelewm_assets.completions.mutations import MUTATIONS
from codelewm_assets.completions.syntax import Scene
from codelewm_assets_tests.cases import each_case

CASES: dict[str, tuple[str, str, list[Any], Any, Any]] = {
    # family: body of f(a), one mutant's body, arguments, result before, result after
    "relational": ("return a < 5", "return a <= 5", [5], False, True),
    "arithmetic": ("return a + 2", "return a - 2", [5], 7, 3),
    "logical": ("return a > 1 and a < 3", "return a > 1 or a < 3", [5], False, True),
    "constant": ("return a * 2", "return a * 3", [5], 10, 15),
    "boundary": ("return list(range(a))", "return list(range(a - 1))", [3], [0, 1, 2], [0, 1]),
    "called": ("return min(a)", "return max(a)", [[4, 9]], 4, 9),
    "statement": ("a += 1\n    return a", "return a", [5], 6, 5),
    "operand": ("return a - 2", "return 2 - a", [5], 3, -3),
}


def mutants(family: str, code: str) -> list[str]:
    """The texts of all single bugs of a family."""
    texts: list[str] = []
    for operator in MUTATIONS[family]:
        for index in range(len(operator(Scene(ast.parse(code), "f", random.Random(0))))):
            scene = Scene(ast.parse(code), "f", random.Random(0))
            operator(scene)[index]()
            texts.append(ast.unparse(ast.fix_missing_locations(scene.tree)))
    return texts


def bodies(family: str, body: str) -> list[str]:
    """Bodies of the mutants of a function whose body is one line."""
    return [text.removeprefix("def f(a):\n    ") for text in mutants(family, f"def f(a):\n    {body}")]


def call(body: str, arguments: list[Any]) -> Any:
    """What the function with this body returns."""
    space: dict[str, Any] = {}
    exec(compile(f"def f(a):\n    {body}", "<test>", "exec"), space)
    return space["f"](*arguments)


OPERATORS: dict[str, tuple[str, str, str]] = {
    # operator: body of f(a), one mutant's body, a body without a place for it
    "negated_comparison": ("return a == 1", "return a != 1", "return a < 1"),
    "shifted_comparison": ("return a < 1", "return a <= 1", "return a == 1"),
    "turned_comparison": ("return a < 1", "return a > 1", "return a in b"),
    "other_arithmetic": ("return a + 1", "return a - 1", "return a & 1"),
    "swapped_connective": ("return a and 1", "return a or 1", "return not a"),
    "dropped_condition": ("return a and b", "return b", "return a"),
    "negated_test": ("return 1 if a else 2", "return 1 if not a else 2", "return a or 2"),
    "shifted_number": ("return 1", "return 2", "return True"),
    "flipped_truth": ("return True", "return False", "return 1"),
    "changed_text": ("return 'x'", "return ''", "return 1"),
    "shifted_range": ("return range(a)", "return range(a + 1)", "return a[1:]"),
    "shifted_slice": ("return a[1:]", "return a[1 - 1:]", "return a[1]"),
    "shifted_index": ("return a[b]", "return a[b + 1]", "return a[1]"),
    "other_function": ("return min(a)", "return max(a)", "return min(a, key=b)"),
    "other_method": ("return a.lower()", "return a.upper()", "return a.lower"),
    "exchanged_arguments": ("return g(a, b)", "return g(b, a)", "return g(*a, b)"),
    "statement_left_out": ("a += 1\n    return a", "return a", "return a"),
    "loop_left_early": (
        "for x in a:\n        b(x)\n    return a",
        "for x in a:\n        b(x)\n        break\n    return a",
        "while a:\n        b(a)\n    return a",
    ),
    "exchanged_operands": ("return a - b", "return b - a", "return a + b"),
    "dropped_operand": ("return a + b", "return b", "return a"),
    "forgotten_negation": ("return not a", "return a", "return a"),
    "wrong_default": ("return a.get(1, 0)", "return a.get(1)", "return a.get(1)"),
    "forgotten_call": ("return sorted(a)", "return a", "return len(a)"),
    "return_in_loop": (
        "for x in a:\n        b(x)\n    return a",
        "for x in a:\n        b(x)\n        return a",
        "for x in a:\n        return x\n    return a",
    ),
    "forgotten_else": (
        "if a:\n        return 1\n    else:\n        return 2",
        "if a:\n        return 1",
        "if a:\n        return 1\n    return 2",
    ),
    "swapped_jump": (
        "for x in a:\n        if x:\n            break\n    return x",
        "for x in a:\n        if x:\n            continue\n    return x",
        "while a:\n        break\n    return a",
    ),
    "other_returned": ("b = 1\n    return b", "b = 1\n    return a", "b = 1\n    return 1"),
    "other_variable": ("b = 1\n    return b + 1", "b = 1\n    return a + 1", "b = 1\n    return b"),
}


def test_every_operator_has_an_example() -> None:
    names = [operator.__name__ for operators in MUTATIONS.values() for operator in operators]
    assert sorted(names) == sorted(OPERATORS) and len(names) >= 12


@each_case("name", OPERATORS)
def test_each_operator_makes_its_edit_and_nothing_where_it_has_no_place(name: str) -> None:
    body, mutant, other = OPERATORS[name]
    (operator,) = (o for operators in MUTATIONS.values() for o in operators if o.__name__ == name)

    def made(text: str) -> list[str]:
        found = []
        for index in range(len(operator(Scene(ast.parse(f"def f(a):\n    {text}"), "f", random.Random(0))))):
            scene = Scene(ast.parse(f"def f(a):\n    {text}"), "f", random.Random(0))
            operator(scene)[index]()
            found.append(ast.unparse(ast.fix_missing_locations(scene.tree)).removeprefix("def f(a):\n    "))
        return found

    assert mutant in made(body)
    assert made(other) == []


def test_every_family_has_an_example() -> None:
    assert sorted(CASES) == sorted(MUTATIONS)


@each_case("family", CASES)
def test_a_mutant_of_each_family_changes_a_result(family: str) -> None:
    body, mutant, arguments, before, after = CASES[family]
    assert mutant in bodies(family, body)
    assert (call(body, arguments), call(mutant, arguments)) == (before, after)
    assert before != after


@each_case(
    ("family", "body", "wanted"),
    [
        ("relational", "return a <= 1", ["a < 1", "a >= 1"]),
        ("relational", "return a == 1", ["a != 1"]),
        ("relational", "return 1 in a", ["1 not in a"]),
        ("relational", "return 0 < a > 1", ["0 <= a > 1", "0 > a > 1", "0 < a >= 1", "0 < a < 1"]),
        ("arithmetic", "return a // 2", ["a % 2", "a / 2"]),
        ("arithmetic", "return a ** 2", ["a * 2"]),
        ("logical", "return a or 1", ["a and 1", "1", "a"]),
        ("logical", "return 1 if a else 2", ["1 if not a else 2"]),
        ("logical", "return -a", ["a"]),
        ("called", "return a.strip()", ["a"]),
        ("constant", "return 1", ["2", "0"]),
        ("constant", "return 0", ["1", "-1"]),
        ("constant", "return True", ["False"]),
        ("constant", "return 0.5", ["1.5"]),
        ("constant", "return ''", ["' '"]),
        ("constant", "return 'x'", ["''", "'x '"]),
        ("constant", "return None", []),
        ("boundary", "return a[1:]", ["a[1 + 1:]", "a[1 - 1:]"]),
        ("boundary", "return a[1]", []),
        ("called", "return a.lower()", ["a.upper()", "a"]),
        ("called", "return pow(a, 2)", ["pow(2, a)"]),
        ("called", "return sorted(a, key=len)", ["a"]),
        ("operand", "return a + 1", ["a", "1"]),
        ("operand", "return a % 2", ["2 % a", "a", "2"]),
    ],
)
def test_the_bugs_of_a_family_are_these(family: str, body: str, wanted: list[str]) -> None:
    assert sorted(bodies(family, body)) == sorted(f"return {text}" for text in wanted)


def test_a_text_inside_an_f_string_is_left_alone() -> None:
    assert bodies("constant", "return f'x{a}'") == []


def test_a_statement_alone_in_its_block_is_replaced_by_pass_and_a_loop_is_left_early() -> None:
    found = mutants("statement", "def f(a):\n    for x in a:\n        a += x\n    return a")
    assert found[:2] == [
        "def f(a):\n    for x in a:\n        pass\n    return a",
        "def f(a):\n    for x in a:\n        a += x\n        break\n    return a",
    ]


def test_a_program_without_a_place_has_no_mutant() -> None:
    for family in MUTATIONS:
        assert mutants(family, "def f(a):\n    return a") == []


def test_a_default_of_an_argument_is_one_too_high_or_the_other_truth_value() -> None:
    found = mutants("constant", "def f(a, b=1, *, c=True, d=None):\n    return a")
    assert found == [
        "def f(a, b=2, *, c=True, d=None):\n    return a",
        "def f(a, b=1, *, c=False, d=None):\n    return a",
    ]


def test_a_variable_is_taken_only_for_one_that_is_bound_further_up() -> None:
    assert "return later" not in "".join(mutants("statement", "def f(a):\n    b = a\n    return b\n    later = 1"))
    assert mutants("operand", "def f(a):\n    return [a for a in g(a)]") == []  # a comprehension's names are its own
