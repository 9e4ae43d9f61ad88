"""Rewrites of the families `rename` and `temporaries`: other names, and names for what had none.

The entry point's own name and argument list stay; its arguments get another name through a first assignment.
"""

import ast
from collections.abc import Callable, Iterator
from functools import partial

from codelewm_assets.completions.syntax import (
    BUILTIN_NAMES,
    Edit,
    Place,
    Scene,
    assign,
    call,
    contains,
    inspects_scope,
    load,
    on_statements,
    parameters,
    stored_names,
)
from codelewm_assets.completions.variants import bound_names

SHORT_NAMES = tuple("abcdeghmpqrstuvwxyz")
LONG_NAMES = (
    "acc", "answer", "best", "candidate", "collected", "count", "cur", "current", "data", "element", "entry", "found",
    "item", "left", "num", "number", "out", "output", "part", "pos", "prev", "res", "result", "right", "seen", "size",
    "state", "temp", "total", "val", "value",
)  # fmt: skip
TEMPORARY_NAMES = ("answer", "final", "out", "outcome", "output", "res", "result", "ret", "retval")
FLAG_NAMES = ("check", "cond", "condition", "flag", "is_true", "matches", "ok")
PART_NAMES = ("arg", "inner", "part", "piece", "source", "tmp", "values")
ALIAS_NAMES = ("arg_value", "data", "given", "inp", "original", "param", "source_value")


def rename_in(node: ast.AST, mapping: dict[str, str]) -> None:
    """Rename variables and arguments in place, wherever they stand in the node."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            inner.id = mapping.get(inner.id, inner.id)
        elif isinstance(inner, ast.arg):
            inner.arg = mapping.get(inner.arg, inner.arg)


def renamable_names(scene: Scene, function: ast.FunctionDef) -> list[str]:
    """Names bound inside the function that can be renamed throughout it without touching anything outside.

    Excluded: names of the module and of builtins (an inner scope could mean either), names used as keywords, bound by
    `except … as`, an inner `def`, or the entry point's arguments.
    """
    if inspects_scope(function):
        return []
    taken = {name for statement in scene.tree.body for name in bound_names(statement)} | BUILTIN_NAMES
    for node in ast.walk(scene.tree):
        if isinstance(node, ast.keyword) and node.arg:
            taken.add(node.arg)
    for node in ast.walk(function):
        if isinstance(node, ast.ExceptHandler | ast.FunctionDef | ast.AsyncFunctionDef) and node.name:
            taken.add(node.name)
    if function.name == scene.entry_point:
        taken.update(argument.arg for argument in parameters(function))
    return sorted(name for name in stored_names(function) - taken if not name.startswith("__"))


def _rename_with(scene: Scene, pool: Callable[[str], tuple[str, ...]], limit: int) -> list[Edit]:
    def edit(function: ast.FunctionDef, names: list[str]) -> None:
        chosen = scene.rng.sample(names, min(limit, len(names)))
        rename_in(function, {name: scene.fresh(pool(name)) for name in chosen})

    named = [(function, renamable_names(scene, function)) for function in scene.functions]
    return [partial(edit, function, names) for function, names in named if names]


def rename_locals(scene: Scene) -> list[Edit]:
    """All locals of a function get common long names."""
    return _rename_with(scene, lambda name: LONG_NAMES, limit=99)


def shorten_locals(scene: Scene) -> list[Edit]:
    """All locals of a function get one-letter names."""
    return _rename_with(scene, lambda name: SHORT_NAMES, limit=99)


def rename_one_local(scene: Scene) -> list[Edit]:
    """One local gets a name made from its present one."""
    endings = ("value", "var", "new", "cur")
    return _rename_with(scene, lambda name: tuple(f"{name.strip('_') or 'x'}_{ending}" for ending in endings), limit=1)


@on_statements(ast.Return)
def return_temporary(place: Place[ast.Return]) -> Iterator[Edit]:
    """`return e` becomes `t = e; return t`."""
    value = place.node.value
    if value is not None and not isinstance(value, ast.Name | ast.Constant):

        def edit() -> None:
            name = place.scene.fresh(TEMPORARY_NAMES)
            place.replace(assign(name, value), ast.Return(value=load(name)))

        yield edit


@on_statements(ast.If)
def test_temporary(place: Place[ast.If]) -> Iterator[Edit]:
    """`if e:` becomes `t = e; if t:`; an `elif` so becomes an `if` nested in an `else`."""
    branch = place.node
    if not isinstance(branch.test, ast.Name | ast.Constant):

        def edit() -> None:
            name = place.scene.fresh(FLAG_NAMES)
            place.replace(assign(name, branch.test), branch)
            branch.test = load(name)

        yield edit


@on_statements(ast.Return, ast.Assign)
def argument_temporary(place: Place[ast.Return | ast.Assign]) -> Iterator[Edit]:
    """`return f(e, …)` becomes `t = e; return f(t, …)`, likewise for `x = f(e, …)`; `f` is a plain name."""
    match place.node.value:
        case ast.Call(func=ast.Name(id=called), args=[first, *_] as arguments) if called not in (
            "locals",
            "super",
            "eval",
        ) and not isinstance(first, ast.Name | ast.Constant | ast.Starred | ast.GeneratorExp | ast.Lambda):

            def edit() -> None:
                name = place.scene.fresh(PART_NAMES)
                place.replace(assign(name, first), place.node)
                arguments[0] = load(name)

            yield edit


def argument_alias(scene: Scene) -> list[Edit]:
    """An argument is copied to a local first, and the local used instead."""

    def edit(function: ast.FunctionDef, old: str) -> None:
        new = scene.fresh((f"{old}_in", f"{old}_value", *ALIAS_NAMES))
        for statement in function.body:
            rename_in(statement, {old: new})
        function.body.insert(0, assign(new, load(old)))

    edits: list[Edit] = []
    for function in scene.functions:
        if not inspects_scope(function):
            keywords = {node.arg for node in ast.walk(function) if isinstance(node, ast.keyword)}
            edits += [partial(edit, function, a.arg) for a in parameters(function) if a.arg not in keywords]
    return edits


def inner_helper(scene: Scene) -> list[Edit]:
    """The body moves into an inner function of the same arguments, and its call is returned."""
    return _wrap(scene, inside=True)


def outer_helper(scene: Scene) -> list[Edit]:
    """The body moves into a function beside this one, which returns its call."""
    return _wrap(scene, inside=False)


def _wrap(scene: Scene, *, inside: bool) -> list[Edit]:
    def edit(function: ast.FunctionDef) -> None:
        names = [argument.arg for argument in parameters(function)]
        helper = ast.FunctionDef(
            name=scene.fresh(("compute", "helper", "inner", "run", "solve", f"{function.name.strip('_')}_impl")),
            args=ast.arguments(
                posonlyargs=[], args=[ast.arg(arg=n) for n in names], kwonlyargs=[], kw_defaults=[], defaults=[]
            ),
            body=function.body,
            decorator_list=[],
        )
        delegate = ast.Return(value=call(helper.name, *map(load, names)))
        function.body = [helper, delegate] if inside else [delegate]
        if not inside:
            scene.tree.body.insert(scene.tree.body.index(function), helper)

    return [
        partial(edit, function)
        for function in scene.functions
        if parameters(function) == function.args.args
        and not function.decorator_list
        and len(function.body) <= 60
        and not inspects_scope(function)
        and not contains(function, ast.Yield, ast.YieldFrom)
    ]
