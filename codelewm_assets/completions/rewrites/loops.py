"""Rewrites of the family `loop_form`: the same iteration in another form.

Each operator skips what it cannot show to be safe from the syntax: a loop variable read after its loop, a sequence that may change.
"""

import ast
import copy

from codelewm_assets.completions.syntax import (
    Block,
    Edit,
    Scene,
    assign,
    call,
    count_names,
    holds,
    is_number,
    load,
    negated,
    own_jumps,
    parameters,
    stored_names,
)

SEQUENCE_ANNOTATIONS = frozenset({"list", "List", "str", "tuple", "Tuple"})
SEQUENCE_CALLS = frozenset({"list", "sorted", "str", "tuple"})
SEQUENCE_METHODS = frozenset({"split", "lower", "upper", "strip", "join", "replace"})
READING_CALLS = frozenset({"len", "sum", "min", "max", "sorted", "set", "tuple", "str", "enumerate", "any", "all"})
COLLECTED_NAMES = ("acc", "built", "collected", "gathered", "items_out", "found", "out_list", "res")


def stays_in_loops(function: ast.FunctionDef, name: str) -> bool:
    """Whether every mention of the loop variable stands in a `for` loop over that variable."""
    inside = 0
    waiting: list[ast.AST] = [function]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.For) and name in stored_names(node.target):
            inside += count_names([node.target, *node.body])[name]
            continue
        waiting.extend(ast.iter_child_nodes(node))
    return inside == count_names(function)[name]


def for_range_to_while(scene: Scene) -> list[Edit]:
    """`for i in range(a, b)` becomes a `while` that counts; the bound is computed once, as `range` does."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, loop in enumerate(block.body):
            if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name) or loop.orelse:
                continue
            bounds = _range_bounds(loop.iter)
            if bounds is None or any(own_jumps(loop.body, ast.Continue)) or loop.target.id in stored_names(loop.body):
                continue
            if holds(loop.body, ast.Lambda, ast.FunctionDef, ast.Yield) or not stays_in_loops(
                block.function, loop.target.id
            ):
                continue

            def edit(body: list[ast.stmt] = block.body, index: int = index, loop: ast.For = loop) -> None:
                body[index : index + 1] = _counting_while(scene, loop)

            edits.append(edit)
    return edits


def _range_bounds(node: ast.expr) -> tuple[ast.expr, ast.expr, int] | None:
    if (
        not isinstance(node, ast.Call)
        or not isinstance(node.func, ast.Name)
        or node.func.id != "range"
        or node.keywords
    ):
        return None
    arguments = node.args
    if not 1 <= len(arguments) <= 3 or any(isinstance(argument, ast.Starred) for argument in arguments):
        return None
    step = 1
    if len(arguments) == 3:
        if not is_number(arguments[2]):
            return None
        step = ast.literal_eval(arguments[2])
        if not isinstance(step, int) or step == 0:
            return None
    if len(arguments) == 1:
        return ast.Constant(value=0), arguments[0], step
    return arguments[0], arguments[1], step


def _counting_while(scene: Scene, loop: ast.For) -> list[ast.stmt]:
    bounds = _range_bounds(loop.iter)
    assert bounds is not None and isinstance(loop.target, ast.Name)
    start, stop, step = bounds
    name = loop.target.id
    before: list[ast.stmt] = [assign(name, start)]
    fixed = is_number(stop) or (isinstance(stop, ast.Name) and stop.id not in stored_names(loop.body) | {name})
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
    return [*before, ast.While(test=test, body=[*loop.body, count], orelse=[])]


def for_each_to_index(scene: Scene) -> list[Edit]:
    """`for x in s` becomes an index loop, where `s` is seen to be a list, tuple or string that the loop only reads."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for _index, loop in enumerate(block.body):
            if not isinstance(loop, ast.For) or not isinstance(loop.iter, ast.Name):
                continue
            name = loop.iter.id
            if name in stored_names([loop.target, *loop.body]) or not _is_sequence(block.function, name):
                continue
            if not _only_read(loop.body, name):
                continue

            def edit(loop: ast.For = loop, name: str = name) -> None:
                counter = scene.fresh(("i", "idx", "index", "k", "pos", "j"))
                item = ast.Subscript(value=load(name), slice=load(counter), ctx=ast.Load())
                loop.body.insert(0, ast.Assign(targets=[loop.target], value=item))
                loop.target = ast.Name(id=counter, ctx=ast.Store())
                loop.iter = call("range", call("len", load(name)))

            edits.append(edit)
    return edits


def _is_sequence(function: ast.FunctionDef, name: str) -> bool:
    for argument in parameters(function):
        if argument.arg == name:
            note = argument.annotation
            base = note.value if isinstance(note, ast.Subscript) else note
            is_sequence = isinstance(base, ast.Name) and base.id in SEQUENCE_ANNOTATIONS
            return is_sequence and name not in stored_names(function.body)
    stores = sum(
        isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load) for n in ast.walk(function)
    )
    values = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and ast.unparse(node.targets[0]) == name
    ]
    return 0 < len(values) == stores and all(_makes_sequence(value) for value in values)


def _makes_sequence(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.ListComp | ast.Tuple | ast.JoinedStr):
        return True
    if isinstance(value, ast.Constant):
        return isinstance(value.value, str)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return value.func.id in SEQUENCE_CALLS
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in SEQUENCE_METHODS


def _only_read(body: list[ast.stmt], name: str) -> bool:
    """Whether each mention of the sequence is `s[…]` read, a comparison, or an argument of a function that only reads."""
    safe = 0
    for node in [inner for statement in body for inner in ast.walk(statement)]:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            children: list[ast.expr] = [node.value]
        elif isinstance(node, ast.Compare):
            children = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in READING_CALLS:
            children = node.args
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("count", "index")
        ):
            children = [node.func.value]
        else:
            continue
        safe += sum(isinstance(child, ast.Name) and child.id == name for child in children)
    return safe == count_names(body)[name]


def comprehension_to_loop(scene: Scene) -> list[Edit]:
    """A list, set or dict comprehension that is returned or assigned, bare or as a call's only argument, becomes a loop."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, statement in enumerate(block.body):
            if not isinstance(statement, ast.Return | ast.Assign) or statement.value is None:
                continue
            value, outer = statement.value, None
            if (
                isinstance(value, ast.Call)
                and len(value.args) == 1
                and isinstance(value.func, ast.Name | ast.Attribute)
            ):
                plain = isinstance(value.func, ast.Name) or isinstance(value.func.value, ast.Constant)
                takes_all = ast.unparse(value.func) not in ("any", "all", "next", "iter") and plain
                if not takes_all or value.keywords:
                    continue
                value, outer = value.args[0], value
            if not isinstance(value, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
                continue
            if (isinstance(value, ast.GeneratorExp) and outer is None) or not _can_unroll(block, value):
                continue

            def edit(
                body: list[ast.stmt] = block.body,
                index: int = index,
                statement: ast.Return | ast.Assign = statement,
                made: ast.expr = value,
                outer: ast.Call | None = outer,  # type: ignore[assignment]
            ) -> None:
                name = scene.fresh(COLLECTED_NAMES)
                if outer is None:
                    statement.value = load(name)
                else:
                    outer.args[0] = load(name)
                body[index:index] = _collecting_loop(name, made)

            edits.append(edit)
    return edits


def _can_unroll(block: Block, made: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> bool:
    bound = set().union(*(stored_names(part.target) for part in made.generators))
    everywhere, here = count_names(block.function), count_names(made)
    alone = all(everywhere[name] == here[name] for name in bound)
    first_iter = count_names(made.generators[0].iter)  # in a comprehension it is evaluated outside its scope
    return alone and not any(part.is_async for part in made.generators) and not any(first_iter[name] for name in bound)


def _collecting_loop(name: str, made: ast.expr) -> list[ast.stmt]:
    start: ast.expr
    step: ast.stmt
    if isinstance(made, ast.DictComp):
        start = ast.Dict(keys=[], values=[])
        step = ast.Assign(targets=[ast.Subscript(value=load(name), slice=made.key, ctx=ast.Store())], value=made.value)
    else:
        assert isinstance(made, ast.ListComp | ast.SetComp | ast.GeneratorExp)
        is_set = isinstance(made, ast.SetComp)
        start = call("set") if is_set else ast.List(elts=[], ctx=ast.Load())
        adder = ast.Attribute(value=load(name), attr="add" if is_set else "append", ctx=ast.Load())
        step = ast.Expr(value=ast.Call(func=adder, args=[made.elt], keywords=[]))
    assert isinstance(made, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp)
    for part in reversed(made.generators):
        for test in reversed(part.ifs):
            step = ast.If(test=test, body=[step], orelse=[])
        step = ast.For(target=part.target, iter=part.iter, body=[step], orelse=[])
    return [assign(name, start), step]


def any_all_to_loop(scene: Scene) -> list[Edit]:
    """`return any(c for …)` becomes a loop that returns True early, `return all(…)` one that returns False early."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, statement in enumerate(block.body):
            value = statement.value if isinstance(statement, ast.Return) else None
            if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name) or len(value.args) != 1:
                continue
            made = value.args[0]
            if (
                value.func.id not in ("any", "all")
                or not isinstance(made, ast.GeneratorExp)
                or not _can_unroll(block, made)
            ):
                continue

            def edit(
                body: list[ast.stmt] = block.body,
                index: int = index,
                is_any: bool = value.func.id == "any",
                made: ast.GeneratorExp = made,
            ) -> None:
                test = made.elt if is_any else negated(made.elt)
                step: ast.stmt = ast.If(test=test, body=[ast.Return(value=ast.Constant(value=is_any))], orelse=[])
                for part in reversed(made.generators):
                    for condition in reversed(part.ifs):
                        step = ast.If(test=condition, body=[step], orelse=[])
                    step = ast.For(target=part.target, iter=part.iter, body=[step], orelse=[])
                body[index : index + 1] = [step, ast.Return(value=ast.Constant(value=not is_any))]

            edits.append(edit)
    return edits


def loop_to_comprehension(scene: Scene) -> list[Edit]:
    """`a = []` and a loop that only appends to it become `a = [… for …]`."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, (first, loop) in enumerate(zip(block.body, block.body[1:], strict=False)):
            made = _appended(block, first, loop)
            if made is None:
                continue

            def edit(body: list[ast.stmt] = block.body, index: int = index, made: ast.ListComp = made) -> None:
                first = body[index]
                assert isinstance(first, ast.Assign)
                first.value = made
                del body[index + 1]

            edits.append(edit)
    return edits


def _appended(block: Block, first: ast.stmt, loop: ast.stmt) -> ast.ListComp | None:
    if not isinstance(first, ast.Assign) or not isinstance(loop, ast.For) or loop.orelse or len(loop.body) != 1:
        return None
    if ast.unparse(first.value) != "[]" or len(first.targets) != 1 or not isinstance(first.targets[0], ast.Name):
        return None
    step, tests = loop.body[0], []
    if isinstance(step, ast.If) and not step.orelse and len(step.body) == 1:
        tests, step = [step.test], step.body[0]
    if not isinstance(step, ast.Expr) or not isinstance(step.value, ast.Call) or len(step.value.args) != 1:
        return None
    name, adding = first.targets[0].id, step.value
    if ast.unparse(adding.func) != f"{name}.append" or holds(loop, ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr):
        return None
    bound = stored_names(loop.target)
    everywhere, here = count_names(block.function), count_names(loop)
    if here[name] != 1 or any(everywhere[other] != here[other] for other in bound):
        return None
    part = ast.comprehension(target=loop.target, iter=loop.iter, ifs=tests, is_async=0)
    return ast.ListComp(elt=adding.args[0], generators=[part])


def while_true(scene: Scene) -> list[Edit]:
    """`while c:` becomes `while True:` with `if not c: break` first."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for loop in block.body:
            if not isinstance(loop, ast.While) or loop.orelse or isinstance(loop.test, ast.Constant):
                continue

            def edit(loop: ast.While = loop) -> None:
                loop.body.insert(0, ast.If(test=negated(copy.deepcopy(loop.test)), body=[ast.Break()], orelse=[]))
                loop.test = ast.Constant(value=True)

            edits.append(edit)
    return edits
