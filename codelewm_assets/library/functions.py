"""Functions of library files that can run on their own. Not here: which of them a benchmark has too (overlap.py).

A function qualifies when it is defined at the top level of its module by `def`, without decorators, is no generator, takes an
argument and returns a value, and every name that it uses is a builtin, an import of the standard library, a constant with a
literal value, or another function of its module that qualifies likewise but for argument and value. What it uses stands before it.
"""

import ast
import symtable
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from codelewm_assets.completions.syntax import BUILTIN_NAMES, PARSE_ERRORS, contains, parameters, parse_program
from codelewm_assets.completions.variants import bound_names, normalise
from codelewm_assets.core.digests import sha256_text, unit_interval
from codelewm_assets.core.records import LibraryFunction
from codelewm_assets.dataset.forms import normal_form
from codelewm_assets.library.packages import LibraryFile, library_files

MIN_LINES, MAX_LINES = 3, 60  # of the function and of all that it needs, as `ast.unparse` writes them
MAX_CONSTANT_CHARACTERS = 2_000  # of a constant that stands before it
INSPECTING = frozenset({"eval", "exec", "globals", "locals", "vars", "__import__", "input", "breakpoint"})
Definition = ast.FunctionDef | ast.Assign | ast.Import | ast.ImportFrom


def library_functions(packages: Sequence[str], *, most: int, seed: int) -> list[LibraryFunction]:
    """At most `most` functions of the standard library and these packages, distinct up to names, sorted by id.

    Files are read in an order drawn by hash until there are enough functions.

    Raises: SourceMissingError, SourceError: as `packages.library_files`.
    """
    files = sorted(
        library_files(packages),
        key=lambda file: (unit_interval("library file", str(seed), file.package, file.module), file.module),
    )
    return collect_functions(files, most=most)


def collect_functions(files: Iterable[LibraryFile], *, most: int) -> list[LibraryFunction]:
    """The first `most` qualifying functions of the files, distinct up to names, sorted by id."""
    kept = dict[str, LibraryFunction]()
    seen = set[str]()
    for file in files:
        for function in functions_of(file):
            form = sha256_text(normal_form(function.code))
            if form in seen or function.function_id in kept:
                continue
            seen.add(form)
            kept[function.function_id] = function
            if len(kept) == most:
                return [kept[name] for name in sorted(kept)]
    return [kept[name] for name in sorted(kept)]


def functions_of(file: LibraryFile) -> Iterator[LibraryFunction]:
    """The qualifying functions of one file, in its order; a file that is not Python 3.11 in UTF-8 has none."""
    try:
        tree = parse_program(file.path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, *PARSE_ERRORS):
        return
    module = _Module(tree)
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or not _is_material(node):
            continue
        needed = module.needed_by(node)
        if needed is None:
            continue
        prompt = ast.get_docstring(node) or ""
        code = normalise("\n".join(ast.unparse(statement) for statement in [*needed, node]), node.name)
        if MIN_LINES <= code.count("\n") + 1 <= MAX_LINES:
            yield LibraryFunction(
                function_id=f"{file.package}:{file.module}:{node.name}",
                package=file.package,
                version=file.version,
                license=file.license,
                module=file.module,
                entry_point=node.name,
                code=code,
                prompt=prompt,
            )


class _Module:
    """Top-level definitions of a module, by name."""

    def __init__(self, tree: ast.Module) -> None:
        bound = Counter(name for node in _module_statements(tree) for name in bound_names(node))
        self.definitions = {
            name: statement for node in tree.body for name, statement in _definitions(node) if bound[name] == 1
        }
        self._uses = dict[str, frozenset[str] | None]()

    def needed_by(self, function: ast.FunctionDef) -> list[ast.stmt] | None:
        """The statements that the function needs before it: imports, constants, functions. None: it needs something else."""
        needed = dict[str, Definition]()
        pending = [function.name]
        while pending:
            name = pending.pop()
            statement = self.definitions.get(name)
            if statement is None:
                return None
            needed[name] = statement
            if isinstance(statement, ast.FunctionDef):
                uses = self._names_used(statement)
                if uses is None:
                    return None
                pending += [used for used in uses if used not in needed and used not in BUILTIN_NAMES]
        del needed[function.name]
        order = {ast.Import: 0, ast.ImportFrom: 0, ast.Assign: 1, ast.FunctionDef: 2}
        return sorted(needed.values(), key=lambda node: (order[type(node)], node.lineno, ast.unparse(node)))

    def _names_used(self, function: ast.FunctionDef) -> frozenset[str] | None:
        """Names of the module or builtins that the function uses; None when it cannot run on its own."""
        if function.name not in self._uses:
            self._uses[function.name] = _names_used(function)
        return self._uses[function.name]


def _module_statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a module's own scope, those inside `if`, `try` and loops among them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case) and not isinstance(
            child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ):
            yield from _module_statements(child)


def _definitions(node: ast.stmt) -> Iterator[tuple[str, Definition]]:
    """(name, statement that binds it alone) of an import of the standard library, a constant or a function."""
    match node:
        case ast.FunctionDef():
            yield node.name, node
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_constant(value):
            yield name, node
        case ast.Import(names=names):
            for alias in names:
                if _is_standard(alias.name) and (alias.asname or "." not in alias.name):
                    yield alias.asname or alias.name, ast.copy_location(ast.Import(names=[alias]), node)
        case ast.ImportFrom(module=str(module), names=names, level=0) if (
            _is_standard(module) and module != "__future__"
        ):
            for alias in names:
                if alias.name != "*":
                    one = ast.ImportFrom(module=module, names=[alias], level=0)
                    yield alias.asname or alias.name, ast.copy_location(one, node)
        case _:
            return


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def _is_constant(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, *PARSE_ERRORS):
        return False
    return len(ast.unparse(value)) <= MAX_CONSTANT_CHARACTERS


def _is_material(function: ast.FunctionDef) -> bool:
    """True if the function takes an argument and returns a value."""
    returned = (node.value for node in ast.walk(function) if isinstance(node, ast.Return))
    return bool(parameters(function)) and any(value is not None for value in returned)


def _names_used(function: ast.FunctionDef) -> frozenset[str] | None:
    """As `_Module._names_used`. Annotations that name something beyond builtins are removed in place."""
    own_lines = (function.end_lineno or 0) - function.lineno + 1
    if function.decorator_list or own_lines > 4 * MAX_LINES:
        return None
    if contains(
        function, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal, ast.ClassDef, ast.AsyncFunctionDef
    ):
        return None
    _drop_annotations(function)
    names = free_names(ast.unparse(function))
    return None if names is None or names & INSPECTING else names


def _drop_annotations(function: ast.FunctionDef) -> None:
    """Remove annotations that name anything but builtins: they would need imports that the program does not."""
    for node in ast.walk(function):
        if isinstance(node, ast.arg) and not _is_plain(node.annotation):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef) and not _is_plain(node.returns):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Name(id="object", ctx=ast.Load())


def _is_plain(annotation: ast.expr | None) -> bool:
    if annotation is None:
        return True
    return all(_is_plain_part(part) for part in ast.walk(annotation))


def _is_plain_part(part: ast.AST) -> bool:
    if isinstance(part, ast.Name):
        return part.id in BUILTIN_NAMES
    return not isinstance(part, ast.Attribute) and not (isinstance(part, ast.Constant) and isinstance(part.value, str))


def free_names(code: str) -> frozenset[str] | None:
    """Names that a definition reads from its module or the builtins; None when its scopes cannot be resolved."""
    try:
        top = symtable.symtable(code, "<function>", "exec")
    except PARSE_ERRORS:
        return None
    names = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    pending: list[symtable.SymbolTable] = list(top.get_children())
    while pending:
        table = pending.pop()
        names |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        pending += table.get_children()
    return frozenset(names)
