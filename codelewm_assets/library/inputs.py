"""Inputs to try a library function on: literal calls in its doctest, and plain values drawn by its signature.

Which of them are used is decided by running the function (label.py). Nothing here runs any code.
"""

import ast
import doctest
import random
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from codelewm_assets.completions.syntax import PARSE_ERRORS, called_method, called_name, parse_program
from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import LiteralError
from codelewm_assets.core.literals import write_value
from codelewm_assets.core.records import LibraryFunction

MAX_DRAWN = 240  # inputs drawn by signature
MAX_OWN_CHARACTERS = 24  # of a text in the function that is tried as an argument
OWN_SHARE = 0.35  # of drawn texts and integers, those that stand in the function
SAME_KIND_PROBABILITY = 0.4  # that all arguments of unknown kind get the same kind

PURE_MODULES = frozenset(
    {
        "abc", "base64", "binascii", "bisect", "calendar", "cmath", "collections", "colorsys", "copy", "dataclasses", 
        "decimal", "difflib", "enum", "fnmatch", "fractions", "functools", "hashlib", "heapq", "html", "itertools", "json",
        "keyword", "math", "numbers", "operator", "posixpath", "quopri", "re", "shlex", "stat", "statistics", "string", "struct",
        "textwrap", "types", "typing", "unicodedata", "urllib.parse", "warnings", "zlib",
    }
)  # fmt: skip
"""Modules whose functions depend on their arguments alone; a function that imports another one is not run."""

VALUES: dict[str, tuple[Any, ...]] = {
    "int": (0, 1, 2, 3, 4, 5, 7, 8, 10, 12, 16, 25, 36, 60, 97, 100, -1, -2, -7, -20),
    "float": (0.0, 0.5, 1.0, 1.5, 2.25, 3.75, 10.0, 0.1, -0.5, -2.5, 99.9),
    "bool": (True, False),
    "str": (
        "", "a", "b", "abc", "Hello World", "x1", "42", "-3", "3.5", "a,b,c", "key=value", "a/b/c.txt", "  padded ", "UPPER",
        "camelCase", "snake_case", "line one\nline two", "aa bb aa", "(1 + 2) * 3", "http://host/path?q=1", "é", "a.b.c", "-x",
        "12:30:45", "2024-02-29", "#comment", "<b>bold</b>", "%s", "[1, 2]",
    ),
    "bytes": (b"", b"a", b"abc", b"\x00\x01\x02", b"hello world", b"\xff\xfe", b"a,b"),
    "list": (
        [], [1], [1, 2, 3], [3, 1, 2, 3], [5, 4, 3, 2, 1], [0, 0, 1], [-1, 2, -3, 4], ["a", "b", "a"], ["x=1", "y=2"], [1.5, 2.5],
        [[1, 2], [3, 4]], [(1, 2), (3, 4), (2, 3)], [True, False], ["b", "a", "c", ""], [2, 4, 8, 16], [10, 20, 30, 40, 50],
    ),
    "tuple": ((), (1,), (1, 2), (3, 2, 1), ("a", "b"), (0.5, 1.5), ((1, 2), (3, 4))),
    "dict": ({}, {"a": 1}, {"a": 1, "b": 2}, {1: [2], 2: [1, 3], 3: [2]}, {"x": "y", "z": ""}, {0: 1, 1: 0}),
    "set": (set(), {1, 2, 3}, {2, 3, 4}, {"a", "b"}),
}  # fmt: skip
"""Kind of value → values."""
UNKNOWN_KINDS = ("int", "str", "list", "float", "dict", "tuple", "bytes")
KINDS_OF_NAMES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), kinds)
    for pattern, kinds in (
        (r"^(is|has|use|with|no)_|flag|verbose|strict|reverse|^(keepends|quiet|force|quote)$", ("bool",)),
        (r"byte|^buf|^data$|^raw$|^chunk", ("bytes", "str", "list")),
        (r"dict|mapping|^d$|^kwds|^kwargs|^attrs|options|config|^headers", ("dict",)),
        (
            r"list|seq|iterable|items|values|args|array|lines|words|names|numbers|^xs$|^ys$|^lst|^arr|^vec|poly|coeff|perm|edges"
            r"|matrix|^(rows|parts|nodes|elements|it|tokens|keys|paths)$",
            ("list", "tuple"),
        ),
        (
            r"str|text|name|path|file|line|word|key|pattern|prefix|suffix|sep|msg|message|url|uri|char|label|title|format|fmt|^s\d?$"
            r"|doc|source|code|string|value|token|tag|host|mode|encoding|lang|date",
            ("str",),
        ),
        (
            r"^[ijklmnpq]\d?$|num|count|size|width|height|depth|length|index|idx|offset|start|stop|end|limit|max|min|year|month|day"
            r"|level|step|bits?$|order|degree|dim|base|prime|port|seed|indent",
            ("int",),
        ),
        (r"^[abcxyzrtuvwfgh]\d?$|theta|alpha|beta|eps|tol|scale|ratio|angle|weight|rate", ("int", "float")),
    )
)
"""Pattern of an argument's name → likely kinds."""


def candidate_inputs(function: LibraryFunction, *, seed: int) -> tuple[str, ...]:
    """Distinct literals of lists of positional arguments: those of the doctest first, then drawn ones.

    None for a function that imports a module besides `PURE_MODULES`, or that has no positional arguments.
    """
    tree = parse_program(function.code)
    definition = next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function.entry_point
    )
    names = [argument.arg for argument in _positional(definition)]
    if _other_modules(tree) - PURE_MODULES or not names or _needs_keywords(definition):
        return ()
    rng = random.Random(sha256_text(f"inputs|{seed}|{function.function_id}"))
    found = dict[str, None]()
    for arguments in [*_doctest_calls(function, names), *_drawn(definition, tree, rng)]:
        try:
            found.setdefault(write_value(list(arguments)))
        except LiteralError:  # a doctest's argument of a type without a literal
            continue
    return tuple(found)


def _positional(definition: ast.FunctionDef) -> list[ast.arg]:
    return [*definition.args.posonlyargs, *definition.args.args]


def _needs_keywords(definition: ast.FunctionDef) -> bool:
    return any(default is None for default in definition.args.kw_defaults)


def _other_modules(tree: ast.Module) -> set[str]:
    """The imported modules whose top-level package is not in `PURE_MODULES`."""
    modules = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module or "")
    return {name for name in modules if name.partition(".")[0] not in PURE_MODULES}


def _doctest_calls(function: LibraryFunction, names: Sequence[str]) -> Iterator[list[Any]]:
    """The arguments of each call of the function in its doctest whose arguments are literals."""
    try:
        examples = doctest.DocTestParser().get_examples(function.prompt)
    except ValueError:  # a malformed doctest
        return
    for example in examples:
        try:
            calls = [node for node in ast.walk(parse_program(example.source)) if isinstance(node, ast.Call)]
        except PARSE_ERRORS:
            continue
        for node in calls:
            if function.entry_point in (called_name(node), called_method(node)):
                arguments = _literal_arguments(node, names)
                if arguments is not None:
                    yield arguments


def _literal_arguments(node: ast.Call, names: Sequence[str]) -> list[Any] | None:
    """The call's arguments by position; None unless all are literals and the keywords go on where the others end."""
    try:
        given = [ast.literal_eval(argument) for argument in node.args]
        named = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
    except (ValueError, TypeError, *PARSE_ERRORS):
        return None
    following = list(names[len(given) : len(given) + len(named)])
    if sorted(following) != sorted(map(str, named)):
        return None
    return [*given, *(named[name] for name in following)]


def _drawn(definition: ast.FunctionDef, tree: ast.Module, rng: random.Random) -> Iterator[list[Any]]:
    """`MAX_DRAWN` lists of arguments; arguments with a default are given in half of them."""
    arguments = _positional(definition)
    required = len(arguments) - len(definition.args.defaults)
    defaults = [None] * required + [*definition.args.defaults]
    kinds = [likely_kinds(argument, default) for argument, default in zip(arguments, defaults, strict=True)]
    own = own_values(tree)
    for _ in range(MAX_DRAWN):
        count = rng.randint(max(required, 1), len(arguments)) if rng.random() < 0.5 else max(required, 1)
        shared = rng.choice(UNKNOWN_KINDS) if rng.random() < SAME_KIND_PROBABILITY else None
        yield [_draw(kind or ((shared,) if shared else UNKNOWN_KINDS), own, rng) for kind in islice(kinds, count)]


def likely_kinds(argument: ast.arg, default: ast.expr | None) -> tuple[str, ...]:
    """Kinds of value that the argument likely takes, by annotation, default and name; none when nothing says so."""
    if argument.annotation is not None:
        named = {node.id for node in ast.walk(argument.annotation) if isinstance(node, ast.Name)}
        outer = argument.annotation.value if isinstance(argument.annotation, ast.Subscript) else argument.annotation
        if isinstance(outer, ast.Name) and outer.id in VALUES:
            return (outer.id,)
        if found := tuple(kind for kind in VALUES if kind in named):
            return found
    if isinstance(default, ast.Constant) and type(default.value).__name__ in VALUES:
        return (type(default.value).__name__,)
    if isinstance(default, ast.List | ast.Tuple | ast.Dict):
        return (type(default).__name__.lower(),)
    for pattern, kinds in KINDS_OF_NAMES:
        if pattern.search(argument.arg.lower().strip("_")):
            return kinds
    return ()


def own_values(tree: ast.Module) -> dict[str, tuple[Any, ...]]:
    """Texts and integers that stand in the program, by kind, with what lies beside them."""
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    texts = sorted({value for value in constants if isinstance(value, str) and 0 < len(value) <= MAX_OWN_CHARACTERS})
    numbers = sorted({value for value in constants if type(value) is int and abs(value) <= 1000})
    return {
        "str": (*texts, *(f"a{text}b" for text in texts), *(f"{text}{text}" for text in texts)),
        "int": tuple(sorted({value + step for value in numbers for step in (-1, 0, 1)})),
    }


def _draw(kinds: Sequence[str], own: dict[str, tuple[Any, ...]], rng: random.Random) -> Any:
    kind = rng.choice(kinds)
    mine = own.get(kind, ())
    return rng.choice(mine) if mine and rng.random() < OWN_SHARE else rng.choice(VALUES[kind])
