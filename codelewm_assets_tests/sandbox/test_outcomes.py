"""What a program did becomes what it really did: no outcome can be talked into being another."""

import pytest

from codelewm_assets.sandbox.outcome import InputRun
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.sandbox.programs import only, outcomes, run


def test_a_call_that_returns_is_finished_with_its_value_and_type(pool: SandboxPool) -> None:
    found = run(pool, "def f(a, b=1):\n    return [a, b]", "[1, 2]", "['é']")
    assert found.inputs == (InputRun("finished", "[1, 2]", "list"), InputRun("finished", "['é', 1]", "list"))
    assert found.cpu_ms > 0


def test_a_program_without_inputs_has_no_runs(pool: SandboxPool) -> None:
    assert run(pool, "def f(): return 1").inputs == ()


def test_a_call_that_raises_is_an_exception_and_the_next_input_is_called(pool: SandboxPool) -> None:
    found = run(pool, "def f(a):\n    return 1 / a", "[0]", "[1]", "[]")
    assert found.inputs == (
        InputRun("exception", exception_class="ZeroDivisionError"),
        InputRun("finished", "1.0", "float"),
        InputRun("exception", exception_class="TypeError"),
    )


@each_case(
    ("statement", "name"),
    [
        ("raise SystemExit(0)", "SystemExit"),
        ("import sys; sys.exit()", "SystemExit"),
        ("exit()", "NameError"),  # `site` is not loaded, so there is no `exit`
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("assert False", "AssertionError"),
        ("return f()", "RecursionError"),
    ],
)
def test_every_way_to_raise_is_an_exception(statement: str, name: str, pool: SandboxPool) -> None:
    assert only(pool, f"def f():\n    {statement}") == InputRun("exception", exception_class=name)


@each_case(
    ("code", "name"),
    [
        ("def f(:", "SyntaxError"),
        ("def g(): return 1", "KeyError"),
        ("f = 5", "TypeError"),
        ("import codelewm_assets.completions\ndef f(): return 1", "ModuleNotFoundError"),
        ("import numpy\ndef f(): return 1", "ModuleNotFoundError"),
        ("raise SystemExit\ndef f(): return 1", "SystemExit"),
        ("def f(): return '\ud800'", "UnicodeEncodeError"),
    ],
)
def test_a_program_that_does_not_load_is_that_exception_on_every_input(code: str, name: str, pool: SandboxPool) -> None:
    assert run(pool, code, "[]", "[]").inputs == (InputRun("exception", exception_class=name),) * 2


@pytest.mark.parametrize("number", [0, 1])
def test_a_program_that_leaves_by_os_exit_is_killed(number: int, pool: SandboxPool) -> None:
    found = run(pool, f"import os\ndef f(a):\n    return a if a < 2 else os._exit({number})", "[1]", "[2]", "[1]")
    assert outcomes(found) == [
        "finished",
        "killed",
        "finished",
    ]  # a new child goes on after the call that ended the first


def test_a_program_that_leaves_while_it_loads_is_killed(pool: SandboxPool) -> None:
    assert outcomes(run(pool, "import os\nos._exit(0)\ndef f(): return 1", "[]", "[]")) == ["killed", "killed"]


def test_a_program_that_leaves_after_an_exception_is_killed_there(pool: SandboxPool) -> None:
    code = """
    import os
    def f(a):
        if a == 0:
            raise ValueError
        os._exit(0)
    """
    assert outcomes(run(pool, code, "[0]", "[1]", "[0]")) == ["exception", "killed", "exception"]


def test_a_program_that_kills_itself_is_killed(pool: SandboxPool) -> None:
    assert only(pool, "import os\ndef f():\n    os.kill(os.getpid(), 9)") == InputRun("killed")


def test_a_program_that_crashes_the_interpreter_is_killed(pool: SandboxPool) -> None:
    assert only(pool, "import ctypes\ndef f():\n    ctypes.string_at(0)") == InputRun("killed")


def test_a_program_that_closes_its_pipe_is_not_a_pass(pool: SandboxPool) -> None:
    assert only(pool, "import os\ndef f():\n    os.close(3)\n    return 1").outcome == "killed"


@each_case(
    "line",
    [
        b"garbage",
        b"5",
        b"[]",
        b"{}",
        b'{"o":"value"}',
        b'{"o":"value","t":"int","v":5}',
        b'{"o":"value","t":"int","v":"f("}',
        b"\xff",
        b"[" * 5000,
    ],
)
def test_a_line_that_the_child_would_not_write_counts_as_killed(line: bytes, pool: SandboxPool) -> None:
    code = f"import os\ndef f():\n    os.write(3, {line!r} + bytes([10]))\n    os._exit(0)"
    assert only(pool, code) == InputRun("killed")


def test_more_lines_than_inputs_are_not_read(pool: SandboxPool) -> None:
    code = """
    import os
    def f(a):
        if a:
            os.write(3, b'{"o":"value","t":"int","v":"7"}\\n' * 5)
        return a
    """
    assert len(run(pool, code, "[0]", "[1]").inputs) == 2


def test_each_call_gets_fresh_arguments(pool: SandboxPool) -> None:
    found = run(pool, "def f(a):\n    a.append(len(a))\n    return a", "[[5]]", "[[5]]")
    assert [call.output for call in found.inputs] == ["[5, 1]", "[5, 1]"]


def test_equal_arguments_of_one_call_are_not_one_object(pool: SandboxPool) -> None:
    found = run(pool, "def f(a, b):\n    a.append(1)\n    return a is b, b", "[[], []]")
    assert found.inputs[0].output == "(False, [])"


@each_case(
    ("expression", "kind"),
    [
        ("type('Five', (int,), {})(5)", "Five"),
        ("type('int', (int,), {'__eq__': lambda a, b: True})(5)", "int"),
        ("type('Text', (str,), {})('a')", "Text"),
        ("object()", "object"),
        ("(x for x in [1])", "generator"),
        ("map(str, [1])", "map"),
        ("range(3)", "range"),
        ("[type('Five', (int,), {})(5)]", "list"),
        ("__import__('collections').deque([1])", "deque"),
    ],
)
def test_what_is_not_an_exact_builtin_has_no_literal_but_a_type(expression: str, kind: str, pool: SandboxPool) -> None:
    assert only(pool, f"def f(): return {expression}") == InputRun("finished", output=None, output_type=kind)


def test_an_object_that_equals_everything_has_no_literal(pool: SandboxPool) -> None:
    code = """
    class Yes:
        def __eq__(self, other): return True
        def __repr__(self): return "5"
    def f(): return Yes()
    """
    assert only(pool, code) == InputRun("finished", output_type="Yes")


def test_a_list_that_holds_itself_has_no_literal(pool: SandboxPool) -> None:
    assert only(pool, "def f():\n    a = []\n    a.append(a)\n    return a") == InputRun("finished", output_type="list")


@each_case(
    ("expression", "kind", "literal"),
    [
        ("collections.Counter('aab')", "Counter", "{'a': 2, 'b': 1}"),
        ("collections.OrderedDict(b=1, a=2)", "OrderedDict", "{'b': 1, 'a': 2}"),
        ("collections.defaultdict(list, {1: [2]})", "defaultdict", "{1: [2]}"),
        ("{1: 2}", "dict", "{1: 2}"),
    ],
)
def test_maps_of_the_standard_library_arrive_as_dict_under_their_own_name(
    expression: str, kind: str, literal: str, pool: SandboxPool
) -> None:
    found = only(pool, f"import collections\ndef f(): return {expression}")
    assert found == InputRun("finished", output=literal, output_type=kind)


@each_case(
    ("expression", "literal"),
    [
        ("float('inf')", "1e999"),
        ("-float('inf')", "-1e999"),
        ("float('nan')", "nan"),
        ("{'b', 'a'}", "{'a', 'b'}"),
        ("set()", "set()"),
        ("frozenset([2, 1])", "frozenset({1, 2})"),
        ("__import__('decimal').Decimal('0.10')", "Decimal('0.10')"),
        ("__import__('fractions').Fraction(2, 4)", "Fraction('1/2')"),
        ("1 + 2j", "complex(1.0, 2.0)"),
        ("b'a'", "b'a'"),
        ("None", "None"),
        ("'\\ud800'", "'\\ud800'"),
    ],
)
def test_every_builtin_value_arrives_as_its_canonical_literal(expression: str, literal: str, pool: SandboxPool) -> None:
    assert only(pool, f"def f(): return {expression}").output == literal
