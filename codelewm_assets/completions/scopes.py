"""Name resolution: every binding of a program with all its sites, by Python's scoping rules.

Belongs here: scopes, resolution, and which names can be changed safely. Not here: the new names (renaming.py).
Source: The Python Language Reference 3.11, 4.2 "Naming and binding"; 6.2.4 for comprehensions.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from codelewm_assets.completions.syntax import BUILTIN_NAMES, INSPECTS_SCOPE, Comprehension

ScopeKind = Literal["module", "function", "class", "comprehension"]
Site = tuple[ast.AST, str, int | None]  # node, its field, and the index in it when the field is a list
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(slots=True, eq=False)
class Binding:
    """One variable of one scope."""

    name: str  # as the program writes it
    sites: list[Site] = field(default_factory=list)  # where it is written, in the order of the tree
    is_kept: bool = False  # its name must stay: other code may use it
    role: Literal["variable", "function", "class"] = "variable"

    def rename(self, new: str) -> None:
        """Write another name at every site."""
        for node, name, index in self.sites:
            if index is None:
                setattr(node, name, new)
            else:
                getattr(node, name)[index] = new


@dataclass(slots=True, eq=False)
class _Scope:
    kind: ScopeKind
    parent: "_Scope | None"
    bound: dict[str, Binding] = field(default_factory=dict)
    global_names: set[str] = field(default_factory=set)
    nonlocal_names: set[str] = field(default_factory=set)

    def bind(self, name: str) -> Binding:
        return self.bound.setdefault(name, Binding(name, is_kept=self.kind == "class" or name.startswith("__")))


@dataclass(slots=True)
class _Event:
    """An occurrence of a name, resolved when all scopes are known."""

    scope: _Scope
    name: str
    site: Site
    is_load: bool


def find_bindings(tree: ast.Module, entry_point: str) -> list[Binding]:
    """All variables that the program binds itself, in the order in which they first stand in the tree.

    Kept names: the entry point, what an import without `as` brings, attributes of classes, builtins bound at module level,
    names that begin with two underscores, arguments that a caller may name, and all names of a program that looks at its
    own scopes (`eval`, `locals` …).
    """
    walker = _Walker(entry_point)
    walker.visit_module(tree)
    bindings: dict[int, Binding] = {}
    of_load: dict[int, Binding] = {}
    for event in walker.events:
        binding = _resolve(event.scope, event.name, walker.module)
        if binding is None:
            continue
        if event.scope.kind == "class" and event.is_load and event.name in event.scope.bound:
            outer = _resolve(event.scope.parent, event.name, walker.module)  # read there until the class binds its own
            if outer is not None:
                outer.is_kept = True
        bindings.setdefault(id(binding), binding)
        binding.sites.append(event.site)
        if event.is_load:
            of_load[id(event.site[0])] = binding
    _resolve_keywords(walker, of_load)
    if walker.inspects_scope:
        for binding in bindings.values():
            binding.is_kept = True
    return list(bindings.values())


def _resolve(scope: _Scope | None, name: str, module: _Scope) -> Binding | None:
    here = scope
    while here is not None:
        if here.kind != "class" or here is scope:
            if name in here.global_names:
                return module.bound.get(name)
            if name in here.bound and name not in here.nonlocal_names:
                return here.bound[name]
        here = here.parent
    return None


def _resolve_keywords(walker: "_Walker", of_load: dict[int, Binding]) -> None:
    """Add keywords of calls as sites of their arguments, for functions whose callers are all known."""
    called = {id(call.func) for call in walker.calls}
    defined: dict[int, list[_Function]] = {}
    for function in walker.functions:
        if function.binding is not None:
            defined.setdefault(id(function.binding), []).append(function)
    escaping = {id(binding) for node, binding in of_load.items() if node not in called}
    closed = {
        key: rows[0]
        for key, rows in defined.items()
        if len(rows) == 1 and key not in escaping and rows[0].is_only_binding and not rows[0].is_decorated
    }
    open_keywords: set[str] = set()
    has_open_map = False
    for call in walker.calls:
        binding = of_load.get(id(call.func))
        function_binding = closed.get(id(binding)) if binding is not None else None
        for keyword in call.keywords:
            if function_binding is None:
                has_open_map |= keyword.arg is None
                open_keywords.add(keyword.arg or "")
            elif keyword.arg is None:
                for argument in function_binding.by_keyword.values():
                    argument.is_kept = True
            elif keyword.arg in function_binding.by_keyword:
                function_binding.by_keyword[keyword.arg].sites.append((keyword, "arg", None))
    for function in walker.functions:
        if not any(function is function_binding for function_binding in closed.values()):
            for name, argument in function.by_keyword.items():
                argument.is_kept |= has_open_map or name in open_keywords


@dataclass(slots=True)
class _Function:
    binding: Binding | None  # None: a lambda, or a method
    by_keyword: dict[str, Binding]
    is_decorated: bool
    is_only_binding: bool = True


class _Walker:
    """One pass over the tree, in the order of its fields: scopes, what they bind, and every place of a name."""

    def __init__(self, entry_point: str) -> None:
        self.module = _Scope("module", None)
        self.entry_point = entry_point
        self.events: list[_Event] = []
        self.calls: list[ast.Call] = []
        self.functions: list[_Function] = []
        self.inspects_scope = False
        self._has_star_import = False

    def visit_module(self, tree: ast.Module) -> None:
        self._all(tree.body, self.module)
        for name, binding in self.module.bound.items():
            binding.is_kept |= name == self.entry_point or name in BUILTIN_NAMES or self._has_star_import
        stores: dict[int, int] = {}
        for event in self.events:
            stored = None if event.is_load else _resolve(event.scope, event.name, self.module)
            if stored is not None and not isinstance(event.site[0], ast.Global | ast.Nonlocal):
                stores[id(stored)] = stores.get(id(stored), 0) + 1
        for function in self.functions:
            function.is_only_binding = function.binding is None or stores[id(function.binding)] == 1

    def _all(self, nodes: Iterable[ast.AST | None], scope: _Scope) -> None:
        for node in nodes:
            if node is not None:
                self._visit(node, scope)

    def _store(self, scope: _Scope, name: str, site: Site) -> Binding | None:
        if name not in scope.global_names and name not in scope.nonlocal_names:
            scope.bind(name)
        self.events.append(_Event(scope, name, site, is_load=False))
        return _resolve(scope, name, self.module)

    def _visit(self, node: ast.AST, scope: _Scope) -> None:
        match node:
            case ast.Name():
                self.inspects_scope |= node.id in INSPECTS_SCOPE - {"super"}
                if isinstance(node.ctx, ast.Load):
                    self.events.append(_Event(scope, node.id, (node, "id", None), is_load=True))
                else:
                    self._store(scope, node.id, (node, "id", None))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self._function(node, scope)
            case ast.ClassDef():
                self._class(node, scope)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._comprehension(node, scope)
            case ast.Global() | ast.Nonlocal():
                self._declaration(node, scope)
            case ast.Import() | ast.ImportFrom():
                self._import(node, scope)
            case ast.NamedExpr():
                self._visit(node.value, scope)
                home = scope
                while home.kind == "comprehension" and home.parent is not None:
                    home = home.parent
                self._visit(node.target, home)
            case _:
                self._other(node, scope)

    def _other(self, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            self._store(scope, node.name, (node, "name", None))
        elif isinstance(node, ast.MatchMapping) and node.rest:
            self._store(scope, node.rest, (node, "rest", None))
        elif isinstance(node, ast.Call):
            self.calls.append(node)
        self._all(ast.iter_child_nodes(node), scope)

    def _function(self, node: FunctionNode, scope: _Scope) -> None:
        spec, inner, function_binding = node.args, _Scope("function", scope), None
        arguments = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *filter(None, (spec.vararg, spec.kwarg))]
        if not isinstance(node, ast.Lambda):
            self._all(node.decorator_list, scope)
            function_binding = self._store(scope, node.name, (node, "name", None))
            if function_binding is not None:
                function_binding.role = "function"
            self._all([*(argument.annotation for argument in arguments), node.returns], scope)
        self._all([*spec.defaults, *spec.kw_defaults], scope)
        for argument in arguments:
            self._store(inner, argument.arg, (argument, "arg", None))
        named = {argument.arg: inner.bind(argument.arg) for argument in (*spec.args, *spec.kwonlyargs)}
        is_decorated = not isinstance(node, ast.Lambda) and bool(node.decorator_list)
        self.functions.append(_Function(None if scope.kind == "class" else function_binding, named, is_decorated))
        self._all([node.body] if isinstance(node, ast.Lambda) else node.body, inner)

    def _class(self, node: ast.ClassDef, scope: _Scope) -> None:
        function_binding = self._store(scope, node.name, (node, "name", None))
        if function_binding is not None:
            function_binding.role = "class"
        self._all([*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)], scope)
        self._all(node.body, _Scope("class", scope))

    def _comprehension(self, node: Comprehension, scope: _Scope) -> None:
        inner = _Scope("comprehension", scope)
        for part in node.generators:
            for target in ast.walk(part.target):
                if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store):
                    inner.bind(target.id)
        self._all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt], inner)
        for number, part in enumerate(node.generators):
            self._visit(part.target, inner)
            self._visit(part.iter, inner if number else scope)  # the first one is evaluated outside
            self._all(part.ifs, inner)

    def _declaration(self, node: ast.Global | ast.Nonlocal, scope: _Scope) -> None:
        for index, name in enumerate(node.names):
            if isinstance(node, ast.Global):
                scope.global_names.add(name)
                self.module.bind(name)
            else:
                scope.nonlocal_names.add(name)
            self.events.append(_Event(scope, name, (node, "names", index), is_load=False))

    def _import(self, node: ast.Import | ast.ImportFrom, scope: _Scope) -> None:
        for alias in node.names:
            if alias.name == "*":
                self._has_star_import = True
            elif alias.asname is not None:
                self._store(scope, alias.asname, (alias, "asname", None))
            else:
                scope_of = self.module if alias.name.split(".")[0] in scope.global_names else scope
                scope_of.bind(alias.name.split(".")[0]).is_kept = True
