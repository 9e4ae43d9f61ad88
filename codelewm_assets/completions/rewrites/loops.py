"""Rewrites of the family `loop_form`: the same iteration in another form.

Each operator skips what it cannot show to be safe from the syntax: a loop variable read after its loop, a sequence that may change.
"""

import ast
import copy
from collections.abc import Iterator
from functools import partial

from codelewm_assets.completions.syntax import (
    Comprehension,
    Edit,
    Place,
    Scene,
    assign,
    call,
    called_method,
    called_name,
    contains,
    count_names,
    is_number,
    load,
    loop_jumps,
    negated,
    on_statements,
    parameters,
    stored_names,
    walk,
)

SEQUENCE_ANNOTATIONS = frozenset({"list", "List", "str", "tuple", "Tuple"})
SEQUENCE_CALLS = frozenset({"list", "sorted", "str", "tuple"})
SEQUENCE_METHODS = frozenset({"split", "lower", "upper", "strip", "join", "replace"})
READING_CALLS = frozenset({"len", "sum", "min", "max", "sorted", "set", "tuple", "str", "enumerate", "any", "all"})
COLLECTED_NAMES = ("acc", "built", "collected", "gathered", "items_out", "found", "out_list", "res")


def stays_in_loops(function: ast.FunctionDef, name: str) -> bool:
    """True if every use of the loop variable is inside a `for` loop over that variable."""
    inside = 0
    waiting: list[ast.AST] = [function]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.For) and name in stored_names(node.target):
            inside += count_names([node.target, *node.body])[name]
            continue
        waiting.extend(ast.iter_child_nodes(node))
    return inside == count_names(function)[name]


@on_statements(ast.For)
def for_range_to_while(place: Place[ast.For]) -> Iterator[Edit]:
    """`for i in range(a, b)` becomes a `while` that counts; the bound is computed once, as `range` does."""
    loop = place.node
    bounds = _range_bounds(loop.iter)
    if bounds is None or not isinstance(loop.target, ast.Name) or loop.orelse:
        return
    name = loop.target.id
    if any(loop_jumps(loop.body, ast.Continue)) or name in stored_names(loop.body):
        return
    if not contains(loop.body, ast.Lambda, ast.FunctionDef, ast.Yield) and stays_in_loops(place.function, name):
        yield lambda: place.replace(*_counting_while(place.scene, name, bounds, loop.body))


def _range_bounds(node: ast.expr) -> tuple[ast.expr, ast.expr, int] | None:
    """Start, end and step of a call of `range`; None where the step is no literal."""
    if not isinstance(node, ast.Call) or called_name(node) != "range" or node.keywords or contains(node, ast.Starred):
        return None
    match node.args:
        case [end]:
            return ast.Constant(value=0), end, 1
        case [start, end]:
            return start, end, 1
        case [start, end, step] if is_number(step):
            value = ast.literal_eval(step)
            return (start, end, value) if isinstance(value, int) and value != 0 else None
        case _:
            return None


def _counting_while(
    scene: Scene, name: str, bounds: tuple[ast.expr, ast.expr, int], body: list[ast.stmt]
) -> list[ast.stmt]:
    start, stop, step = bounds
    before: list[ast.stmt] = [assign(name, start)]
    fixed = is_number(stop) or (isinstance(stop, ast.Name) and stop.id not in stored_names(body) | {name})
    if not fixed:
        limit = scene.fresh(("bound", "end", "last", "limit", "stop", "upper_end"))
        before.append(assign(limit, stop))
        if name in count_names(stop):  # the bound must still see the value from before the loop
            before.reverse()
        stop = load(limit)
    test = ast.Compare(left=load(name), ops=[ast.Lt() if step > 0 else ast.Gt()], comparators=[stop])
    count = ast.AugAssign(
        target=ast.Name(id=name, ctx=ast.Store()),
        op=ast.Add() if step > 0 else ast.Sub(),
        value=ast.Constant(value=abs(step)),
    )
    return [*before, ast.While(test=test, body=[*body, count], orelse=[])]


@on_statements(ast.For)
def for_each_to_index(place: Place[ast.For]) -> Iterator[Edit]:
    """`for x in s` becomes an index loop, where `s` is seen to be a list, tuple or string that the loop only reads."""
    loop = place.node
    if not isinstance(loop.iter, ast.Name) or loop.iter.id in stored_names([loop.target, *loop.body]):
        return
    name = loop.iter.id
    if _is_sequence(place.function, name) and _only_read(loop.body, name):

        def edit() -> None:
            counter = place.scene.fresh(("i", "idx", "index", "k", "pos", "j"))
            item = ast.Subscript(value=load(name), slice=load(counter), ctx=ast.Load())
            loop.body.insert(0, ast.Assign(targets=[loop.target], value=item))
            loop.target = ast.Name(id=counter, ctx=ast.Store())
            loop.iter = call("range", call("len", load(name)))

        yield edit


def _is_sequence(function: ast.FunctionDef, name: str) -> bool:
    for argument in parameters(function):
        if argument.arg == name:
            note = argument.annotation
            base = note.value if isinstance(note, ast.Subscript) else note
            is_sequence = isinstance(base, ast.Name) and base.id in SEQUENCE_ANNOTATIONS
            return is_sequence and name not in stored_names(function.body)
    nodes = list(ast.walk(function))
    stores = sum(isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load) for n in nodes)
    values = [
        node.value
        for node in nodes
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and ast.unparse(node.targets[0]) == name
    ]
    return 0 < len(values) == stores and all(map(_makes_sequence, values))


def _makes_sequence(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return isinstance(value.value, str)
    is_display = isinstance(value, ast.List | ast.ListComp | ast.Tuple | ast.JoinedStr)
    return is_display or called_name(value) in SEQUENCE_CALLS or called_method(value) in SEQUENCE_METHODS


def _only_read(body: list[ast.stmt], name: str) -> bool:
    """True if each use of the sequence is a read of `s[…]`, a comparison, or an argument of a function that only reads."""
    safe: list[ast.expr] = []
    for node in walk(body):
        match node:
            case ast.Subscript(ctx=ast.Load()):
                safe.append(node.value)
            case ast.Compare():
                safe += [node.left, *node.comparators]
            case ast.Call(func=ast.Name(id=function)) if function in READING_CALLS:
                safe += node.args
            case ast.Call(func=ast.Attribute(value=owner, attr="count" | "index")):
                safe.append(owner)
    return sum(isinstance(node, ast.Name) and node.id == name for node in safe) == count_names(body)[name]


@on_statements(ast.Return, ast.Assign)
def comprehension_to_loop(place: Place[ast.Return | ast.Assign]) -> Iterator[Edit]:
    """A list, set or dict comprehension that is returned or assigned, bare or as a call's only argument, becomes a loop."""
    statement = place.node
    value: ast.expr | None = statement.value
    outer: ast.Call | None = None
    match statement.value:
        case ast.Call(func=ast.Name() | ast.Attribute() as function, args=[inner], keywords=keywords) as whole:
            takes_all = isinstance(function, ast.Name) or isinstance(function.value, ast.Constant)
            if keywords or not takes_all or ast.unparse(function) in ("any", "all", "next", "iter"):
                return
            value, outer = inner, whole
    if not isinstance(value, Comprehension) or (isinstance(value, ast.GeneratorExp) and outer is None):
        return
    if _can_unroll(place.function, value):

        def edit() -> None:
            name = place.scene.fresh(COLLECTED_NAMES)
            if outer is None:
                statement.value = load(name)
            else:
                outer.args[0] = load(name)
            place.replace(*_collecting_loop(name, value), statement)

        yield edit


def _can_unroll(function: ast.FunctionDef, output: Comprehension) -> bool:
    bound = set().union(*(stored_names(part.target) for part in output.generators))
    everywhere, here = count_names(function), count_names(output)
    first_iter = count_names(output.generators[0].iter)  # in a comprehension it is evaluated outside its scope
    is_async = any(part.is_async for part in output.generators)
    return not is_async and all(everywhere[name] == here[name] and not first_iter[name] for name in bound)


def _collecting_loop(name: str, output: Comprehension) -> list[ast.stmt]:
    if isinstance(output, ast.DictComp):
        target = ast.Subscript(value=load(name), slice=output.key, ctx=ast.Store())
        step: ast.stmt = ast.Assign(targets=[target], value=output.value)
        return [assign(name, ast.Dict(keys=[], values=[])), _unrolled(output, step)]
    is_set = isinstance(output, ast.SetComp)
    adder = ast.Attribute(value=load(name), attr="add" if is_set else "append", ctx=ast.Load())
    step = ast.Expr(value=ast.Call(func=adder, args=[output.elt], keywords=[]))
    return [assign(name, call("set") if is_set else ast.List(elts=[], ctx=ast.Load())), _unrolled(output, step)]


def _unrolled(output: Comprehension, step: ast.stmt) -> ast.stmt:
    """The loops and tests of a comprehension round a statement."""
    for part in reversed(output.generators):
        for test in reversed(part.ifs):
            step = ast.If(test=test, body=[step], orelse=[])
        step = ast.For(target=part.target, iter=part.iter, body=[step], orelse=[])
    return step


@on_statements(ast.Return)
def any_all_to_loop(place: Place[ast.Return]) -> Iterator[Edit]:
    """`return any(c for …)` becomes a loop that returns True early, `return all(…)` one that returns False early."""
    match place.node.value:
        case ast.Call(func=ast.Name(id="any" | "all" as called), args=[ast.GeneratorExp() as output]) if _can_unroll(
            place.function, output
        ):
            is_any = called == "any"
            test = output.elt if is_any else negated(output.elt)
            early = ast.If(test=test, body=[ast.Return(value=ast.Constant(value=is_any))], orelse=[])
            yield partial(place.replace, _unrolled(output, early), ast.Return(value=ast.Constant(value=not is_any)))


@on_statements(ast.Assign)
def loop_to_comprehension(place: Place[ast.Assign]) -> Iterator[Edit]:
    """`a = []` and a loop that only appends to it become `a = [… for …]`."""
    match place.node, place.following[:1]:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.List(elts=[])), [
            ast.For(body=[step], orelse=[]) as loop
        ]:
            tests = []
            if isinstance(step, ast.If) and not step.orelse and len(step.body) == 1:
                tests, step = [step.test], step.body[0]
            match step:
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="append"), args=[item])):
                    if owner == name and _only_appends(place.function, loop, name):
                        part = ast.comprehension(target=loop.target, iter=loop.iter, ifs=tests, is_async=0)
                        output = assign(name, ast.ListComp(elt=item, generators=[part]))
                        yield partial(place.replace, output, length=2)


def _only_appends(function: ast.FunctionDef, loop: ast.For, name: str) -> bool:
    """True if the list occurs once in the loop, and the loop's variables nowhere outside it."""
    everywhere, here = count_names(function), count_names(loop)
    is_closed = here[name] == 1 and all(everywhere[other] == here[other] for other in stored_names(loop.target))
    return is_closed and not contains(loop, ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr)


@on_statements(ast.While)
def while_true(place: Place[ast.While]) -> Iterator[Edit]:
    """`while c:` becomes `while True:` with `if not c: break` first."""
    loop = place.node
    if not loop.orelse and not isinstance(loop.test, ast.Constant):
        leave = ast.If(test=negated(copy.deepcopy(loop.test)), body=[ast.Break()], orelse=[])
        body = [leave, *loop.body]
        yield partial(place.replace, ast.While(test=ast.Constant(value=True), body=body, orelse=[]))
