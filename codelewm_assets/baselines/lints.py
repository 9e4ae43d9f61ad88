"""Suspicious forms of the kinds that linters report, counted in a syntax tree. Not all are faults.

Names say what is meant: a bug often leaves a name unread, two operands the same or types that do not go together.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from codelewm_assets.completions.syntax import called_method, called_name, parameters

LINTS = (
    "unused_parameter", "unused_local", "unused_loop_variable", "same_operands", "same_arguments", "parameter_returned",
    "same_branches", "constant_test", "impossible_remainder", "sum_from_nonzero", "product_from_other_than_one",
    "step_against_test", "index_beyond_end", "type_conflict", "swapped_call_arguments", "reversed_range",
    "loop_ends_at_once", "negative_start", "number_plus_text", "returns_disagree", "overwritten_unread",
    "compared_with_itself_shifted", "constant_first_operand", "odd_number", "text_with_blank", "empty_text",
)  # fmt: skip
"""The forms."""


def lint_marks(tree: ast.Module) -> Iterator[str]:
    """A name of `LINTS` for each suspicious form, of the kinds that linters report. Not all are faults."""
    for node in ast.walk(tree):
        yield from _of_expression(node)
        if isinstance(node, ast.FunctionDef):
            yield from _of_function(node)
        elif isinstance(node, ast.For | ast.While):
            yield from _of_loop(node)
        elif isinstance(node, ast.If | ast.IfExp):
            if _same(node.body, node.orelse):
                yield "same_branches"
            if isinstance(node.test, ast.Constant):
                yield "constant_test"


def _same(a: ast.AST | Sequence[ast.AST], b: ast.AST | Sequence[ast.AST]) -> bool:
    """True for nodes, or blocks, of the same text."""
    if isinstance(a, ast.AST) and isinstance(b, ast.AST):
        return type(a) is type(b) and ast.dump(a) == ast.dump(b)
    if isinstance(a, ast.AST) or isinstance(b, ast.AST):
        return False
    return len(a) == len(b) and all(_same(one, other) for one, other in zip(a, b, strict=True))


def _of_function(function: ast.FunctionDef) -> Iterator[str]:
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    read = Counter(node.id for node in names if isinstance(node.ctx, ast.Load))
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    own = {argument.arg for argument in parameters(function)}
    for name in sorted(own):
        if not read[name]:
            yield "unused_parameter"
    for name in sorted(stored - own):
        if not read[name] and name != "_":
            yield "unused_local"
    types = _types(function)
    returned = list[str]()
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            returned.append(_type(node.value, types))
            if isinstance(node.value, ast.Name) and node.value.id in own - stored:
                yield "parameter_returned"
        yield from _type_conflicts(node, types)
    if len({kind for kind in returned if kind not in ("", "NoneType")}) > 1:
        yield "returns_disagree"
    yield from _of_accumulators(function)
    yield from _of_order(function.body)


def _of_accumulators(function: ast.FunctionDef) -> Iterator[str]:
    start = dict[str, object]()
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        ):
            start.setdefault(node.targets[0].id, node.value.value)
    for node in ast.walk(function):
        update = _update(node)
        if update is not None and update[0] in start:
            value = start[update[0]]
            if isinstance(update[1], ast.Add) and isinstance(value, int) and value != 0:
                yield "sum_from_nonzero"
            if isinstance(update[1], ast.Mult) and isinstance(value, int) and value != 1:
                yield "product_from_other_than_one"


def _update(node: ast.AST) -> tuple[str, ast.operator, ast.expr] | None:
    """(name, operator, operand) of `x += y` and `x = x + y`."""
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        return node.target.id, node.op, node.value
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        if isinstance(node.value.left, ast.Name) and node.value.left.id == name:
            return name, node.value.op, node.value.right
    return None


def _of_order(block: Sequence[ast.stmt]) -> Iterator[str]:
    """A name that is assigned and then assigned again before it is read, in one block."""
    for first, second in pairwise(block):
        if isinstance(first, ast.Assign) and isinstance(second, ast.Assign):
            a, b = first.targets[0], second.targets[0]
            reads = {node.id for node in ast.walk(second.value) if isinstance(node, ast.Name)}
            if isinstance(a, ast.Name) and isinstance(b, ast.Name) and a.id == b.id and a.id not in reads:
                yield "overwritten_unread"


def _of_loop(loop: ast.For | ast.While) -> Iterator[str]:
    inside = [node for statement in loop.body for node in ast.walk(statement)]
    read = {node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    if isinstance(loop.body[-1], ast.Return | ast.Break):
        yield "loop_ends_at_once"
    if isinstance(loop, ast.For):
        targets = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
        if targets - read - {"_"}:
            yield "unused_loop_variable"
        return
    match loop.test:
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE() as order]):
            expected = ast.Add if isinstance(order, ast.Lt | ast.LtE) else ast.Sub
            updates = [update for node in inside if (update := _update(node)) is not None and update[0] == name]
            for _, operator, _ in updates:
                if isinstance(operator, ast.Add | ast.Sub) and not isinstance(operator, expected):
                    yield "step_against_test"


def _of_expression(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            yield from _of_comparison(left, op, right)
        case ast.BinOp(left=left, right=right):
            if not isinstance(node.op, ast.Mult | ast.Add) and _same(left, right):
                yield "same_operands"
            is_first = isinstance(left, ast.Constant) and not isinstance(right, ast.Constant)
            if is_first and not isinstance(node.op, ast.Mult):
                yield "constant_first_operand"
        case ast.BoolOp(values=values):
            if any(_same(one, other) for place, one in enumerate(values) for other in values[:place]):
                yield "same_operands"
        case ast.Call():
            yield from _of_call(node)
        case ast.Constant():
            yield from _of_constant(node.value)
        case ast.Subscript(slice=ast.Call() as index) if called_name(index) == "len":
            yield "index_beyond_end"


def _of_constant(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if not value:
            yield "empty_text"
        elif value != value.rstrip(" ") and value.strip():
            yield "text_with_blank"
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2 and value != 10:
        yield "odd_number"


def _of_comparison(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Iterator[str]:
    if _same(left, right):
        yield "same_operands"
    match left, right:
        case ast.BinOp(op=ast.Mod(), right=ast.Constant(value=int(divisor))), ast.Constant(value=int(remainder)):
            if remainder >= divisor > 0:
                yield "impossible_remainder"
        case ast.BinOp(op=ast.Mod()), ast.UnaryOp(op=ast.USub()):
            yield "impossible_remainder"
        case ast.BinOp(left=inner, op=ast.Add() | ast.Sub()), _ if _same(inner, right):
            yield "compared_with_itself_shifted"
    if isinstance(op, ast.LtE) and called_name(right) == "len":
        yield "index_beyond_end"


def _of_call(node: ast.Call) -> Iterator[str]:
    name, arguments = called_name(node) or called_method(node), node.args
    if len(arguments) != 2:
        return
    first, second = arguments
    if _same(first, second):
        yield "same_arguments"
    is_type = isinstance(first, ast.Name) and first.id in (
        "int",
        "str",
        "list",
        "float",
        "dict",
        "tuple",
        "set",
        "bool",
    )
    swapped = {
        "isinstance": is_type,
        "map": isinstance(second, ast.Lambda)
        or (isinstance(second, ast.Name) and second.id in ("int", "str", "float", "len")),
        "filter": isinstance(second, ast.Lambda),
        "round": isinstance(first, ast.Constant),
        "int": isinstance(first, ast.Constant) and isinstance(first.value, int),
        "pow": isinstance(first, ast.Constant) and not isinstance(second, ast.Constant),
        "replace": isinstance(first, ast.Constant) and first.value == "",
        "enumerate": isinstance(first, ast.Constant),
        "reduce": isinstance(second, ast.Lambda),
        "insert": isinstance(second, ast.Constant) and second.value == 0 and not isinstance(first, ast.Constant),
    }
    if swapped.get(name, False):
        yield "swapped_call_arguments"
    if name == "range":
        ends = [argument.value if isinstance(argument, ast.Constant) else None for argument in (first, second)]
        if isinstance(ends[1], int) and (ends[0] is None or (isinstance(ends[0], int) and ends[0] >= ends[1])):
            yield "reversed_range"
        if isinstance(first, ast.UnaryOp):
            yield "negative_start"


def _types(function: ast.FunctionDef) -> dict[str, str]:
    """Name → type, of locals that every plain assignment gives one type."""
    kinds = dict[str, set[str]]()
    known = dict[str, str]()
    for _ in range(2):  # a second pass knows the names of the first
        kinds.clear()
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                kinds.setdefault(node.targets[0].id, set()).add(_type(node.value, known))
            elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
                kinds.setdefault(node.target.id, set()).add("int" if called_name(node.iter) == "range" else "")
            elif isinstance(node, ast.arg):
                kinds.setdefault(node.arg, set()).add(_annotated(node.annotation))
        known = {name: next(iter(found)) for name, found in kinds.items() if len(found) == 1}
    return known


def _annotated(note: ast.expr | None) -> str:
    match note:
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)):
            return name.lower()
        case _:
            return ""


RESULTS = {
    "len": "int", "int": "int", "sum": "int", "ord": "int", "str": "str", "chr": "str", "bin": "str", "list": "list",
    "sorted": "list", "set": "set", "dict": "dict", "tuple": "tuple", "bool": "bool", "any": "bool", "all": "bool",
    "isinstance": "bool", "float": "float", "join": "str", "lower": "str", "upper": "str", "replace": "str", "strip": "str",
    "split": "list", "startswith": "bool", "endswith": "bool", "isdigit": "bool", "isalpha": "bool", "find": "int", "count": "int",
}  # fmt: skip
DISPLAYS = {
    ast.List: "list", ast.ListComp: "list", ast.Set: "set", ast.SetComp: "set", ast.Dict: "dict", ast.DictComp: "dict",
    ast.Tuple: "tuple", ast.JoinedStr: "str", ast.Compare: "bool",
}  # fmt: skip
NUMERIC = frozenset({"int", "float", "bool"})
SEQUENCES = frozenset({"str", "list", "tuple", "dict"})


def _type(node: ast.expr, known: Mapping[str, str]) -> str:
    """Name of an expression's type as its form shows it; empty when it does not."""
    match node:
        case ast.Constant(value=value):
            return type(value).__name__
        case ast.Name(id=name):
            return known.get(name, "")
        case ast.Call():
            return RESULTS.get(called_name(node) or called_method(node), "")
        case ast.UnaryOp(op=ast.Not()):
            return "bool"
        case ast.UnaryOp(operand=operand):
            return _type(operand, known)
        case ast.BinOp(left=left, op=op, right=right):
            kinds = {_type(left, known), _type(right, known)}
            if isinstance(op, ast.Div):
                return "float"
            return kinds.pop() if len(kinds) == 1 else ""
        case ast.IfExp(body=body, orelse=orelse):
            kinds = {_type(body, known), _type(orelse, known)}
            return kinds.pop() if len(kinds) == 1 else ""
        case _:
            return DISPLAYS.get(type(node), "")


def _type_conflicts(node: ast.AST, types: Mapping[str, str]) -> Iterator[str]:
    match node:
        case ast.BinOp(left=a, op=op, right=b):
            left, right = _type(a, types), _type(b, types)
            if isinstance(op, ast.Add) and left and right and left != right and not {left, right} <= NUMERIC:
                yield "number_plus_text" if {left, right} & NUMERIC else "type_conflict"
            elif _is_refused(left, op, right):
                yield "type_conflict"
        case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
            left, right = types.get(name, ""), _type(value, types)
            is_mixed = bool(left and right) and (left in NUMERIC) != (right in NUMERIC)
            if (is_mixed and not isinstance(op, ast.Mult)) or (isinstance(op, ast.Sub | ast.Div) and left in SEQUENCES):
                yield "type_conflict"
        case ast.Compare(left=a, ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()], comparators=[b]):
            left, right = _type(a, types), _type(b, types)
            if left and right and (left in NUMERIC) != (right in NUMERIC):
                yield "type_conflict"
        case ast.Subscript(value=value) if _type(value, types) in NUMERIC:
            yield "type_conflict"


def _is_refused(left: str, op: ast.operator, right: str) -> bool:
    """True for an arithmetic operator that sequences do not have."""
    if isinstance(op, ast.Mod):
        return left in SEQUENCES - {"str"} or (left in NUMERIC and right in SEQUENCES)
    return isinstance(op, ast.Sub | ast.Div | ast.FloorDiv | ast.Pow) and bool({left, right} & SEQUENCES)
