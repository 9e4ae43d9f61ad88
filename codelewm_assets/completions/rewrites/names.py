"""Rewrites of the families `rename` and `temporaries`: other names, and names for what had none.

The entry point's own name and argument list stay; its arguments get another name through a first assignment.
"""

import ast
from collections.abc import Callable

from codelewm_assets.completions.syntax import (
    BUILTIN_NAMES,
    Edit,
    Scene,
    assign,
    call,
    load,
    looks_at_scope,
    parameters,
    stored_names,
)
from codelewm_assets.completions.variants import bound_names

SHORT_NAMES = tuple(["a", "b", "c", "d", "e", "g", "h", "m", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"])
LONG_NAMES = tuple(
    [
        "acc",
        "answer",
        "best",
        "candidate",
        "collected",
        "count",
        "cur",
        "current",
        "data",
        "element",
        "entry",
        "found",
        "item",
        "left",
        "num",
        "number",
        "out",
        "output",
        "part",
        "pos",
        "prev",
        "res",
        "result",
        "right",
        "seen",
        "size",
        "state",
        "temp",
        "total",
        "val",
        "value",
    ]
)
TEMPORARY_NAMES = tuple(["answer", "final", "out", "outcome", "output", "res", "result", "ret", "retval"])
FLAG_NAMES = tuple(["check", "cond", "condition", "flag", "is_true", "matches", "ok"])
PART_NAMES = tuple(["arg", "inner", "part", "piece", "source", "tmp", "values"])
ALIAS_NAMES = tuple(["arg_value", "data", "given", "inp", "original", "param", "source_value"])


def rename_in(node: ast.AST, mapping: dict[str, str]) -> None:
    """Rename variables and arguments in place, wherever they stand in the node."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            inner.id = mapping.get(inner.id, inner.id)
        elif isinstance(inner, ast.arg):
            inner.arg = mapping.get(inner.arg, inner.arg)


def renamable_names(scene: Scene, function: ast.FunctionDef) -> list[str]:
    """Names bound inside the function that can be renamed throughout it without touching anything outside.

    Left out: names of the module and of builtins (an inner scope could mean either), names used as keywords, bound by
    `except … as`, an inner `def`, or the entry point's arguments.
    """
    if looks_at_scope(function):
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


def _rename_with(scene: Scene, pool: Callable[[str], tuple[str, ...]], most: int) -> list[Edit]:
    edits: list[Edit] = []
    for function in scene.functions:
        names = renamable_names(scene, function)
        if not names:
            continue

        def edit(function: ast.FunctionDef = function, names: list[str] = names) -> None:
            chosen = scene.rng.sample(names, min(most, len(names)))
            rename_in(function, {name: scene.fresh(pool(name)) for name in chosen})

        edits.append(edit)
    return edits


def rename_locals(scene: Scene) -> list[Edit]:
    """All locals of a function get common long names."""
    return _rename_with(scene, lambda name: LONG_NAMES, most=99)


def shorten_locals(scene: Scene) -> list[Edit]:
    """All locals of a function get one-letter names."""
    return _rename_with(scene, lambda name: SHORT_NAMES, most=99)


def rename_one_local(scene: Scene) -> list[Edit]:
    """One local gets a name made from its own."""
    endings = ("value", "var", "new", "cur")
    return _rename_with(scene, lambda name: tuple(f"{name.strip('_') or 'x'}_{ending}" for ending in endings), most=1)


def return_temporary(scene: Scene) -> list[Edit]:
    """`return e` becomes `t = e; return t`."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, statement in enumerate(block.body):
            if not isinstance(statement, ast.Return) or isinstance(statement.value, ast.Name | ast.Constant | None):
                continue

            def edit(body: list[ast.stmt] = block.body, index: int = index, value: ast.expr = statement.value) -> None:
                name = scene.fresh(TEMPORARY_NAMES)
                body[index : index + 1] = [assign(name, value), ast.Return(value=load(name))]

            edits.append(edit)
    return edits


def test_temporary(scene: Scene) -> list[Edit]:
    """`if e:` becomes `t = e; if t:`; an `elif` so becomes an `if` nested in an `else`."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, statement in enumerate(block.body):
            if not isinstance(statement, ast.If) or isinstance(statement.test, ast.Name | ast.Constant):
                continue

            def edit(body: list[ast.stmt] = block.body, index: int = index, branch: ast.If = statement) -> None:
                name = scene.fresh(FLAG_NAMES)
                body.insert(index, assign(name, branch.test))
                branch.test = load(name)

            edits.append(edit)
    return edits


def argument_temporary(scene: Scene) -> list[Edit]:
    """`return f(e, …)` becomes `t = e; return f(t, …)`, likewise for `x = f(e, …)`; `f` is a plain name."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, statement in enumerate(block.body):
            if not isinstance(statement, ast.Return | ast.Assign) or not isinstance(statement.value, ast.Call):
                continue
            outer = statement.value
            if not isinstance(outer.func, ast.Name) or not outer.args or outer.func.id in {"locals", "super", "eval"}:
                continue
            if isinstance(outer.args[0], ast.Name | ast.Constant | ast.Starred | ast.GeneratorExp | ast.Lambda):
                continue

            def edit(body: list[ast.stmt] = block.body, index: int = index, outer: ast.Call = outer) -> None:
                name = scene.fresh(PART_NAMES)
                body.insert(index, assign(name, outer.args[0]))
                outer.args[0] = load(name)

            edits.append(edit)
    return edits


def argument_alias(scene: Scene) -> list[Edit]:
    """An argument is copied to a local first, and the local used instead."""
    edits: list[Edit] = []
    for function in scene.functions:
        if looks_at_scope(function):
            continue
        inner = {node.arg for node in ast.walk(function) if isinstance(node, ast.keyword)}
        for argument in parameters(function):
            if argument.arg in inner:
                continue

            def edit(function: ast.FunctionDef = function, old: str = argument.arg) -> None:
                new = scene.fresh((f"{old}_in", f"{old}_value", *ALIAS_NAMES))
                for statement in function.body:
                    rename_in(statement, {old: new})
                function.body.insert(0, assign(new, load(old)))

            edits.append(edit)
    return edits


def inner_helper(scene: Scene) -> list[Edit]:
    """The body moves into an inner function of the same arguments, and its call is returned."""
    return _wrap(scene, inside=True)


def outer_helper(scene: Scene) -> list[Edit]:
    """The body moves into a function beside this one, which returns its call."""
    return _wrap(scene, inside=False)


def _wrap(scene: Scene, *, inside: bool) -> list[Edit]:
    edits: list[Edit] = []
    for function in scene.functions:
        spec = function.args
        plain = not (spec.vararg or spec.kwarg or spec.kwonlyargs or spec.posonlyargs)
        if not plain or function.decorator_list or len(function.body) > 60 or looks_at_scope(function):
            continue
        if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function)):
            continue

        def edit(function: ast.FunctionDef = function) -> None:
            names = [argument.arg for argument in parameters(function)]
            helper = ast.FunctionDef(
                name=scene.fresh(("compute", "helper", "inner", "run", "solve", f"{function.name.strip('_')}_impl")),
                args=ast.arguments(
                    posonlyargs=[],
                    args=[ast.arg(arg=name) for name in names],
                    kwonlyargs=[],
                    kw_defaults=[],
                    defaults=[],
                ),
                body=function.body,
                decorator_list=[],
            )
            delegate = ast.Return(value=call(helper.name, *(load(name) for name in names)))
            function.body = [helper, delegate] if inside else [delegate]
            if not inside:
                scene.tree.body.insert(scene.tree.body.index(function), helper)

        edits.append(edit)
    return edits
