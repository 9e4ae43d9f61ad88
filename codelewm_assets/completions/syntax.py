"""A program's syntax tree: where its nodes stand, which names it uses, what is free of side effects.

Belongs here: what both the rewrites and the mutations ask of a tree. Not here: any rule of what to change.
"""

import ast
import builtins
import keyword
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

Edit = Callable[[], None]
Operator = Callable[["Scene"], list[Edit]]

PURE_CALLS = frozenset(
    [
        "abs",
        "all",
        "any",
        "bool",
        "chr",
        "dict",
        "divmod",
        "enumerate",
        "filter",
        "float",
        "frozenset",
        "int",
        "isinstance",
        "len",
        "list",
        "map",
        "max",
        "min",
        "ord",
        "pow",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
        "sorted",
        "str",
        "sum",
        "tuple",
        "type",
        "zip",
    ]
)
PURE_METHODS = frozenset(
    [
        "count",
        "endswith",
        "find",
        "get",
        "index",
        "isalnum",
        "isalpha",
        "isdigit",
        "islower",
        "isspace",
        "isupper",
        "items",
        "join",
        "keys",
        "lower",
        "lstrip",
        "replace",
        "rfind",
        "rstrip",
        "split",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
        "values",
    ]
)
LAZY_CALLS = frozenset({"filter", "map", "zip", "enumerate", "reversed", "iter"})
INSPECTS_SCOPE = frozenset({"locals", "globals", "vars", "eval", "exec", "dir", "super"})
BUILTIN_NAMES = frozenset(dir(builtins))


@dataclass(slots=True)
class Place:
    """Where a node stands: `parent.field` or `parent.field[index]`, within the top-level `function`."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    function: ast.FunctionDef

    def put(self, new: ast.AST) -> None:
        """Set another node in this one's place."""
        if self.index is None:
            setattr(self.parent, self.field, new)
        else:
            getattr(self.parent, self.field)[self.index] = new


@dataclass(slots=True)
class Block:
    """A list of statements, the node that owns it, and the top-level function it lies in."""

    body: list[ast.stmt]
    owner: ast.AST
    function: ast.FunctionDef


@dataclass(slots=True)
class Scene:
    """A tree as the operators see it: only functions that the entry point can reach, never an argument list."""

    tree: ast.Module
    entry_point: str
    rng: random.Random
    functions: list[ast.FunctionDef] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.functions = reachable_functions(self.tree, self.entry_point)
        for function in self.functions:
            self._visit(function, "body", function)
        self.names = used_names(self.tree)

    def _visit(self, owner: ast.AST, name: str, function: ast.FunctionDef) -> None:
        value = getattr(owner, name)
        if isinstance(value, list):
            if value and isinstance(value[0], ast.stmt):
                self.blocks.append(Block(value, owner, function))
            for index, node in enumerate(value):
                if isinstance(node, ast.AST):
                    self._enter(Place(node, owner, name, index, function))
        elif isinstance(value, ast.AST):
            self._enter(Place(value, owner, name, None, function))

    def _enter(self, place: Place) -> None:
        node = place.node
        self.places.append(place)
        fields: Iterable[str] = node._fields
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            fields = ("body",)
        elif isinstance(node, ast.AnnAssign):
            fields = ("target", "value")
        for name in fields:
            if hasattr(node, name):
                self._visit(node, name, place.function)

    def fresh(self, candidates: Sequence[str]) -> str:
        """A name that occurs nowhere in the program, one of `candidates` where one is free; it is taken from now on."""
        order = list(candidates)
        self.rng.shuffle(order)
        tries = [*order, *(f"{order[0]}_{number}" for number in range(2, len(self.names) + 4))]
        chosen = next(name for name in tries if name not in self.names and is_free_name(name))
        self.names.add(chosen)
        return chosen


def is_free_name(name: str) -> bool:
    """Whether a name is a plain identifier: no keyword, no builtin."""
    return name.isidentifier() and not keyword.iskeyword(name) and name not in BUILTIN_NAMES


def reachable_functions(tree: ast.Module, entry_point: str) -> list[ast.FunctionDef]:
    """Top-level functions that the entry point names, directly or through others, in the order of the module."""
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found: set[str] = set()
    waiting = [entry_point]
    while waiting:
        name = waiting.pop()
        if name in defined and name not in found:
            found.add(name)
            waiting.extend(node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name))
    return [node for name, node in defined.items() if name in found]


def used_names(tree: ast.AST) -> set[str]:
    """Every identifier that stands anywhere in the tree, attributes left out."""
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


def count_names(node: ast.AST | Iterable[ast.AST]) -> Counter[str]:
    """How often each variable or argument name stands in the node."""
    roots = [node] if isinstance(node, ast.AST) else list(node)
    counts: Counter[str] = Counter()
    for root in roots:
        for inner in ast.walk(root):
            if isinstance(inner, ast.Name):
                counts[inner.id] += 1
            elif isinstance(inner, ast.arg):
                counts[inner.arg] += 1
    return counts


def stored_names(node: ast.AST | Iterable[ast.AST]) -> set[str]:
    """Names that are assigned, deleted or bound as an argument in the node."""
    roots = [node] if isinstance(node, ast.AST) else list(node)
    names: set[str] = set()
    for root in roots:
        for inner in ast.walk(root):
            if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load):
                names.add(inner.id)
            elif isinstance(inner, ast.arg):
                names.add(inner.arg)
    return names


def parameters(function: ast.FunctionDef) -> list[ast.arg]:
    """All arguments of a function, in order, `*args` and `**kwargs` included."""
    spec = function.args
    starred = [arg for arg in (spec.vararg, spec.kwarg) if arg is not None]
    return [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *starred]


def holds(node: ast.AST | Iterable[ast.AST], *kinds: type[ast.AST]) -> bool:
    """Whether a node of one of these kinds stands in it."""
    roots = [node] if isinstance(node, ast.AST) else list(node)
    return any(isinstance(inner, kinds) for root in roots for inner in ast.walk(root))


def looks_at_scope(node: ast.AST) -> bool:
    """Whether the code reads or rebinds names in a way that renaming or moving would break."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Global | ast.Nonlocal | ast.ClassDef | ast.Import | ast.ImportFrom | ast.Match):
            return True
        if isinstance(inner, ast.Name) and inner.id in INSPECTS_SCOPE:
            return True
    return False


def is_pure(node: ast.AST) -> bool:
    """Whether evaluating the expression has no side effect and no lazy part, as far as its syntax shows."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.NamedExpr | ast.Yield | ast.YieldFrom | ast.Await | ast.Lambda):
            return False
        if isinstance(inner, ast.Call):
            callee = inner.func
            if isinstance(callee, ast.Name) and callee.id in PURE_CALLS - LAZY_CALLS:
                continue
            if isinstance(callee, ast.Attribute) and callee.attr in PURE_METHODS:
                continue
            return False
    return True


def own_jumps(body: Iterable[ast.stmt], kind: type[ast.stmt]) -> Iterator[ast.stmt]:
    """The `break` or `continue` statements that belong to the loop whose body this is."""
    for statement in body:
        if isinstance(statement, kind):
            yield statement
        elif isinstance(statement, ast.For | ast.While | ast.AsyncFor):
            yield from own_jumps(statement.orelse, kind)
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for name in ("body", "orelse", "finalbody"):
                yield from own_jumps(getattr(statement, name, []), kind)
            for handler in getattr(statement, "handlers", []):
                yield from own_jumps(handler.body, kind)
            for case in getattr(statement, "cases", []):
                yield from own_jumps(case.body, kind)


def is_number(node: ast.AST | None) -> bool:
    """Whether the node is a number literal, perhaps with a sign; booleans are none."""
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


OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
