"""Functions that can run alone: what qualifies, what stands before them, and what makes two of them the same."""

import ast
from pathlib import Path
from tempfile import TemporaryDirectory

from codelewm_assets.library.functions import collect_functions, free_names, functions_of, library_functions
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.library.library_code import make_file

BODY = "    total = 0\n    for item in items:\n        total += item\n    return total\n"


def names_in(folder: Path, text: str) -> list[str]:
    """Names of the qualifying functions of a file."""
    return [function.entry_point for function in functions_of(make_file(folder, text))]


def test_a_function_comes_with_what_it_uses_and_without_its_docstring(tmp_path: Path) -> None:
    text = '''
import math
from collections import Counter, OrderedDict
import numpy as np
LIMIT = 10
OTHER = print

def half(n):
    """Half."""
    return n // 2

def common(items: list, limit: int = LIMIT) -> np.ndarray:
    """The commonest.

    >>> common([1, 1, 2])
    """
    counts = Counter(items)
    # a comment
    return [math.floor(half(n)) for n in counts if counts[n] < limit]
'''
    (common,) = functions_of(make_file(tmp_path, text))  # `half` has too few lines to be material itself
    assert common.code == "\n".join(
        [
            "import math",
            "from collections import Counter",
            "LIMIT = 10",
            "",
            "def half(n):",
            "    return n // 2",
            "",
            "def common(items: list, limit: int=LIMIT):",
            "    counts = Counter(items)",
            "    return [math.floor(half(n)) for n in counts if counts[n] < limit]",
        ]
    )
    assert (common.function_id, common.license) == ("small:small.core:common", "MIT")
    assert common.prompt == "The commonest.\n\n>>> common([1, 1, 2])"
    space: dict[str, object] = {}
    exec(compile(common.code, "<test>", "exec"), space)
    assert space["common"]([8, 8, 3]) == [4, 1]  # type: ignore[operator]


@each_case(
    "text",
    [
        f"@cache\ndef f(items):\n{BODY}",  # decorated
        f"async def f(items):\n{BODY}",
        "def f(items):\n    for item in items:\n        if item:\n            yield item\n    return 1\n",  # a generator
        f"def f():\n    items = [1]\n{BODY}",  # no argument
        "def f(items):\n    for item in items:\n        if item:\n            print(item)\n",  # returns nothing
        f"def f(items):\n    global total\n{BODY}",
        f"def f(items):\n    items = numpy.sort(items)\n{BODY}",  # a name from nowhere
        f"import numpy\ndef f(items):\n    items = numpy.sort(items)\n{BODY}",  # not of the standard library
        f"from .other import g\ndef f(items):\n    items = g(items)\n{BODY}",
        f"TABLE = dict(a=1)\ndef f(items):\n    items = TABLE[items]\n{BODY}",  # no literal
        f"N = 1\nN = 2\ndef f(items):\n    items = items[N:]\n{BODY}",  # bound twice
        f"try:\n    import math\nexcept ImportError:\n    math = None\ndef f(items):\n    items = math.ceil(items)\n{BODY}",
        f"class A:\n    def f(self, items):\n{BODY.replace('    ', '        ')}",  # a method
        f"def f(items):\n    items = eval(items)\n{BODY}",
        "def f(items):\n    return items\n",  # too short
        "def f(items):\n" + "    items += 1\n" * 70 + "    return items\n",  # too long
        f"def f(items):\n    items = g(items)\n{BODY}\n@cache\ndef g(items):\n    return items\n",  # uses one that is decorated
    ],
)
def test_a_function_that_cannot_run_alone_or_is_no_material_does_not_qualify(text: str) -> None:
    with TemporaryDirectory() as folder:
        assert names_in(Path(folder), text) == []
        assert names_in(Path(folder), f"def f(items):\n{BODY}") == ["f"]


def test_a_local_of_the_name_of_a_module_constant_does_not_make_it_ambiguous(tmp_path: Path) -> None:
    text = (
        f"N = 1\ndef g(items):\n    N = 2\n    items = items * N\n{BODY}\ndef f(items):\n    items = items[N:]\n{BODY}"
    )
    assert names_in(tmp_path, text) == ["g", "f"]


def test_a_file_that_is_not_python_has_no_functions(tmp_path: Path) -> None:
    assert names_in(tmp_path, "print 'two'\n") == []
    file = make_file(tmp_path, "")
    file.path.write_bytes(b"x = '\xff'\n")
    assert list(functions_of(file)) == []


def test_functions_are_distinct_up_to_names_and_sorted(tmp_path: Path) -> None:
    first = make_file(
        tmp_path, f"def f(items):\n{BODY}\ndef e(items):\n{BODY}".replace("total += item", "total -= item", 1)
    )
    second = make_file(
        tmp_path, f"def g(items):\n{BODY}".replace("total", "result").replace("item", "part"), "small.more"
    )
    found = [function.function_id for function in collect_functions([first, second], most=9)]
    assert found == ["small:small.core:e", "small:small.core:f"]
    assert [f.function_id for f in collect_functions([second, first], most=1)] == ["small:small.more:g"]


def test_names_of_inner_scopes_are_resolved() -> None:
    inner = "    def g(d):\n        return c + d + used\n"
    code = f"def f(a, b=LIMIT):\n    c = a\n{inner}    return [g(e) for e in a if (h := e)], other(h)"
    assert free_names(code) == {"LIMIT", "used", "other"}
    assert free_names("def f(:") is None


def test_the_standard_library_gives_functions_that_define_their_entry_point_and_compile() -> None:
    found = library_functions([], most=40, seed=0)
    assert len(found) == 40 and found == sorted(found, key=lambda function: function.function_id)
    for function in found:
        tree = ast.parse(function.code)
        compile(tree, "<test>", "exec")
        assert isinstance(tree.body[-1], ast.FunctionDef) and tree.body[-1].name == function.entry_point
        assert 3 <= len(function.code.splitlines()) <= 60
    assert found != library_functions([], most=40, seed=1)
    assert found == library_functions([], most=40, seed=0)
