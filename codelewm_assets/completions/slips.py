"""Slips: bugs of forgetting or of taking one thing for another, beside the exchanged operators of mutations.py.

Here: operators that need a wider look than one node. Not here: the registry (mutations.py).
"""

import ast
from collections.abc import Iterator

from codelewm_assets.completions.syntax import Block, Edit, Place, Scene, load, own_jumps, parameters

TRANSPARENT = frozenset({"abs", "bool", "float", "int", "list", "reversed", "round", "set", "sorted", "str", "tuple"})
STRIPPING = frozenset({"lower", "upper", "strip", "lstrip", "rstrip"})


def forgotten_negation(scene: Scene) -> list[Edit]:
    """A `not` forgotten: `c` for `not c`; or a minus sign: `a` for `-a`."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):

            def edit(place: Place = place, node: ast.UnaryOp = node) -> None:
                place.put(node.operand)

            edits.append(edit)
    return edits


def wrong_default(scene: Scene) -> list[Edit]:
    """An argument's default one too high, or the other truth value; or no default given to `get`, `pop` or `next`."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.Call) and len(node.args) == 2 and _called(node) in ("get", "pop", "next"):

            def drop(node: ast.Call = node) -> None:
                del node.args[1]

            edits.append(drop)
    inner = [place.node for place in scene.places if isinstance(place.node, ast.FunctionDef)]
    for function in [*scene.functions, *inner]:
        for defaults in (function.args.defaults, function.args.kw_defaults):
            for index, default in enumerate(defaults):
                if isinstance(default, ast.Constant) and isinstance(default.value, int | float):

                    def change(row: list[ast.expr] = defaults, index: int = index, old: float = default.value) -> None:  # type: ignore[assignment]
                        row[index] = ast.Constant(value=not old if isinstance(old, bool) else old + 1)

                    edits.append(change)
    return edits


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def forgotten_call(scene: Scene) -> list[Edit]:
    """A conversion, sorting or rounding forgotten: `x` for `sorted(x)`, `s` for `s.strip()`."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if not isinstance(node, ast.Call):
            continue
        inside: ast.expr | None = None
        if isinstance(node.func, ast.Name) and node.func.id in TRANSPARENT and len(node.args) == 1:
            inside = node.args[0]
        elif isinstance(node.func, ast.Attribute) and node.func.attr in STRIPPING:
            inside = node.func.value
        if inside is not None and not isinstance(inside, ast.Starred | ast.GeneratorExp):

            def edit(place: Place = place, inside: ast.expr = inside) -> None:
                place.put(inside)

            edits.append(edit)
    return edits


def _loops(scene: Scene) -> Iterator[tuple[Block, int, ast.For | ast.While]]:
    for block in scene.blocks:
        for index, found in enumerate(block.body):
            if isinstance(found, ast.For | ast.While):
                yield block, index, found


def return_in_loop(scene: Scene) -> list[Edit]:
    """The `return` after a loop one level too deep: it ends the first pass; nothing stands after the loop then."""
    edits: list[Edit] = []
    for block, index, loop in _loops(scene):
        after = block.body[index + 1 : index + 2]
        ends = isinstance(loop.body[-1], ast.Break | ast.Continue | ast.Return | ast.Raise)
        if not after or not isinstance(after[0], ast.Return) or ends or loop.orelse:
            continue

        def edit(body: list[ast.stmt] = block.body, index: int = index, loop: ast.For | ast.While = loop) -> None:
            loop.body.append(body.pop(index + 1))

        edits.append(edit)
    return edits


def forgotten_else(scene: Scene) -> list[Edit]:
    """The other branch of an `if` forgotten."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for branch in block.body:
            if isinstance(branch, ast.If) and branch.orelse:

                def edit(branch: ast.If = branch) -> None:
                    branch.orelse = []

                edits.append(edit)
    return edits


def swapped_jump(scene: Scene) -> list[Edit]:
    """`break` for `continue`, and the other way round; not in a `while`, which might never end for want of its count."""
    edits: list[Edit] = []
    for _, _, loop in _loops(scene):
        if isinstance(loop, ast.While):
            continue
        jumps = [*own_jumps(loop.body, ast.Break), *own_jumps(loop.body, ast.Continue)]
        for block in scene.blocks:
            for index, found in enumerate(block.body):
                if any(found is jump for jump in jumps):

                    def edit(body: list[ast.stmt] = block.body, index: int = index) -> None:
                        body[index] = ast.Continue() if isinstance(body[index], ast.Break) else ast.Break()

                    edits.append(edit)
    return edits


def _known_before(function: ast.FunctionDef) -> dict[int, tuple[str, ...]]:
    """Node id → arguments and locals of the function that are bound further up in its text, for each name that is read."""
    known = [argument.arg for argument in parameters(function)]
    found: dict[int, tuple[str, ...]] = {}

    def enter(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            return  # its names are its own
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                found[id(node)] = tuple(known)
            elif node.id not in known:
                known.append(node.id)
            return
        fields = {"Assign": ("value", "targets"), "For": ("iter", "target", "body", "orelse")}
        for name in fields.get(type(node).__name__, node._fields):
            value = getattr(node, name, None)
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not _is_comprehension(child):
                    enter(child)

    for statement in function.body:
        enter(statement)
    return found


def _is_comprehension(node: ast.AST) -> bool:
    return isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp)


def _taken_for_another(scene: Scene, *, returned: bool) -> list[Edit]:
    inner = [place.node for place in scene.places if isinstance(place.node, ast.FunctionDef)]
    known: dict[int, tuple[str, ...]] = {}
    for function in [*scene.functions, *inner]:
        known |= _known_before(function)
    edits: list[Edit] = []
    for place in scene.places:
        node, parent = place.node, place.parent
        if not isinstance(node, ast.Name) or isinstance(parent, ast.Return) != returned:
            continue
        others = known.get(id(node), ())
        if node.id not in others or (isinstance(parent, ast.Call) and place.field == "func"):
            continue
        for other in others:
            if other != node.id:

                def edit(place: Place = place, other: str = other) -> None:
                    place.put(load(other))

                edits.append(edit)
    return edits


def other_returned(scene: Scene) -> list[Edit]:
    """`return b` for `return a`, where `b` is an argument or a local that is bound further up."""
    return _taken_for_another(scene, returned=True)


def other_variable(scene: Scene) -> list[Edit]:
    """An argument or local read for another that is bound further up; what is returned is `other_returned`."""
    return _taken_for_another(scene, returned=False)
