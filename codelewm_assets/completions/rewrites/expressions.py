"""Rewrites of the family `expression_form`: the same value, written in another way.

Each operator asks for the syntax that makes it safe (a number literal, a pure operand); what slips through is caught
when the rewrite is run.
"""

import ast

from codelewm_assets.completions.syntax import Edit, Place, Scene, call, is_number, is_pure, negated

MIRROR: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
}


def mirror_comparison(scene: Scene) -> list[Edit]:
    """`a < b` becomes `b > a`, where both sides are free of side effects."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or type(node.ops[0]) not in MIRROR:
            continue
        if not (is_pure(node.left) and is_pure(node.comparators[0])):
            continue

        def edit(node: ast.Compare = node) -> None:
            node.left, node.comparators = node.comparators[0], [node.left]
            node.ops = [MIRROR[type(node.ops[0])]()]

        edits.append(edit)
    return edits


def double_negation(scene: Scene) -> list[Edit]:
    """A test `c` of `if` or `while` becomes `not (opposite of c)`."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.If | ast.While) and isinstance(node.test, ast.Compare) and len(node.test.ops) == 1:

            def edit(node: ast.If | ast.While = node) -> None:
                node.test = ast.UnaryOp(op=ast.Not(), operand=negated(node.test))

            edits.append(edit)
    return edits


def expand_augmented(scene: Scene) -> list[Edit]:
    """`x += 1` becomes `x = x + 1`, where the right side is a number literal, so that no list is extended in place."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, statement in enumerate(block.body):
            if not isinstance(statement, ast.AugAssign) or not isinstance(statement.target, ast.Name):
                continue
            if not is_number(statement.value):
                continue

            def edit(body: list[ast.stmt] = block.body, index: int = index, old: ast.AugAssign = statement) -> None:
                assert isinstance(old.target, ast.Name)
                read = ast.Name(id=old.target.id, ctx=ast.Load())
                body[index] = ast.Assign(targets=[old.target], value=ast.BinOp(left=read, op=old.op, right=old.value))

            edits.append(edit)
    return edits


def commute_number(scene: Scene) -> list[Edit]:
    """`e + 1` becomes `1 + e` and `e * 2` becomes `2 * e`, for number literals: sums of texts are left alone."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult) and is_number(node.right):

            def edit(node: ast.BinOp = node) -> None:
                node.left, node.right = node.right, node.left

            edits.append(edit)
    return edits


def split_chain(scene: Scene) -> list[Edit]:
    """`a < b < c` becomes `a < b and b < c`, where `b` is free of side effects."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if not isinstance(node, ast.Compare) or len(node.ops) != 2 or not is_pure(node.comparators[0]):
            continue

        def edit(place: Place = place, node: ast.Compare = node) -> None:
            middle, last = node.comparators
            place.put(
                ast.BoolOp(
                    op=ast.And(),
                    values=[
                        ast.Compare(left=node.left, ops=[node.ops[0]], comparators=[middle]),
                        ast.Compare(left=middle, ops=[node.ops[1]], comparators=[last]),
                    ],
                )
            )

        edits.append(edit)
    return edits


def de_morgan(scene: Scene) -> list[Edit]:
    """A test `a and b` of an `if` becomes `not (not a or not b)`, and the other way round for `or`."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if isinstance(node, ast.If) and isinstance(node.test, ast.BoolOp):

            def edit(node: ast.If = node, test: ast.BoolOp = node.test) -> None:
                other = ast.Or() if isinstance(test.op, ast.And) else ast.And()
                values = [negated(value) for value in test.values]
                node.test = ast.UnaryOp(op=ast.Not(), operand=ast.BoolOp(op=other, values=values))

            edits.append(edit)
    return edits


def emptiness_test(scene: Scene) -> list[Edit]:
    """`len(s) == 0` becomes `not len(s)`, and `len(s) > 0` becomes `len(s) != 0`."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not _is_len(node.left):
            continue
        right = node.comparators[0]
        if not isinstance(right, ast.Constant) or right.value != 0 or isinstance(right.value, bool):
            continue
        if isinstance(node.ops[0], ast.Eq):

            def edit(place: Place = place, node: ast.Compare = node) -> None:
                place.put(ast.UnaryOp(op=ast.Not(), operand=node.left))

            edits.append(edit)
        elif isinstance(node.ops[0], ast.Gt):

            def edit_order(node: ast.Compare = node) -> None:
                node.ops = [ast.NotEq()]

            edits.append(edit_order)
    return edits


def _is_len(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"


def literal_to_call(scene: Scene) -> list[Edit]:
    """An empty list or map display that is assigned becomes `list()` or `dict()`."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        if not isinstance(node, ast.Assign) or scene.names & {"list", "dict"}:
            continue
        value = node.value
        empty = (isinstance(value, ast.List) and not value.elts) or (isinstance(value, ast.Dict) and not value.keys)
        if empty:

            def edit(node: ast.Assign = node, name: str = "list" if isinstance(value, ast.List) else "dict") -> None:
                node.value = call(name)

            edits.append(edit)
    return edits
