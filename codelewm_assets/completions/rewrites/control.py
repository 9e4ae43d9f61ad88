"""Rewrites of the family `control_form`: the same choice between branches in another form."""

import ast
from collections.abc import Iterator
from functools import partial

from codelewm_assets.completions.syntax import Edit, Place, assign, load, negated, on_nodes, on_statements

LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


@on_statements(ast.If)
def swap_branches(place: Place[ast.If]) -> Iterator[Edit]:
    """`if c: A else: B` becomes `if not c: B else: A`."""
    branch = place.node
    if branch.orelse:
        yield partial(place.replace, ast.If(test=negated(branch.test), body=branch.orelse, orelse=branch.body))


@on_nodes(ast.IfExp)
def swap_ternary(place: Place[ast.IfExp]) -> Iterator[Edit]:
    """`a if c else b` becomes `b if not c else a`."""
    choice = place.node
    yield partial(place.replace, ast.IfExp(test=negated(choice.test), body=choice.orelse, orelse=choice.body))


@on_statements(ast.Return, ast.Assign)
def ternary_to_if(place: Place[ast.Return | ast.Assign]) -> Iterator[Edit]:
    """`return a if c else b`, or the assignment of it to one name, becomes an `if` with an `else`."""
    yes: ast.stmt
    no: ast.stmt
    match place.node:
        case ast.Return(value=ast.IfExp() as choice):
            yes, no = (ast.Return(value=value) for value in (choice.body, choice.orelse))
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.IfExp() as choice):
            yes, no = (assign(name, value) for value in (choice.body, choice.orelse))
        case _:
            return
    yield partial(place.replace, ast.If(test=choice.test, body=[yes], orelse=[no]))


@on_statements(ast.If)
def returns_to_ternary(place: Place[ast.If]) -> Iterator[Edit]:
    """`if c: return a` followed by `else: return b`, or by `return b`, becomes `return a if c else b`."""
    branch = place.node
    match branch.body, branch.orelse or place.following[:1]:
        case [ast.Return(value=ast.expr() as yes)], [ast.Return(value=ast.expr() as no)]:
            choice = ast.IfExp(test=branch.test, body=yes, orelse=no)
            yield partial(place.replace, ast.Return(value=choice), length=1 if branch.orelse else 2)


@on_statements(ast.If)
def nest_and(place: Place[ast.If]) -> Iterator[Edit]:
    """`if a and b:` without `else` becomes `if a:` around `if b:`."""
    match place.node:
        case ast.If(test=ast.BoolOp(op=ast.And(), values=[first, *others]), body=body, orelse=[]):
            rest = others[0] if len(others) == 1 else ast.BoolOp(op=ast.And(), values=others)
            yield partial(place.replace, ast.If(test=first, body=[ast.If(test=rest, body=body, orelse=[])], orelse=[]))


@on_statements(ast.If)
def drop_else_after_exit(place: Place[ast.If]) -> Iterator[Edit]:
    """The `else` (or `elif`) part of an `if` whose body always leaves moves after it."""
    branch = place.node
    if branch.orelse and isinstance(branch.body[-1], LEAVES):
        yield partial(place.replace, ast.If(test=branch.test, body=branch.body, orelse=[]), *branch.orelse)


@on_statements(ast.If)
def add_else_after_exit(place: Place[ast.If]) -> Iterator[Edit]:
    """The statements after an `if` whose body always leaves move into an `else`."""
    branch, after = place.node, place.following
    if after and not branch.orelse and isinstance(branch.body[-1], LEAVES):
        whole = ast.If(test=branch.test, body=branch.body, orelse=after)
        yield partial(place.replace, whole, length=1 + len(after))


@on_statements(ast.If)
def result_variable(place: Place[ast.If]) -> Iterator[Edit]:
    """A last `if … else …` whose branches all return sets one variable instead, returned after it."""
    if not place.following and _all_return(place.node):

        def edit() -> None:
            name = place.scene.fresh(("answer", "outcome", "res", "result", "ret", "verdict"))
            _set_instead(place.node, name)
            place.block.append(ast.Return(value=load(name)))

        yield edit


def _all_return(branch: ast.If) -> bool:
    match branch.body[-1], branch.orelse[-1:]:
        case ast.Return(value=ast.expr()), [ast.If() as other]:
            return _all_return(other)
        case ast.Return(value=ast.expr()), [ast.Return(value=ast.expr())]:
            return True
        case _:
            return False


def _set_instead(branch: ast.If, name: str) -> None:
    for body in (branch.body, branch.orelse):
        match body[-1]:
            case ast.Return(value=ast.expr() as value):
                body[-1] = assign(name, value)
            case ast.If() as inner:
                _set_instead(inner, name)
