"""Queries on a program's syntax tree: positions of nodes, names in use, side effects.

Belongs here: queries shared by the rewrites and the mutations. Not here: the edits themselves.
"""

import ast
import builtins
import keyword
import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, Generic, Literal, TypeVar

Edit = Callable[[], object]
Operator = Callable[["Scene"], list[Edit]]
N = TypeVar("N", bound=ast.AST)

PURE_CALLS = frozenset(
    {
        "abs", "all", "any", "bool", "chr", "dict", "divmod", "float", "frozenset", "int", "isinstance", "len", "list",
        "max", "min", "ord", "pow", "range", "repr", "round", "set", "sorted", "str", "sum", "tuple", "type",
    }
)  # fmt: skip
PURE_METHODS = frozenset(
    {
        "count", "endswith", "find", "get", "index", "isalnum", "isalpha", "isdigit", "islower", "isspace", "isupper",
        "items", "join", "keys", "lower", "lstrip", "replace", "rfind", "rstrip", "split", "startswith", "strip",
        "swapcase", "title", "upper", "values",
    }
)  # fmt: skip
INSPECTS_SCOPE = frozenset({"locals", "globals", "vars", "eval", "exec", "dir", "super"})
PARSE_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError)
BUILTIN_NAMES = frozenset(dir(builtins))
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(slots=True)
class Place(Generic[N]):
    """Position of a node: `parent.field` or `parent.field[index]`, within the top-level `function` of `scene`."""

    node: N
    parent: ast.AST
    field: str
    index: int | None
    function: ast.FunctionDef
    scene: "Scene"

    @property
    def block(self) -> list[ast.stmt]:
        """The list of statements that contains this one."""
        block: list[ast.stmt] = getattr(self.parent, self.field)
        return block

    @property
    def following(self) -> list[ast.stmt]:
        """The statements after this one in its block."""
        assert self.index is not None
        return self.block[self.index + 1 :]

    def replace(self, *new: ast.AST, length: int = 1) -> None:
        """Replace this node; in a list, `length` nodes starting at it."""
        if self.index is None:
            setattr(self.parent, self.field, *new)
        else:
            getattr(self.parent, self.field)[self.index : self.index + length] = new


@dataclass(slots=True)
class Scene:
    """The editable part of a tree: bodies of the functions that the entry point can reach.

    Attributes:
        places: of every node, in pre-order.
        statements: places of statements, all of a block before those inside them.
        names: every identifier of the program, including those returned by `fresh`.
    """

    tree: ast.Module
    entry_point: str
    rng: random.Random
    functions: list[ast.FunctionDef] = field(default_factory=list)
    places: list[Place[Any]] = field(default_factory=list)
    statements: list[Place[Any]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.functions = reachable_functions(self.tree, self.entry_point)
        for function in self.functions:
            self._visit(function, ("body",), function)
        self.names = used_names(self.tree)

    def _visit(self, owner: ast.AST, fields: Iterable[str], function: ast.FunctionDef) -> None:
        for name in fields:
            value = getattr(owner, name, None)
            nodes = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
            places = [
                Place(node, owner, name, index, function, self) for index, node in nodes if isinstance(node, ast.AST)
            ]
            if isinstance(value, list):
                self.statements += [place for place in places if isinstance(place.node, ast.stmt)]
            for place in places:
                self.places.append(place)
                self._visit(place.node, _visited_fields(place.node), function)

    @property
    def all_functions(self) -> list[ast.FunctionDef]:
        """The reachable functions, then those defined inside them."""
        return [*self.functions, *(place.node for place in self.places if isinstance(place.node, ast.FunctionDef))]

    def fresh(self, candidates: Sequence[str]) -> str:
        """Reserve a name that is not in the program, one of `candidates` if one is free."""
        order = list(candidates)
        self.rng.shuffle(order)
        tries = [*order, *(f"{order[0]}_{number}" for number in range(2, len(self.names) + 4))]
        chosen = next(name for name in tries if name not in self.names and is_free_name(name))
        self.names.add(chosen)
        return chosen


def _visited_fields(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return ("body",)
    return ("target", "value") if isinstance(node, ast.AnnAssign) else node._fields


def _operator(
    places: Literal["places", "statements"], *kinds: type[ast.AST]
) -> Callable[[Callable[[Place[Any]], Iterable[Edit]]], Operator]:
    def decorate(rule: Callable[[Place[Any]], Iterable[Edit]]) -> Operator:
        @wraps(rule)
        def operator(scene: Scene) -> list[Edit]:
            return [edit for place in getattr(scene, places) if isinstance(place.node, kinds) for edit in rule(place)]

        return operator

    return decorate


on_nodes = partial(_operator, "places")
"""Decorator: an operator with the edits of a rule at every node of these kinds."""
on_statements = partial(_operator, "statements")
"""As `on_nodes`, for rules that change the block of a statement."""


def parse_program(code: str) -> ast.Module:
    """The tree of a program; warnings are suppressed. Raises: one of `PARSE_ERRORS`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code)


def is_python(code: str) -> bool:
    """True for a text that parses."""
    try:
        parse_program(code)
    except PARSE_ERRORS:
        return False
    return True


def is_free_name(name: str) -> bool:
    """True for an identifier that is no keyword and no builtin."""
    return name.isidentifier() and not keyword.iskeyword(name) and name not in BUILTIN_NAMES


def reachable_functions(tree: ast.Module, entry_point: str) -> list[ast.FunctionDef]:
    """Top-level functions that the entry point names, directly or through others, in the order of the module."""
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    reached: set[str] = set()
    pending = [entry_point]
    while pending:
        name = pending.pop()
        if name in defined and name not in reached:
            reached.add(name)
            pending.extend(node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name))
    return [node for name, node in defined.items() if name in reached]


def used_names(tree: ast.AST) -> set[str]:
    """Every identifier in the tree except attributes."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.arg | ast.keyword):
            names.add(node.arg or "")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler):
            names.add(node.name or "")
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Global | ast.Nonlocal):
            names.update(node.names)
        elif isinstance(node, ast.MatchAs | ast.MatchStar | ast.MatchMapping):
            names.add((node.rest if isinstance(node, ast.MatchMapping) else node.name) or "")
    return names


def walk(node: ast.AST | Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every node of a tree, or of several, as `ast.walk`."""
    for root in [node] if isinstance(node, ast.AST) else node:
        yield from ast.walk(root)


def count_names(node: ast.AST | Iterable[ast.AST]) -> Counter[str]:
    """Number of occurrences of each variable or argument name in the node."""
    return Counter(
        inner.id if isinstance(inner, ast.Name) else inner.arg
        for inner in walk(node)
        if isinstance(inner, ast.Name | ast.arg)
    )


def stored_names(node: ast.AST | Iterable[ast.AST]) -> set[str]:
    """Names that are assigned, deleted or bound as an argument in the node."""
    return {
        inner.id if isinstance(inner, ast.Name) else inner.arg
        for inner in walk(node)
        if isinstance(inner, ast.arg) or (isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load))
    }


def parameters(function: ast.FunctionDef) -> list[ast.arg]:
    """All arguments of a function, in order, `*args` and `**kwargs` included."""
    spec = function.args
    starred = [arg for arg in (spec.vararg, spec.kwarg) if arg is not None]
    return [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *starred]


def contains(node: ast.AST | Iterable[ast.AST], *kinds: type[ast.AST]) -> bool:
    """True if the node contains one of these kinds."""
    return any(isinstance(inner, kinds) for inner in walk(node))


def called_name(node: ast.AST | None) -> str:
    """Name of a called function; empty for a method's call and for other nodes."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def called_method(node: ast.AST | None) -> str:
    """Name of a called method; empty for a function's call and for other nodes."""
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


def inspects_scope(node: ast.AST) -> bool:
    """True if the code reads or rebinds names in a way that renaming or moving would break."""
    inspects = any(isinstance(inner, ast.Name) and inner.id in INSPECTS_SCOPE for inner in ast.walk(node))
    return inspects or contains(node, ast.Global, ast.Nonlocal, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Match)


def is_pure(node: ast.AST) -> bool:
    """True if the expression's syntax shows neither side effects nor lazy evaluation."""
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    only_pure = all(called_name(inner) in PURE_CALLS or called_method(inner) in PURE_METHODS for inner in calls)
    return only_pure and not contains(node, ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Await, ast.Lambda)


def loop_jumps(body: Iterable[ast.AST], kind: type[ast.stmt]) -> Iterator[ast.AST]:
    """The `break` or `continue` statements of the loop with this body, without those of inner loops."""
    for statement in body:
        if isinstance(statement, kind):
            yield statement
        elif isinstance(statement, ast.For | ast.While | ast.AsyncFor):
            yield from loop_jumps(statement.orelse, kind)
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for name in ("body", "orelse", "finalbody", "handlers", "cases"):
                yield from loop_jumps(getattr(statement, name, []), kind)


def is_number(node: ast.AST | None) -> bool:
    """True for a number literal, signed or not; booleans do not count."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)


def load(name: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(id=name, ctx=ast.Load())


def assign(name: str, value: ast.expr) -> ast.Assign:
    """The statement `name = value`."""
    return ast.Assign(targets=[ast.Name(id=name, ctx=ast.Store())], value=value)


def call(name: str, *arguments: ast.expr) -> ast.Call:
    """The expression `name(arguments…)`."""
    return ast.Call(func=load(name), args=list(arguments), keywords=[])


def negated(test: ast.expr) -> ast.expr:
    """The opposite of a test; an order comparison gets a `not`, since sets and NaN have no total order."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        opposite = OPPOSITE.get(type(test.ops[0]))
        if opposite is not None:
            return ast.Compare(left=test.left, ops=[opposite()], comparators=test.comparators)
    return ast.UnaryOp(op=ast.Not(), operand=test)
