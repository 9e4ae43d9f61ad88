"""Rewrites of the families `conditional_form` and `structure`: the same choice between branches in another form."""

import ast

from codelewm_assets.completions.syntax import Edit, Scene, assign, load, negated

LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def swap_branches(scene: Scene) -> list[Edit]:
    """`if c: A else: B` becomes `if not c: B else: A`."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for branch in block.body:
            if not isinstance(branch, ast.If) or not branch.orelse:
                continue

            def edit(branch: ast.If = branch) -> None:
                branch.test = negated(branch.test)
                branch.body, branch.orelse = branch.orelse, branch.body

            edits.append(edit)
    return edits


def swap_ternary(scene: Scene) -> list[Edit]:
    """`a if c else b` becomes `b if not c else a`."""
    edits: list[Edit] = []
    for place in scene.places:
        if not isinstance(place.node, ast.IfExp):
            continue

        def edit(choice: ast.IfExp = place.node) -> None:
            choice.test = negated(choice.test)
            choice.body, choice.orelse = choice.orelse, choice.body

        edits.append(edit)
    return edits


def ternary_to_if(scene: Scene) -> list[Edit]:
    """`return a if c else b`, or the assignment of it to one name, becomes an `if` with an `else`."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, statement in enumerate(block.body):
            if not isinstance(statement, ast.Return | ast.Assign) or not isinstance(statement.value, ast.IfExp):
                continue
            if isinstance(statement, ast.Assign) and not (
                len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name)
            ):
                continue

            def edit(
                body: list[ast.stmt] = block.body,
                index: int = index,
                statement: ast.Return | ast.Assign = statement,
                choice: ast.IfExp = statement.value,
            ) -> None:
                yes, no = (_with_value(statement, value) for value in (choice.body, choice.orelse))
                body[index] = ast.If(test=choice.test, body=[yes], orelse=[no])

            edits.append(edit)
    return edits


def _with_value(statement: ast.Return | ast.Assign, value: ast.expr) -> ast.stmt:
    if isinstance(statement, ast.Return):
        return ast.Return(value=value)
    target = statement.targets[0]
    assert isinstance(target, ast.Name)
    return assign(target.id, value)


def _returned(body: list[ast.stmt]) -> ast.expr | None:
    only = body[0] if len(body) == 1 else None
    return only.value if isinstance(only, ast.Return) else None


def returns_to_ternary(scene: Scene) -> list[Edit]:
    """`if c: return a` followed by `else: return b`, or by `return b`, becomes `return a if c else b`."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, branch in enumerate(block.body):
            if not isinstance(branch, ast.If):
                continue
            yes = _returned(branch.body)
            after = branch.orelse or block.body[index + 1 : index + 2]
            no = _returned(after)
            if yes is None or no is None:
                continue

            def edit(
                body: list[ast.stmt] = block.body,
                index: int = index,
                branch: ast.If = branch,
                yes: ast.expr = yes,
                no: ast.expr = no,
            ) -> None:
                length = 1 if branch.orelse else 2
                body[index : index + length] = [ast.Return(value=ast.IfExp(test=branch.test, body=yes, orelse=no))]

            edits.append(edit)
    return edits


def nest_and(scene: Scene) -> list[Edit]:
    """`if a and b:` without `else` becomes `if a:` around `if b:`."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for branch in block.body:
            if not isinstance(branch, ast.If) or branch.orelse or not isinstance(branch.test, ast.BoolOp):
                continue
            if not isinstance(branch.test.op, ast.And):
                continue

            def edit(branch: ast.If = branch, tests: list[ast.expr] = branch.test.values) -> None:
                rest = tests[1] if len(tests) == 2 else ast.BoolOp(op=ast.And(), values=tests[1:])
                branch.test = tests[0]
                branch.body = [ast.If(test=rest, body=branch.body, orelse=[])]

            edits.append(edit)
    return edits


def drop_else_after_exit(scene: Scene) -> list[Edit]:
    """Where the `if` body always leaves, its `else` (or `elif`) part moves after it."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, branch in enumerate(block.body):
            if not isinstance(branch, ast.If) or not branch.orelse or not isinstance(branch.body[-1], LEAVES):
                continue

            def edit(body: list[ast.stmt] = block.body, index: int = index, branch: ast.If = branch) -> None:
                body[index + 1 : index + 1] = branch.orelse
                branch.orelse = []

            edits.append(edit)
    return edits


def add_else_after_exit(scene: Scene) -> list[Edit]:
    """Where the `if` body always leaves, what follows it moves into an `else`."""
    edits: list[Edit] = []
    for block in scene.blocks:
        for index, branch in enumerate(block.body[:-1]):
            if not isinstance(branch, ast.If) or branch.orelse or not isinstance(branch.body[-1], LEAVES):
                continue

            def edit(body: list[ast.stmt] = block.body, index: int = index, branch: ast.If = branch) -> None:
                branch.orelse = body[index + 1 :]
                del body[index + 1 :]

            edits.append(edit)
    return edits


def result_variable(scene: Scene) -> list[Edit]:
    """A last `if … else …` whose branches all return sets one variable instead, returned after it."""
    edits: list[Edit] = []
    for block in scene.blocks:
        last = block.body[-1]
        if not isinstance(last, ast.If) or not _all_return(last):
            continue

        def edit(body: list[ast.stmt] = block.body, last: ast.If = last) -> None:
            name = scene.fresh(("answer", "outcome", "res", "result", "ret", "verdict"))
            _set_instead(last, name)
            body.append(ast.Return(value=load(name)))

        edits.append(edit)
    return edits


def _all_return(branch: ast.If) -> bool:
    ends = isinstance(branch.body[-1], ast.Return) and branch.body[-1].value is not None
    other = branch.orelse[-1] if branch.orelse else None
    if isinstance(other, ast.If):
        return ends and _all_return(other)
    return ends and isinstance(other, ast.Return) and other.value is not None


def _set_instead(branch: ast.If, name: str) -> None:
    for body in (branch.body, branch.orelse):
        last = body[-1]
        if isinstance(last, ast.Return):
            assert last.value is not None
            body[-1] = assign(name, last.value)
        elif isinstance(last, ast.If):
            _set_instead(last, name)
