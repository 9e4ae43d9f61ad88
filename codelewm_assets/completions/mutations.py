"""Single bugs of the kinds that programmers make. A mutant may happen to be right: running it says.

Families follow the usual operators of mutation testing (relational, arithmetic, logical, constant, statement deletion;
Offutt et al. 1996, "An experimental determination of sufficient mutant operators").
"""

import ast

from codelewm_assets.completions.syntax import Edit, Operator, Place, Scene, negated

RELATIONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add,),
    ast.FloorDiv: (ast.Mod, ast.Div),
    ast.Div: (ast.FloorDiv, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "sum": "max", "set": "list", "sorted": "list"}
METHODS = {
    "lower": "upper",
    "upper": "lower",
    "islower": "isupper",
    "isupper": "islower",
    "keys": "values",
    "values": "keys",
    "startswith": "endswith",
    "endswith": "startswith",
    "isdigit": "isalpha",
    "isalpha": "isalnum",
    "find": "rfind",
}


def relational(scene: Scene) -> list[Edit]:
    """Another comparison: `<` for `<=`, `==` for `!=`."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if not isinstance(node, ast.Compare):
            continue
        for index, operator in enumerate(node.ops):
            for other in RELATIONS.get(type(operator), ()):

                def edit(node: ast.Compare = node, index: int = index, other: type[ast.cmpop] = other) -> None:
                    node.ops[index] = other()

                edits.append(edit)
    return edits


def arithmetic(scene: Scene) -> list[Edit]:
    """Another arithmetic operator."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.BinOp | ast.AugAssign):
            for other in ARITHMETIC.get(type(node.op), ()):

                def edit(node: ast.BinOp | ast.AugAssign = node, other: type[ast.operator] = other) -> None:
                    node.op = other()

                edits.append(edit)
    return edits


def logical(scene: Scene) -> list[Edit]:
    """`and` for `or`, one operand dropped, or a test negated."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.BoolOp):

            def swap(node: ast.BoolOp = node) -> None:
                node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()

            edits.append(swap)
            for index in range(len(node.values)):

                def drop(place: Place = place, node: ast.BoolOp = node, index: int = index) -> None:
                    kept = [value for at, value in enumerate(node.values) if at != index]
                    place.put(kept[0] if len(kept) == 1 else ast.BoolOp(op=node.op, values=kept))

                edits.append(drop)
        elif isinstance(node, ast.If | ast.IfExp):

            def negate(node: ast.If | ast.IfExp = node) -> None:
                node.test = negated(node.test)

            edits.append(negate)
    return edits


def constant(scene: Scene) -> list[Edit]:
    """A number off by one, the other truth value, or a text that is empty or has a blank too many."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if not isinstance(node, ast.Constant) or isinstance(place.parent, ast.JoinedStr):
            continue
        value = node.value
        others: tuple[object, ...] = ()
        if isinstance(value, bool):
            others = (not value,)
        elif isinstance(value, int):
            others = (value + 1, value - 1)
        elif isinstance(value, float):
            others = (value + 1.0,)
        elif isinstance(value, str):
            others = (" ",) if value == "" else ("", value + " ")
        for other in others:

            def edit(place: Place = place, other: object = other) -> None:
                negative = isinstance(other, int | float) and not isinstance(other, bool) and other < 0
                plain = ast.Constant(value=-other if negative else other)  # type: ignore[operator,arg-type]
                place.put(ast.UnaryOp(op=ast.USub(), operand=plain) if negative else plain)

            edits.append(edit)
    return edits


def boundary(scene: Scene) -> list[Edit]:
    """A bound of `range` or of a slice off by one."""
    edits: list[Edit] = []
    for place in scene.places:
        parent, node = place.parent, place.node
        in_range = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "range"
        if not isinstance(node, ast.expr) or not (
            (in_range and place.field == "args") or isinstance(parent, ast.Slice)
        ):
            continue
        for operator in (ast.Add, ast.Sub):

            def edit(place: Place = place, node: ast.expr = node, operator: type[ast.operator] = operator) -> None:
                place.put(ast.BinOp(left=node, op=operator(), right=ast.Constant(value=1)))

            edits.append(edit)
    return edits


def called(scene: Scene) -> list[Edit]:
    """Another function or method of the same kind, or two arguments exchanged."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in CALLS and not node.keywords:

            def other_function(node: ast.Call = node, name: str = CALLS[node.func.id]) -> None:
                node.func = ast.Name(id=name, ctx=ast.Load())

            edits.append(other_function)
        if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:

            def other_method(function: ast.Attribute = node.func) -> None:
                function.attr = METHODS[function.attr]

            edits.append(other_method)
        if len(node.args) == 2 and not any(isinstance(a, ast.Starred) for a in node.args):

            def exchange(node: ast.Call = node) -> None:
                node.args.reverse()

            edits.append(exchange)
    return edits


def statement(scene: Scene) -> list[Edit]:
    """A statement left out, or a loop left after its first pass."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, found in enumerate(block.body):
            if isinstance(found, ast.AugAssign | ast.Expr | ast.If | ast.Continue | ast.Break):

                def leave_out(body: list[ast.stmt] = block.body, index: int = index) -> None:
                    if len(body) > 1:
                        del body[index]
                    else:
                        body[index] = ast.Pass()

                edits.append(leave_out)
            if isinstance(found, ast.For):

                def leave_early(loop: ast.For = found) -> None:
                    loop.body.append(ast.Break())

                edits.append(leave_early)
    return edits


def operand(scene: Scene) -> list[Edit]:
    """The operands of a subtraction or division exchanged, or one operand of a sum or product left out."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if not isinstance(node, ast.BinOp):
            continue
        if isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod | ast.Pow):

            def exchange(node: ast.BinOp = node) -> None:
                node.left, node.right = node.right, node.left

            edits.append(exchange)
        for side in ("left", "right"):

            def keep(place: Place = place, node: ast.BinOp = node, side: str = side) -> None:
                place.put(getattr(node, side))

            edits.append(keep)
    return edits


MUTATIONS: dict[str, tuple[Operator, ...]] = {
    "relational": (relational,),
    "arithmetic": (arithmetic,),
    "logical": (logical,),
    "constant": (constant,),
    "boundary": (boundary,),
    "called": (called,),
    "statement": (statement,),
    "operand": (operand,),
}
"""Family → operators."""
