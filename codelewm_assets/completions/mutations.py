"""Single bugs of the kinds that programmers make. A mutant may happen to be right: running it says.

Families follow the usual operators of mutation testing (relational, arithmetic, logical, constant, statement deletion;
Offutt et al. 1996, "An experimental determination of sufficient mutant operators"), and hold bugs of forgetting as well.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from codelewm_assets.completions.syntax import (
    OPPOSITE,
    Comprehension,
    Edit,
    Operator,
    Place,
    Scene,
    called_method,
    called_name,
    load,
    loop_jumps,
    negated,
    on_nodes,
    on_statements,
    parameters,
)

Comparisons = Mapping[type[ast.cmpop], type[ast.cmpop]]
NEGATED: Comparisons = {old: new for old, new in OPPOSITE.items() if old not in (ast.Is, ast.IsNot)}
SHIFTED: Comparisons = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
TURNED: Comparisons = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
ARITHMETIC: Mapping[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Add,), ast.FloorDiv: (ast.Mod, ast.Div),
    ast.Div: (ast.FloorDiv, ast.Mult), ast.Mod: (ast.FloorDiv,), ast.Pow: (ast.Mult,),
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "sum": "max", "set": "list", "sorted": "list"}
METHODS = {
    "lower": "upper", "upper": "lower", "islower": "isupper", "isupper": "islower", "keys": "values", "values": "keys",
    "startswith": "endswith", "endswith": "startswith", "isdigit": "isalpha", "isalpha": "isalnum", "find": "rfind",
}  # fmt: skip
TRANSPARENT = frozenset({"abs", "bool", "float", "int", "list", "reversed", "round", "set", "sorted", "str", "tuple"})
STRIPPING = frozenset({"lower", "upper", "strip", "lstrip", "rstrip"})


@on_nodes(ast.Compare)
def negated_comparison(place: Place[ast.Compare]) -> Iterable[Edit]:
    """`==` for `!=`, `in` for `not in`, or the other way round."""
    return _comparisons(place.node, NEGATED)


@on_nodes(ast.Compare)
def shifted_comparison(place: Place[ast.Compare]) -> Iterable[Edit]:
    """`<` for `<=`, `>` for `>=`, or the other way round."""
    return _comparisons(place.node, SHIFTED)


@on_nodes(ast.Compare)
def turned_comparison(place: Place[ast.Compare]) -> Iterable[Edit]:
    """`<` for `>`, `<=` for `>=`, or the other way round."""
    return _comparisons(place.node, TURNED)


def _comparisons(node: ast.Compare, others: Comparisons) -> Iterator[Edit]:
    for index, operator in enumerate(node.ops):
        if type(operator) in others:
            yield partial(node.ops.__setitem__, index, others[type(operator)]())


@on_nodes(ast.BinOp, ast.AugAssign)
def other_arithmetic(place: Place[ast.BinOp | ast.AugAssign]) -> Iterator[Edit]:
    """Another arithmetic operator."""
    for other in ARITHMETIC.get(type(place.node.op), ()):
        yield partial(setattr, place.node, "op", other())


@on_nodes(ast.BoolOp)
def swapped_connective(place: Place[ast.BoolOp]) -> Iterator[Edit]:
    """`and` for `or`, or the other way round."""
    yield partial(setattr, place.node, "op", ast.Or() if isinstance(place.node.op, ast.And) else ast.And())


@on_nodes(ast.BoolOp)
def dropped_condition(place: Place[ast.BoolOp]) -> Iterator[Edit]:
    """One operand of `and` or `or` excluded."""
    values = place.node.values
    for index in range(len(values)):
        kept = [*values[:index], *values[index + 1 :]]
        yield partial(place.replace, kept[0] if len(kept) == 1 else ast.BoolOp(op=place.node.op, values=kept))


@on_nodes(ast.If, ast.IfExp)
def negated_test(place: Place[ast.If | ast.IfExp]) -> Iterator[Edit]:
    """The test of an `if` negated."""
    yield partial(setattr, place.node, "test", negated(place.node.test))


@on_nodes(ast.UnaryOp)
def forgotten_negation(place: Place[ast.UnaryOp]) -> Iterator[Edit]:
    """A `not` forgotten: `c` for `not c`; or a minus sign: `a` for `-a`."""
    if isinstance(place.node.op, ast.Not | ast.USub):
        yield partial(place.replace, place.node.operand)


@on_nodes(ast.Constant)
def shifted_number(place: Place[ast.Constant]) -> Iterable[Edit]:
    """A number off by one."""
    match place.node.value:
        case bool():
            return ()
        case float(value):
            return _constants(place, value + 1.0)
        case int(value):
            return _constants(place, value + 1, value - 1)
        case _:
            return ()


@on_nodes(ast.Constant)
def flipped_truth(place: Place[ast.Constant]) -> Iterable[Edit]:
    """The other truth value."""
    return _constants(place, not place.node.value) if isinstance(place.node.value, bool) else ()


@on_nodes(ast.Constant)
def changed_text(place: Place[ast.Constant]) -> Iterable[Edit]:
    """A text that is empty, or has a blank too many."""
    text = place.node.value
    if not isinstance(text, str):
        return ()
    return _constants(place, "", f"{text} ") if text else _constants(place, " ")


def _constants(place: Place[ast.Constant], *others: float | str) -> Iterator[Edit]:
    for other in others if not isinstance(place.parent, ast.JoinedStr) else ():
        if isinstance(other, str) or other >= 0:
            yield partial(place.replace, ast.Constant(value=other))
        else:
            yield partial(place.replace, ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=-other)))


def wrong_default(scene: Scene) -> list[Edit]:
    """An argument's default one too high, or the other truth value; or no default given to `get`, `pop` or `next`."""
    edits: list[Edit] = []
    for place in scene.places:
        node = place.node
        called = called_name(node) or called_method(node)
        if called in ("get", "pop", "next") and len(node.args) == 2:
            edits.append(partial(node.args.pop, 1))
    for function in scene.all_functions:
        for defaults in (function.args.defaults, function.args.kw_defaults):
            for index, default in enumerate(defaults):
                if isinstance(default, ast.Constant) and isinstance(default.value, int | float):
                    value = not default.value if isinstance(default.value, bool) else default.value + 1
                    edits.append(partial(defaults.__setitem__, index, ast.Constant(value=value)))
    return edits


@on_nodes(ast.expr)
def shifted_range(place: Place[ast.expr]) -> Iterable[Edit]:
    """A bound of `range` off by one."""
    return _off_by_one(place) if called_name(place.parent) == "range" and place.field == "args" else ()


@on_nodes(ast.expr)
def shifted_slice(place: Place[ast.expr]) -> Iterable[Edit]:
    """A bound of a slice off by one."""
    return _off_by_one(place) if isinstance(place.parent, ast.Slice) else ()


@on_nodes(ast.Name, ast.BinOp)
def shifted_index(place: Place[ast.expr]) -> Iterable[Edit]:
    """A computed index off by one; a constant one is `shifted_number`'s."""
    is_read = isinstance(place.parent, ast.Subscript) and isinstance(place.parent.ctx, ast.Load)
    return _off_by_one(place) if is_read and place.field == "slice" else ()


def _off_by_one(place: Place[ast.expr]) -> Iterator[Edit]:
    for operator in (ast.Add(), ast.Sub()):
        yield partial(place.replace, ast.BinOp(left=place.node, op=operator, right=ast.Constant(value=1)))


@on_nodes(ast.Call)
def other_function(place: Place[ast.Call]) -> Iterator[Edit]:
    """Another built-in function of the same kind: `min` for `max`."""
    name = called_name(place.node)
    if name in CALLS and not place.node.keywords:
        yield partial(setattr, place.node, "func", load(CALLS[name]))


@on_nodes(ast.Call)
def other_method(place: Place[ast.Call]) -> Iterator[Edit]:
    """Another method of the same kind: `upper` for `lower`."""
    name = called_method(place.node)
    if name in METHODS:
        yield partial(setattr, place.node.func, "attr", METHODS[name])


@on_nodes(ast.Call)
def exchanged_arguments(place: Place[ast.Call]) -> Iterator[Edit]:
    """The two arguments of a call exchanged."""
    arguments = place.node.args
    if len(arguments) == 2 and not any(isinstance(argument, ast.Starred) for argument in arguments):
        yield arguments.reverse


@on_nodes(ast.Call)
def forgotten_call(place: Place[ast.Call]) -> Iterator[Edit]:
    """A conversion, sorting or rounding forgotten: `x` for `sorted(x)`, `s` for `s.strip()`."""
    inside: ast.expr | None = None
    if called_name(place.node) in TRANSPARENT and len(place.node.args) == 1:
        inside = place.node.args[0]
    elif isinstance(place.node.func, ast.Attribute) and place.node.func.attr in STRIPPING:
        inside = place.node.func.value
    if inside is not None and not isinstance(inside, ast.Starred | ast.GeneratorExp):
        yield partial(place.replace, inside)


@on_statements(ast.AugAssign, ast.Expr, ast.If, ast.Continue, ast.Break)
def statement_left_out(place: Place[ast.stmt]) -> Iterator[Edit]:
    """An assignment in place, a call, a test or a jump excluded."""
    yield partial(place.replace, *([] if len(place.block) > 1 else [ast.Pass()]))


@on_statements(ast.For)
def loop_left_early(place: Place[ast.For]) -> Iterator[Edit]:
    """A loop left after its first pass."""
    yield partial(place.node.body.append, ast.Break())


@on_statements(ast.For, ast.While)
def return_in_loop(place: Place[ast.For | ast.While]) -> Iterator[Edit]:
    """The `return` after a loop one level too deep: it ends the first pass; nothing stands after the loop then."""
    loop = place.node
    ends = isinstance(loop.body[-1], ast.Break | ast.Continue | ast.Return | ast.Raise)
    if place.following and isinstance(place.following[0], ast.Return) and not ends and not loop.orelse:

        def edit() -> None:
            loop.body.append(place.following[0])
            place.replace(loop, length=2)

        yield edit


@on_statements(ast.If)
def forgotten_else(place: Place[ast.If]) -> Iterator[Edit]:
    """The other branch of an `if` forgotten."""
    if place.node.orelse:
        yield partial(setattr, place.node, "orelse", [])


@on_statements(ast.For)
def swapped_jump(place: Place[ast.For]) -> Iterator[Edit]:
    """`break` for `continue`, and the other way round; not in a `while`, which might never end for want of its count."""
    jumps = [*loop_jumps(place.node.body, ast.Break), *loop_jumps(place.node.body, ast.Continue)]
    for inner in place.scene.statements:
        if any(inner.node is jump for jump in jumps):
            yield partial(inner.replace, ast.Continue() if isinstance(inner.node, ast.Break) else ast.Break())


@on_nodes(ast.BinOp)
def exchanged_operands(place: Place[ast.BinOp]) -> Iterator[Edit]:
    """The operands of a subtraction, division or power exchanged."""
    node = place.node
    if isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod | ast.Pow):
        yield partial(place.replace, ast.BinOp(left=node.right, op=node.op, right=node.left))


@on_nodes(ast.BinOp)
def dropped_operand(place: Place[ast.BinOp]) -> Iterator[Edit]:
    """One operand of an arithmetic operator excluded."""
    yield partial(place.replace, place.node.left)
    yield partial(place.replace, place.node.right)


def other_returned(scene: Scene) -> list[Edit]:
    """`return b` for `return a`, where `b` is an argument or a local that is bound further up."""
    return _other_names(scene, in_return=True)


def other_variable(scene: Scene) -> list[Edit]:
    """An argument or local read for another that is bound further up; what is returned is `other_returned`."""
    return _other_names(scene, in_return=False)


def _other_names(scene: Scene, *, in_return: bool) -> list[Edit]:
    known = {key: names for function in scene.all_functions for key, names in _known_before(function).items()}
    edits: list[Edit] = []
    for place in scene.places:
        names, is_called = known.get(id(place.node), ()), isinstance(place.parent, ast.Call) and place.field == "func"
        if isinstance(place.parent, ast.Return) == in_return and not is_called and names and place.node.id in names:
            edits += [partial(place.replace, load(other)) for other in names if other != place.node.id]
    return edits


def _known_before(function: ast.FunctionDef) -> dict[int, tuple[str, ...]]:
    """Node id → arguments and locals of the function that are bound further up in its text, for each name that is read."""
    known = [argument.arg for argument in parameters(function)]
    before: dict[int, tuple[str, ...]] = {}

    def enter(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            return  # it has names of its own
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                before[id(node)] = tuple(known)
            elif node.id not in known:
                known.append(node.id)
            return
        fields = {"Assign": ("value", "targets"), "For": ("iter", "target", "body", "orelse")}
        for name in fields.get(type(node).__name__, node._fields):
            value = getattr(node, name, None)
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not isinstance(child, Comprehension):
                    enter(child)

    for statement in function.body:
        enter(statement)
    return before


MUTATIONS: dict[str, tuple[Operator, ...]] = {
    "relational": (negated_comparison, shifted_comparison, turned_comparison),
    "arithmetic": (other_arithmetic,),
    "logical": (swapped_connective, dropped_condition, negated_test, forgotten_negation),
    "constant": (shifted_number, flipped_truth, changed_text, wrong_default),
    "boundary": (shifted_range, shifted_slice, shifted_index),
    "called": (other_function, other_method, exchanged_arguments, forgotten_call),
    "statement": (
        statement_left_out, loop_left_early, return_in_loop, forgotten_else, swapped_jump, other_returned
    ),
    "operand": (exchanged_operands, dropped_operand, other_variable),
}  # fmt: skip
"""Family → operators."""
