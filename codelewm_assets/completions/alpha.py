"""Programs that differ in the names of their locals alone become one text. For telling duplicates, not for running.

A name is renamed in the whole program or not at all: names bound in functions and names of helper functions are, names that are
also global, imported, keywords of a call, members of a class or built-in are not. So two programs with one text are the same
up to names; two that reuse a name in different functions in different ways may stay apart.
"""

import ast
import builtins

BUILTINS = frozenset(dir(builtins))


def alpha_normalise(code: str, entry_point: str) -> str:
    """The program with its locals called v0, v1, … in order of appearance, in the layout of `ast.unparse`.

    Text that does not parse comes back without the blanks around it.
    """
    try:
        tree = ast.parse(code)
        names = _Names(entry_point)
        names.visit(tree)
        renamed = [name for name in names.bound if name not in names.kept and name not in BUILTINS]
        taken = names.all - set(renamed)
        fresh = (f"v{number}" for number in range(len(renamed) + len(taken) + 1) if f"v{number}" not in taken)
        _Rename(dict(zip(renamed, fresh, strict=False))).visit(tree)
        return ast.unparse(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code.strip()


class _Names(ast.NodeVisitor):
    """Names bound in functions in order of appearance, names that must stay, and all names."""

    def __init__(self, entry_point: str) -> None:
        self.bound: dict[str, None] = {}
        self.kept = {entry_point}
        self.all: set[str] = set()
        self._place = ["module"]

    def _bind(self, name: str | None) -> None:
        if name is not None:
            self.all.add(name)
            if self._place[-1] == "function":
                self.bound.setdefault(name)
            else:
                self.kept.add(name)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """A helper's name may change, a method's may not."""
        self.all.add(node.name)
        if self._place[-1] == "class":
            self.kept.add(node.name)
        else:
            self.bound.setdefault(node.name)
        self._inside("function", node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """As a plain one."""
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Its parameters are locals."""
        self._inside("function", node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A class and what it binds keep their names."""
        self.all.add(node.name)
        self.kept.add(node.name)
        self._inside("class", node)

    def _inside(self, place: str, node: ast.AST) -> None:
        self._place.append(place)
        self.generic_visit(node)
        self._place.pop()

    def visit_arg(self, node: ast.arg) -> None:
        """A parameter."""
        self._bind(node.arg)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """A name that is read, or bound."""
        self.all.add(node.id)
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """`except … as name`."""
        self._bind(node.name)
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        """Names that stay: imported, declared global or nonlocal, keywords of calls, captured by patterns."""
        if isinstance(node, ast.alias):
            self.kept |= {node.name.split(".")[0], node.asname or node.name.split(".")[0]}
        elif isinstance(node, ast.Global | ast.Nonlocal):
            self.kept |= set(node.names)
        elif isinstance(node, ast.keyword) and node.arg:
            self.kept.add(node.arg)
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            self.kept.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            self.kept.add(node.rest)
        super().generic_visit(node)


class _Rename(ast.NodeTransformer):
    def __init__(self, mapping: dict[str, str]) -> None:
        self._mapping = mapping

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._mapping.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._mapping.get(node.arg, node.arg)
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.name = self._mapping.get(node.name, node.name)
        self.generic_visit(node)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:
        node.name = None if node.name is None else self._mapping.get(node.name, node.name)
        self.generic_visit(node)
        return node
