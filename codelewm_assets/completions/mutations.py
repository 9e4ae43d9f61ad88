"""Single bugs of the kinds that programmers make. A mutant may happen to be right: running it says.

Families follow the usual operators of mutation testing (relational, arithmetic, logical, constant, statement deletion;
Offutt et al. 1996, "An experimental determination of sufficient mutant operators").
"""

import ast
from collections.abc import Callable

from codelewm_assets.completions import slips
from codelewm_assets.completions.syntax import Edit, Operator, Place, Scene, negated

NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SHIFTED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
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


def negated_comparison(scene: Scene) -> list[Edit]:
    """`==` for `!=`, `in` for `not in`, or the other way round."""
    return _comparisons(scene, NEGATED)


def shifted_comparison(scene: Scene) -> list[Edit]:
    """`<` for `<=`, `>` for `>=`, or the other way round."""
    return _comparisons(scene, SHIFTED)


def turned_comparison(scene: Scene) -> list[Edit]:
    """`<` for `>`, `<=` for `>=`, or the other way round."""
    return _comparisons(scene, TURNED)


def _comparisons(scene: Scene, others: dict[type[ast.cmpop], type[ast.cmpop]]) -> list[Edit]:
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if not isinstance(node, ast.Compare):
            continue
        for index, operator in enumerate(node.ops):
            other = others.get(type(operator))
            if other is not None:

                def edit(node: ast.Compare = node, index: int = index, other: type[ast.cmpop] = other) -> None:
                    node.ops[index] = other()

                edits.append(edit)
    return edits


def other_arithmetic(scene: Scene) -> list[Edit]:
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


def swapped_connective(scene: Scene) -> list[Edit]:
    """`and` for `or`, or the other way round."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.BoolOp):

            def swap(node: ast.BoolOp = node) -> None:
                node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()

            edits.append(swap)
    return edits


def dropped_condition(scene: Scene) -> list[Edit]:
    """One operand of `and` or `or` left out."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.BoolOp):
            for index in range(len(node.values)):

                def drop(place: Place = place, node: ast.BoolOp = node, index: int = index) -> None:
                    kept = [value for at, value in enumerate(node.values) if at != index]
                    place.put(kept[0] if len(kept) == 1 else ast.BoolOp(op=node.op, values=kept))

                edits.append(drop)
    return edits


def negated_test(scene: Scene) -> list[Edit]:
    """The test of an `if` negated."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.If | ast.IfExp):

            def negate(node: ast.If | ast.IfExp = node) -> None:
                node.test = negated(node.test)

            edits.append(negate)
    return edits


def shifted_number(scene: Scene) -> list[Edit]:
    """A number off by one."""

    def others(value: object) -> tuple[object, ...]:
        if isinstance(value, float):
            return (value + 1.0,)
        return (value + 1, value - 1) if isinstance(value, int) and not isinstance(value, bool) else ()

    return _constants(scene, others)


def flipped_truth(scene: Scene) -> list[Edit]:
    """The other truth value."""
    return _constants(scene, lambda value: (not value,) if isinstance(value, bool) else ())


def changed_text(scene: Scene) -> list[Edit]:
    """A text that is empty, or has a blank too many."""

    def others(value: object) -> tuple[object, ...]:
        if not isinstance(value, str):
            return ()
        return ("", value + " ") if value else (" ",)

    return _constants(scene, others)


def _constants(scene: Scene, others: Callable[[object], tuple[object, ...]]) -> list[Edit]:
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if not isinstance(node, ast.Constant) or isinstance(place.parent, ast.JoinedStr):
            continue
        for other in others(node.value):

            def edit(place: Place = place, other: object = other) -> None:
                negative = isinstance(other, int | float) and not isinstance(other, bool) and other < 0
                plain = ast.Constant(value=-other if negative else other)  # type: ignore[operator,arg-type]
                place.put(ast.UnaryOp(op=ast.USub(), operand=plain) if negative else plain)

            edits.append(edit)
    return edits


def shifted_range(scene: Scene) -> list[Edit]:
    """A bound of `range` off by one."""

    def is_bound(place: Place) -> bool:
        call = place.parent
        in_range = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range"
        return in_range and place.field == "args"

    return _off_by_one(scene, is_bound)


def shifted_slice(scene: Scene) -> list[Edit]:
    """A bound of a slice off by one."""
    return _off_by_one(scene, lambda place: isinstance(place.parent, ast.Slice))


def shifted_index(scene: Scene) -> list[Edit]:
    """A computed index off by one; a constant one is `shifted_number`'s."""

    def is_index(place: Place) -> bool:
        is_read = isinstance(place.parent, ast.Subscript) and isinstance(place.parent.ctx, ast.Load)
        return is_read and place.field == "slice" and isinstance(place.node, ast.Name | ast.BinOp)

    return _off_by_one(scene, is_index)


def _off_by_one(scene: Scene, is_bound: Callable[[Place], bool]) -> list[Edit]:
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if not isinstance(node, ast.expr) or not is_bound(place):
            continue
        for operator in (ast.Add, ast.Sub):

            def edit(place: Place = place, node: ast.expr = node, operator: type[ast.operator] = operator) -> None:
                place.put(ast.BinOp(left=node, op=operator(), right=ast.Constant(value=1)))

            edits.append(edit)
    return edits


def other_function(scene: Scene) -> list[Edit]:
    """Another built-in function of the same kind: `min` for `max`."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in CALLS
            and not node.keywords
        ):

            def edit(node: ast.Call = node, name: str = CALLS[node.func.id]) -> None:
                node.func = ast.Name(id=name, ctx=ast.Load())

            edits.append(edit)
    return edits


def other_method(scene: Scene) -> list[Edit]:
    """Another method of the same kind: `upper` for `lower`."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:

            def edit(function: ast.Attribute = node.func) -> None:
                function.attr = METHODS[function.attr]

            edits.append(edit)
    return edits


def exchanged_arguments(scene: Scene) -> list[Edit]:
    """The two arguments of a call exchanged."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if (
            isinstance(node, ast.Call)
            and len(node.args) == 2
            and not any(isinstance(a, ast.Starred) for a in node.args)
        ):

            def edit(node: ast.Call = node) -> None:
                node.args.reverse()

            edits.append(edit)
    return edits


def statement_left_out(scene: Scene) -> list[Edit]:
    """An assignment in place, a call, a test or a jump left out."""
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
    return edits


def loop_left_early(scene: Scene) -> list[Edit]:
    """A loop left after its first pass."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for found in block.body:
            if isinstance(found, ast.For):

                def leave_early(loop: ast.For = found) -> None:
                    loop.body.append(ast.Break())

                edits.append(leave_early)
    return edits


def exchanged_operands(scene: Scene) -> list[Edit]:
    """The operands of a subtraction, division or power exchanged."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod | ast.Pow):

            def exchange(node: ast.BinOp = node) -> None:
                node.left, node.right = node.right, node.left

            edits.append(exchange)
    return edits


def dropped_operand(scene: Scene) -> list[Edit]:
    """One operand of an arithmetic operator left out."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.BinOp):
            for side in ("left", "right"):

                def keep(place: Place = place, node: ast.BinOp = node, side: str = side) -> None:
                    place.put(getattr(node, side))

                edits.append(keep)
    return edits


MUTATIONS: dict[str, tuple[Operator, ...]] = {
    "relational": (negated_comparison, shifted_comparison, turned_comparison),
    "arithmetic": (other_arithmetic,),
    "logical": (swapped_connective, dropped_condition, negated_test, slips.forgotten_negation),
    "constant": (shifted_number, flipped_truth, changed_text, slips.wrong_default),
    "boundary": (shifted_range, shifted_slice, shifted_index),
    "called": (other_function, other_method, exchanged_arguments, slips.forgotten_call),
    "statement": (
        statement_left_out,
        loop_left_early,
        slips.return_in_loop,
        slips.forgotten_else,
        slips.swapped_jump,
        slips.other_returned,
    ),
    "operand": (exchanged_operands, dropped_operand, slips.other_variable),
}
"""Family → operators."""
