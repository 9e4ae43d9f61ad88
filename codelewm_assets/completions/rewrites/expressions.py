"""Rewrites of the family `expression_form`: the same value, written in another way.

Each operator asks for the syntax that makes it safe (a number literal, a pure operand); what it misjudges is caught
when the rewrite is run.
"""

import ast
from collections.abc import Iterator
from functools import partial

from codelewm_assets.completions.syntax import (
    Edit,
    Place,
    call,
    called_name,
    is_number,
    is_pure,
    load,
    negated,
    on_nodes,
    on_statements,
)

MIRROR: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq
}  # fmt: skip


def _compare(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.Compare:
    return ast.Compare(left=left, ops=[operator], comparators=[right])


@on_nodes(ast.Compare)
def mirror_comparison(place: Place[ast.Compare]) -> Iterator[Edit]:
    """`a < b` becomes `b > a`, where both sides are free of side effects."""
    match place.node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            mirrored = MIRROR.get(type(operator))
            if mirrored is not None and is_pure(left) and is_pure(right):
                yield partial(place.replace, _compare(right, mirrored(), left))


@on_nodes(ast.If, ast.While)
def double_negation(place: Place[ast.If | ast.While]) -> Iterator[Edit]:
    """A test `c` of `if` or `while` becomes `not (opposite of c)`."""
    test = place.node.test
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        yield partial(setattr, place.node, "test", ast.UnaryOp(op=ast.Not(), operand=negated(test)))


@on_statements(ast.AugAssign)
def expand_augmented(place: Place[ast.AugAssign]) -> Iterator[Edit]:
    """`x += 1` becomes `x = x + 1`, where the right side is a number literal, so that no list is extended in place."""
    match place.node:
        case ast.AugAssign(target=ast.Name(id=name) as target, op=operator, value=value) if is_number(value):
            total = ast.BinOp(left=load(name), op=operator, right=value)
            yield partial(place.replace, ast.Assign(targets=[target], value=total))


@on_nodes(ast.BinOp)
def commute_number(place: Place[ast.BinOp]) -> Iterator[Edit]:
    """`e + 1` becomes `1 + e` and `e * 2` becomes `2 * e`, for number literals: sums of texts are left alone."""
    node = place.node
    if isinstance(node.op, ast.Add | ast.Mult) and is_number(node.right):
        yield partial(place.replace, ast.BinOp(left=node.right, op=node.op, right=node.left))


@on_nodes(ast.Compare)
def split_chain(place: Place[ast.Compare]) -> Iterator[Edit]:
    """`a < b < c` becomes `a < b and b < c`, where `b` is free of side effects."""
    match place.node:
        case ast.Compare(left=left, ops=[first, second], comparators=[middle, last]) if is_pure(middle):
            values: list[ast.expr] = [_compare(left, first, middle), _compare(middle, second, last)]
            yield partial(place.replace, ast.BoolOp(op=ast.And(), values=values))


@on_nodes(ast.If)
def de_morgan(place: Place[ast.If]) -> Iterator[Edit]:
    """A test `a and b` of an `if` becomes `not (not a or not b)`, and the other way round for `or`."""
    test = place.node.test
    if isinstance(test, ast.BoolOp):
        other = ast.Or() if isinstance(test.op, ast.And) else ast.And()
        inner = ast.BoolOp(op=other, values=[negated(value) for value in test.values])
        yield partial(setattr, place.node, "test", ast.UnaryOp(op=ast.Not(), operand=inner))


@on_nodes(ast.Compare)
def emptiness_test(place: Place[ast.Compare]) -> Iterator[Edit]:
    """`len(s) == 0` becomes `not len(s)`, and `len(s) > 0` becomes `len(s) != 0`."""
    match place.node:
        case ast.Compare(left=left, ops=[operator], comparators=[ast.Constant(value=0 as zero) as right]) if (
            called_name(left) == "len" and not isinstance(zero, bool)
        ):
            if isinstance(operator, ast.Eq):
                yield partial(place.replace, ast.UnaryOp(op=ast.Not(), operand=left))
            elif isinstance(operator, ast.Gt):
                yield partial(place.replace, _compare(left, ast.NotEq(), right))


@on_nodes(ast.Assign)
def literal_to_call(place: Place[ast.Assign]) -> Iterator[Edit]:
    """An empty list or map display that is assigned becomes `list()` or `dict()`."""
    match place.node.value:
        case ast.List(elts=[]):
            name = "list"
        case ast.Dict(keys=[]):
            name = "dict"
        case _:
            return
    if not place.scene.names & {"list", "dict"}:
        yield partial(setattr, place.node, "value", call(name))
