"""Forms of a program that are invariant under renaming: the normal form, and the text of its body.

Here: forms for comparing programs of different problems. The form for completions of one problem keeps the entry point's name
and the annotations (completions/renaming.py); the normal form builds on it.
"""

import ast
from collections import Counter
from collections.abc import Hashable

from codelewm_assets.completions.renaming import alpha_normalise
from codelewm_assets.completions.syntax import PARSE_ERRORS, parse_program
from codelewm_assets.completions.variants import is_bare_string, strip_bare_strings

IGNORED_NODES = (ast.Pass, ast.expr_context)  # kinds of nodes that normal_form adds, drops or does not write


def normal_form(code: str) -> str:
    """The program alpha-normalised, its entry point's name, annotations and imports of `typing` gone too.

    Programs with equal normal forms are equivalent. Text that does not parse is returned stripped.
    """
    try:
        tree = _Untyped().visit(parse_program(code))
        return alpha_normalise(ast.unparse(tree), "")
    except PARSE_ERRORS:
        return code.strip()


def skeleton(code: str) -> Hashable:
    """Node counts by kind: equal for equal `normal_form`s, at a tenth of the cost."""
    try:
        tree = parse_program(code)
    except PARSE_ERRORS:
        return code.strip()
    kinds: Counter[str] = Counter()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, IGNORED_NODES) or is_bare_string(node) or _imports_typing(node):
            continue
        is_typed = isinstance(node, ast.AnnAssign) and node.value is not None
        kinds["Assign" if is_typed else type(node).__name__] += 1
        for name in node._fields:
            if name != "returns" and (name != "annotation" or (isinstance(node, ast.AnnAssign) and not is_typed)):
                value = getattr(node, name)
                waiting += [item for item in value if isinstance(item, ast.AST)] if isinstance(value, list) else []
                waiting += [value] if isinstance(value, ast.AST) else []
    return frozenset(kinds.items())


def bodies(code: str, entry_point: str) -> tuple[str, ...]:
    """Text of the entry point's body without its docstring: as written, and as by `ast.unparse`.

    A program whose entry point is no top-level function is its own body. Text that does not parse has none.
    """
    try:
        tree = parse_program(code)
        statements: list[ast.stmt] = tree.body
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == entry_point:
                statements = node.body
        kept = [node for node in statements if not is_bare_string(node)]
        written = "\n".join(ast.get_source_segment(code, node) or "" for node in kept)
        strip_bare_strings(tree)
        return written, "\n".join(ast.unparse(_Untyped().visit(node)) for node in kept)
    except PARSE_ERRORS:
        return ()


class _Untyped(ast.NodeTransformer):
    """Removes annotations and imports of `typing`; a declaration without a value stays."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return node
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> ast.AST | None:
        return None if _imports_typing(node) else node

    visit_ImportFrom = visit_Import


def _imports_typing(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "typing"
    return isinstance(node, ast.Import) and all(alias.name == "typing" for alias in node.names)
