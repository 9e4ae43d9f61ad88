"""Neutral edits: edits of the kinds and places of single bugs that keep a program's meaning.

A right program with a neutral edit stands against a bug, so that "was edited" is no label. An edit asks for the syntax that
makes it safe: number literals, integers by inference, names. What it misjudges is caught where the program is run.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import partial

from codelewm_assets.completions.mutations import MUTATIONS
from codelewm_assets.completions.rewrites import control, expressions, names
from codelewm_assets.completions.syntax import (
    OPPOSITE,
    Edit,
    Operator,
    Place,
    assign,
    call,
    called_method,
    called_name,
    contains,
    count_names,
    is_number,
    load,
    loop_jumps,
    on_nodes,
    on_statements,
    stored_names,
)

INTEGER_CALLS = frozenset({"len", "ord", "int"})
INTEGER_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)
CONSUMERS = frozenset({"all", "any", "frozenset", "list", "max", "min", "set", "sorted", "sum", "tuple"})
BOUNDS: Mapping[type[ast.cmpop], tuple[type[ast.cmpop], int]] = {
    ast.Lt: (ast.LtE, -1), ast.LtE: (ast.Lt, 1), ast.Gt: (ast.GtE, 1), ast.GtE: (ast.Gt, -1),
}  # fmt: skip
ORDER_OPPOSITE: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip


def integer_names(function: ast.AST) -> frozenset[str]:
    """Names whose every binding in the function is an integer: counts of `range` and `enumerate`, lengths, sums of such."""
    bindings = dict[str, list[ast.expr | None]]()
    for node in ast.walk(function):
        for name, value in _bindings(node):
            bindings.setdefault(name, []).append(value)
    integers = frozenset(name for name, values in bindings.items() if None not in values)
    while True:
        kept = frozenset(name for name in integers if all(is_integer(value, integers) for value in bindings[name]))
        if kept == integers:
            return kept
        integers = kept


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """(name, value) of each name that the node binds; None for a value that is not read here."""
    zero = ast.Constant(value=0)
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
            yield name, ast.BinOp(left=load(name), op=op, right=value)
        case ast.For(target=target, iter=source) | ast.comprehension(target=target, iter=source):
            match target:
                case ast.Name(id=name) if called_name(source) == "range":
                    yield name, zero
                case ast.Tuple(elts=[ast.Name(id=name), other]) if called_name(source) == "enumerate":
                    yield name, zero
                    yield from ((inner, None) for inner in stored_names(other))
                case _:
                    yield from ((name, None) for name in stored_names(target))
        case ast.Assign(targets=targets):
            yield from ((name, None) for name in stored_names(targets))
        case ast.AnnAssign(target=target) | ast.NamedExpr(target=target):
            yield from ((name, None) for name in stored_names(target))
        case ast.arg(arg=name):
            yield name, None
        case ast.withitem(optional_vars=ast.expr() as target):
            yield from ((name, None) for name in stored_names(target))
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name, None
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            yield from (((alias.asname or alias.name).partition(".")[0], None) for alias in aliases)
        case _:
            return


def is_integer(node: ast.expr | None, integers: frozenset[str]) -> bool:
    """True if the expression is an integer by its syntax, given names that are."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int) and not isinstance(value, bool)
        case ast.Name(id=name):
            return name in integers
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return is_integer(operand, integers)
        case ast.BinOp(left=left, op=op, right=right):
            return isinstance(op, INTEGER_OPERATORS) and is_integer(left, integers) and is_integer(right, integers)
        case ast.Call():
            return called_name(node) in INTEGER_CALLS
        case _:
            return False


def _are_integers(function: ast.FunctionDef, *nodes: ast.expr) -> bool:
    integers = integer_names(function)
    return all(is_integer(node, integers) for node in nodes)


@on_nodes(ast.Compare)
def moved_bound(place: Place[ast.Compare]) -> Iterator[Edit]:
    """`a < b` becomes `a <= b - 1` and `a > 1` becomes `a >= 2`, for integers."""
    match place.node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in BOUNDS:
            if _are_integers(place.function, left, right):
                other, step = BOUNDS[type(operator)]
                yield partial(place.replace, ast.Compare(left=left, ops=[other()], comparators=[_shifted(right, step)]))


def _shifted(node: ast.expr, step: int) -> ast.expr:
    """An integer expression plus 1 or minus 1."""
    match node:
        case ast.Constant(value=int(value)) if value + step >= 0:
            return ast.Constant(value=value + step)
        case _:
            return ast.BinOp(left=node, op=ast.Add() if step > 0 else ast.Sub(), right=ast.Constant(value=1))


@on_nodes(ast.Compare)
def negated_order(place: Place[ast.Compare]) -> Iterator[Edit]:
    """`a < b` becomes `not a >= b`, for integers."""
    match place.node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in ORDER_OPPOSITE:
            if _are_integers(place.function, left, right):
                yield partial(place.replace, _not(left, ORDER_OPPOSITE[type(operator)](), right))


@on_nodes(ast.Compare)
def negated_opposite(place: Place[ast.Compare]) -> Iterator[Edit]:
    """`a == b` becomes `not a != b`, and likewise for `in` and `is`."""
    match place.node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in OPPOSITE:
            yield partial(place.replace, _not(left, OPPOSITE[type(operator)](), right))


def _not(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.UnaryOp:
    return ast.UnaryOp(op=ast.Not(), operand=ast.Compare(left=left, ops=[operator], comparators=[right]))


@on_nodes(ast.UnaryOp)
def merged_negation(place: Place[ast.UnaryOp]) -> Iterator[Edit]:
    """`not a == b` becomes `a != b`, and likewise for `in` and `is`."""
    match place.node:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Compare(left=left, ops=[operator], comparators=[right])):
            if type(operator) in OPPOSITE:
                yield partial(
                    place.replace, ast.Compare(left=left, ops=[OPPOSITE[type(operator)]()], comparators=[right])
                )


@on_nodes(ast.BinOp)
def minus_negative(place: Place[ast.BinOp]) -> Iterator[Edit]:
    """`a + 1` becomes `a - -1` and `a - 1` becomes `a + -1`, for number literals."""
    match place.node:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as operator, right=ast.Constant() as right):
            if is_number(right):
                other = ast.Sub() if isinstance(operator, ast.Add) else ast.Add()
                minus = ast.UnaryOp(op=ast.USub(), operand=right)
                yield partial(place.replace, ast.BinOp(left=left, op=other, right=minus))


@on_nodes(ast.BinOp)
def negated_difference(place: Place[ast.BinOp]) -> Iterator[Edit]:
    """`a - b` becomes `-(b - a)`, where one side is a number literal or both are integers."""
    match place.node:
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            if is_number(left) or is_number(right) or _are_integers(place.function, left, right):
                turned = ast.BinOp(left=right, op=ast.Sub(), right=left)
                yield partial(place.replace, ast.UnaryOp(op=ast.USub(), operand=turned))


@on_nodes(ast.BinOp)
def double_as_sum(place: Place[ast.BinOp]) -> Iterator[Edit]:
    """`x * 2` and `2 * x` become `x + x`, for a name."""
    match place.node:
        case ast.BinOp(left=ast.Name(id=name), op=ast.Mult(), right=ast.Constant(value=2)):
            pass
        case ast.BinOp(left=ast.Constant(value=2), op=ast.Mult(), right=ast.Name(id=name)):
            pass
        case _:
            return
    yield partial(place.replace, ast.BinOp(left=load(name), op=ast.Add(), right=load(name)))


@on_nodes(ast.Constant)
def number_as_sum(place: Place[ast.Constant]) -> Iterator[Edit]:
    """`3` becomes `2 + 1`, for an integer literal above 0."""
    value = place.node.value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0 and _is_expression(place):
        terms = ast.Constant(value=value - 1), ast.Constant(value=1)
        yield partial(place.replace, ast.BinOp(left=terms[0], op=ast.Add(), right=terms[1]))


@on_nodes(ast.Constant)
def truth_as_negation(place: Place[ast.Constant]) -> Iterator[Edit]:
    """`True` becomes `not False`, and the other way round."""
    if isinstance(place.node.value, bool) and _is_expression(place):
        yield partial(place.replace, ast.UnaryOp(op=ast.Not(), operand=ast.Constant(value=not place.node.value)))


@on_nodes(ast.Constant)
def text_in_parts(place: Place[ast.Constant]) -> Iterator[Edit]:
    """`'ab'` becomes `'a' + 'b'`, and an empty text `str()`."""
    text = place.node.value
    if not isinstance(text, str) or not _is_expression(place):
        return
    if not text:
        yield partial(place.replace, call("str"))
    elif len(text) > 1:
        parts = ast.Constant(value=text[: len(text) // 2]), ast.Constant(value=text[len(text) // 2 :])
        yield partial(place.replace, ast.BinOp(left=parts[0], op=ast.Add(), right=parts[1]))


def _is_expression(place: Place[ast.Constant]) -> bool:
    """True where any expression may stand: not in an f-string's text and not in a pattern."""
    return not isinstance(place.parent, ast.JoinedStr | ast.FormattedValue | ast.pattern)


@on_nodes(ast.Call)
def default_of_get(place: Place[ast.Call]) -> Iterator[Edit]:
    """`d.get(k, None)` becomes `d.get(k)`."""
    match place.node:
        case ast.Call(args=[_, ast.Constant(value=None)], keywords=[]) if called_method(place.node) == "get":
            yield partial(place.node.args.pop, 1)


@on_nodes(ast.Call)
def range_with_start(place: Place[ast.Call]) -> Iterator[Edit]:
    """`range(n)` becomes `range(0, n)`."""
    match place.node:
        case ast.Call(args=[ast.expr() as stop], keywords=[]) if called_name(place.node) == "range":
            if not isinstance(stop, ast.Starred):
                yield partial(place.node.args.insert, 0, ast.Constant(value=0))


@on_statements(ast.For)
def moved_range(place: Place[ast.For]) -> Iterator[Edit]:
    """`for i in range(n)` becomes `for i in range(1, n + 1)` with `i - 1` in the loop, where `i` has no other use."""
    match place.node:
        case ast.For(target=ast.Name(id=name), iter=ast.Call(args=arguments, keywords=[]) as source):
            pass
        case _:
            return
    loop = place.node
    is_plain = called_name(source) == "range" and len(arguments) < 3 and not contains(arguments, ast.Starred)
    uses = count_names(place.function)[name] == count_names([loop.target, *loop.body])[name]
    if not is_plain or not uses or name in stored_names(loop.body) or not arguments:
        return

    def edit() -> None:
        bounds = arguments if len(arguments) == 2 else [ast.Constant(value=0), arguments[0]]
        source.args = [_shifted(bound, 1) for bound in bounds]
        loop.body = [_EachRead(name).visit(statement) for statement in loop.body]

    yield edit


class _EachRead(ast.NodeTransformer):
    """Writes `name - 1` for each read of the name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id != self._name:
            return node
        return ast.BinOp(left=node, op=ast.Sub(), right=ast.Constant(value=1))


@on_nodes(ast.Subscript)
def slice_with_bound(place: Place[ast.Subscript]) -> Iterator[Edit]:
    """`x[:b]` becomes `x[0:b]`, and `x[a:]` becomes `x[a:len(x)]`, where they are read."""
    match place.node:
        case ast.Subscript(value=value, slice=ast.Slice(step=None) as bounds, ctx=ast.Load()):
            if bounds.lower is None:
                yield partial(setattr, bounds, "lower", ast.Constant(value=0))
            if bounds.upper is None and isinstance(value, ast.Name):
                yield partial(setattr, bounds, "upper", call("len", load(value.id)))


@on_nodes(ast.Subscript)
def last_by_length(place: Place[ast.Subscript]) -> Iterator[Edit]:
    """`x[-1]` becomes `x[len(x) - 1]`, for a name and where it is read."""
    match place.node:
        case ast.Subscript(
            value=ast.Name(id=name), slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)), ctx=ast.Load()
        ):
            index = ast.BinOp(left=call("len", load(name)), op=ast.Sub(), right=ast.Constant(value=1))
            yield partial(setattr, place.node, "slice", index)


@on_nodes(ast.Call)
def quantifier_negated(place: Place[ast.Call]) -> Iterator[Edit]:
    """`any(e for …)` becomes `not all(not e for …)`, and the other way round."""
    name = called_name(place.node)
    match place.node.args:
        case [ast.GeneratorExp() | ast.ListComp() as items] if name in ("any", "all"):

            def edit() -> None:
                items.elt = ast.UnaryOp(op=ast.Not(), operand=items.elt)
                place.node.func = load("all" if name == "any" else "any")
                place.replace(ast.UnaryOp(op=ast.Not(), operand=place.node))

            yield edit


@on_nodes(ast.Call)
def extremes_exchanged(place: Place[ast.Call]) -> Iterator[Edit]:
    """`max(a, b)` becomes `max(b, a)`, and likewise for `min`, for integers."""
    match place.node:
        case ast.Call(args=[first, second], keywords=[]) if called_name(place.node) in ("min", "max"):
            if _are_integers(place.function, first, second):
                yield place.node.args.reverse


@on_nodes(ast.Call)
def conversion_dropped(place: Place[ast.Call]) -> Iterator[Edit]:
    """`sorted(list(x))` becomes `sorted(x)`, and likewise for other calls that read all of one argument."""
    match place.node:
        case ast.Call(args=[ast.Call(args=[inner], keywords=[]) as conversion], keywords=[]):
            is_read = called_name(place.node) in CONSUMERS and called_name(conversion) in ("list", "tuple")
            if is_read and not isinstance(inner, ast.Starred):
                yield partial(setattr, place.node, "args", [inner])


@on_nodes(ast.Call)
def list_of_sorted(place: Place[ast.Call]) -> Iterator[Edit]:
    """`sorted(x)` becomes `list(sorted(x))`."""
    if called_name(place.node) == "sorted":
        yield partial(place.replace, call("list", place.node))


@on_statements(ast.If)
def branch_as_loop(place: Place[ast.If]) -> Iterator[Edit]:
    """`if c: A` becomes `while c: A; break`, or `while c: A` where `A` ends in a `return`."""
    branch = place.node
    jumps = [*loop_jumps(branch.body, ast.Break), *loop_jumps(branch.body, ast.Continue)]
    if branch.orelse or jumps or isinstance(branch.body[-1], ast.Raise):
        return
    ends = [] if isinstance(branch.body[-1], ast.Return) else [ast.Break()]
    yield partial(place.replace, ast.While(test=branch.test, body=[*branch.body, *ends], orelse=[]))


@on_statements(ast.Return)
def returned_by_name(place: Place[ast.Return]) -> Iterator[Edit]:
    """`return x` becomes `y = x` and `return y`, for a name."""
    match place.node.value:
        case ast.Name() as value:

            def edit() -> None:
                name = place.scene.fresh(("answer", "outcome", "res", "result", "ret"))
                place.replace(assign(name, value), ast.Return(value=load(name)))

            yield edit


@on_nodes(ast.Constant, ast.Name)
def repeated_condition(place: Place[ast.expr]) -> Iterator[Edit]:
    """`a and b` becomes `a and a and b`, for a name or constant `a`."""
    if isinstance(place.parent, ast.BoolOp) and place.field == "values":
        yield partial(place.parent.values.insert, place.index or 0, place.node)


NEUTRAL_EDITS: Mapping[str, tuple[Operator, ...]] = {
    "negated_comparison": (negated_opposite, merged_negation, control.swap_branches, control.swap_ternary),
    "shifted_comparison": (moved_bound, negated_order),
    "turned_comparison": (expressions.mirror_comparison, negated_order),
    "other_arithmetic": (minus_negative, double_as_sum, negated_difference),
    "swapped_connective": (expressions.de_morgan, repeated_condition),
    "dropped_condition": (control.nest_and, expressions.de_morgan),
    "negated_test": (control.swap_branches, control.swap_ternary, negated_opposite),
    "forgotten_negation": (merged_negation, control.swap_branches, control.swap_ternary),
    "shifted_number": (number_as_sum, moved_bound),
    "flipped_truth": (truth_as_negation,),
    "changed_text": (text_in_parts,),
    "wrong_default": (default_of_get, number_as_sum, truth_as_negation),
    "shifted_range": (moved_range, range_with_start),
    "shifted_slice": (slice_with_bound, moved_range),
    "shifted_index": (moved_range, last_by_length),
    "other_function": (quantifier_negated, list_of_sorted),
    "other_method": (negated_opposite, text_in_parts),
    "exchanged_arguments": (extremes_exchanged, expressions.mirror_comparison),
    "forgotten_call": (conversion_dropped, list_of_sorted),
    "statement_left_out": (control.drop_else_after_exit, control.add_else_after_exit),
    "loop_left_early": (branch_as_loop,),
    "return_in_loop": (branch_as_loop,),
    "forgotten_else": (control.drop_else_after_exit, control.swap_branches),
    "swapped_jump": (branch_as_loop,),
    "other_returned": (returned_by_name, names.argument_alias),
    "exchanged_operands": (negated_difference, expressions.commute_number),
    "dropped_operand": (double_as_sum, minus_negative),
    "other_variable": (names.argument_alias, returned_by_name),
}
"""Operator of a bug → neutral edits of its kind, in `mutations.MUTATIONS` by name."""
ANY_NEUTRAL_EDIT: Mapping[str, tuple[Operator, ...]] = {
    family: tuple(dict.fromkeys(edit for bug in row for edit in NEUTRAL_EDITS[bug.__name__]))
    for family, row in MUTATIONS.items()
}
"""Family of bugs → the neutral edits of all its operators."""
