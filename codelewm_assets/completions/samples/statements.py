"""Top-level statements of text that is partly Python: where they stand, the names that they bind and need."""

import ast
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codelewm_assets.completions.syntax import BUILTIN_NAMES, PARSE_ERRORS, parse_program

START = re.compile(
    r"(?:async\s+def|def|class|import|from|@\w|try:|if\b|for\b|while\b|with\b"
    r"|[A-Za-z_][\w.]*(?:\[.*?\])?\s*(?::[^=]+)?[-+*/|&]?=[^=])"
)
"""Of a line that may begin a statement of a program."""
MAX_CUTS, MAX_REGION_LINES = 60, 600
NEWLINE = re.compile(r"\r\n?|\n")  # as Python counts lines
NOT_RUN = frozenset({"doctest", "pytest", "unittest"})
ALWAYS_BOUND = BUILTIN_NAMES | {"__name__", "__file__", "__doc__"}


@dataclass(frozen=True, slots=True)
class Statement:
    """A top-level statement.

    Attributes:
        binds: names of the module that it sets or changes.
        needs: names that it reads and does not bind inside.
    """

    text: str
    node: ast.stmt
    binds: frozenset[str]
    needs: frozenset[str]


def parsed(code: str) -> ast.Module | None:
    """The tree, or None where the code does not parse or compile."""
    try:
        return _tree(code)
    except PARSE_ERRORS:
        return None


def _tree(code: str) -> ast.Module:
    """The tree of code that compiles: `return` outside of a function parses. Raises: one of `PARSE_ERRORS`."""
    tree = parse_program(code)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(tree, "<answer>", "exec", dont_inherit=True)
    return tree


def regions(text: str) -> list[str]:
    """Stretches of lines that parse, each from a line that begins a statement to the last line that can belong to it."""
    found, lines, place = list[str](), text.split("\n"), 0
    while place < len(lines):
        end = _end(lines, place) if START.match(lines[place]) else place
        if end > place:
            found.append("\n".join(lines[place:end]))
        place = max(end, place + 1)
    return found


def _end(lines: Sequence[str], start: int) -> int:
    """End of the longest stretch from `start` that parses, cut before each line that the parser names; `start` if none does."""
    end = min(len(lines), start + MAX_REGION_LINES)
    for _ in range(MAX_CUTS):
        if end <= start:
            break
        try:
            _tree("\n".join(lines[start:end]))
        except SyntaxError as error:
            end = start + min((error.lineno or 1) - 1, end - start - 1)
        except PARSE_ERRORS:
            break
        else:
            return end
    return start


def statements(code: str) -> list[Statement]:
    """The top-level statements of a program that parses."""
    tree = parse_program(code)
    lines = NEWLINE.split(code)
    return [_statement(node, lines) for node in tree.body]


def _statement(node: ast.stmt, lines: Sequence[str]) -> Statement:
    first = min([node, *getattr(node, "decorator_list", [])], key=lambda part: part.lineno)
    end_lineno, end = node.end_lineno or node.lineno, node.end_col_offset or 0
    after = lines[end_lineno - 1].encode()[end:].decode().strip()
    has_its_lines = node.col_offset == 0 and (not after or after.startswith("#"))
    text = "\n".join(lines[first.lineno - 1 : end_lineno]) if has_its_lines else ast.unparse(node)
    inside, loaded, changed = set[str](), set[str](), set[str]()
    for part in ast.walk(node):
        match part:
            case ast.Name(id=name, ctx=ast.Load()):
                loaded.add(name)
            case ast.Name(id=name):
                inside.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                inside.add(name)
            case (
                ast.arg(arg=name)
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                inside.add(name)
            case ast.alias(name=name, asname=alias):
                inside.add(alias or name.partition(".")[0])
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
                changed |= _root(part)
    return Statement(text, node, frozenset(_bound(node, inside) | changed), frozenset(loaded - inside - ALWAYS_BOUND))


def _bound(node: ast.stmt, inside: set[str]) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Expr(value=ast.Call(func=ast.Attribute() as function)):  # seen.add(1), sys.setrecursionlimit(10_000)
            return _root(function)
        case ast.Expr():
            return set()
        case _:
            return inside


def _root(node: ast.AST) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def is_stray(node: ast.stmt) -> bool:
    """A word or a comparison alone, which the rest of a sentence may be and a program has no use for."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Tuple | ast.Attribute | ast.Compare)


def is_definition(node: ast.stmt) -> bool:
    """A statement of a program, and not of its demonstration: imports and definitions."""
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def is_guard(node: ast.stmt) -> bool:
    """`if __name__ == "__main__":`."""
    return isinstance(node, ast.If) and any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(node.test))


def without_demonstration(body: Sequence[Statement], entry_point: str) -> list[Statement]:
    """The statements but calls, assertions, loops and the like that bind nothing which the entry point needs."""
    definitions = [s for s in body if is_definition(s.node)]
    imported = frozenset[str]().union(
        *(s.binds for s in definitions if isinstance(s.node, ast.Import | ast.ImportFrom))
    )
    needed = reached(body, {entry_point}) | (imported - NOT_RUN)
    return [
        s for s in body
        if is_definition(s.node) or (not isinstance(s.node, ast.Assert) and not is_guard(s.node) and s.binds & needed)
    ]  # fmt: skip


def reached(body: Iterable[Statement], names: Iterable[str]) -> frozenset[str]:
    """These names and those that their statements need, directly or through others."""
    needs = dict[str, set[str]]()
    for statement in body:
        for name in statement.binds:
            needs.setdefault(name, set()).update(statement.needs)
    result, pending = set[str](), list(names)
    while pending:
        name = pending.pop()
        if name not in result:
            result.add(name)
            pending += needs.get(name, ())
    return frozenset(result)


def definition_of(body: Iterable[Statement], name: str) -> ast.stmt | None:
    """The last statement that binds the name as a function, a class, an import or a value."""
    return next((s.node for s in reversed(list(body)) if name in s.binds and not isinstance(s.node, ast.Expr)), None)


def is_stub(node: ast.stmt) -> bool:
    """A function that does nothing: a docstring, `pass`, `...`, functions that it never calls, `raise NotImplementedError`."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return all(
        isinstance(s, ast.Pass | ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        or (isinstance(s, ast.Raise) and "NotImplemented" in ast.unparse(s))
        for s in node.body
    )
