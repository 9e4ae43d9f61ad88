"""Alpha-renaming of programs: numbered names, to compare programs, and random names for every variant.

Every generated program goes through `rename_surface` last, so that its names do not reveal whether it is correct. The
surface controls use cheaper forms (dataset/shingles.py numbers every word token, including builtins and attributes).
"""

import ast
import random

from codelewm_assets.completions.rewrites.names import LONG_NAMES, SHORT_NAMES
from codelewm_assets.completions.scopes import Binding, find_bindings
from codelewm_assets.completions.syntax import PARSE_ERRORS, is_free_name, parse_program, used_names
from codelewm_assets.completions.variants import strip_bare_strings

RENAME_PROBABILITY = 0.8
FUNCTION_NAMES = (
    "apply_to", "compute", "convert", "handle", "helper", "inner", "process", "run", "solve", "step", "work",
)  # fmt: skip
STYLES = (SHORT_NAMES, LONG_NAMES, SHORT_NAMES + LONG_NAMES)


def alpha_normalise(code: str, entry_point: str) -> str:
    """`code` in the layout of `ast.unparse`, without comments and docstrings, with its own names as `v0, v1, …`.

    Arguments, locals, comprehension variables, helper functions, and import aliases are numbered in the order in which they
    first stand in the tree, one number for each variable of each scope. The entry point, free names, builtins, attributes
    and keywords of others' functions stay, and no number is used that such a name has. The result is for comparing, not for
    running. Text that Python 3.11 cannot parse, or not write again, is returned stripped; nothing is raised.
    """
    try:
        tree = parse_program(code)
        strip_bare_strings(tree)
        rename_canonically(tree, entry_point)
        return ast.unparse(tree)
    except PARSE_ERRORS:
        return code.strip()


def rename_canonically(tree: ast.Module, entry_point: str) -> None:
    """Number the program's own names in place. Raises: RecursionError: the tree is nested too deep."""
    bindings = find_bindings(tree, entry_point)
    renamed = [binding for binding in bindings if not binding.is_kept]
    for binding in renamed:
        binding.rename("")  # leaves only the names that stay
    taken = used_names(tree)
    number = 0
    for binding in renamed:
        while f"v{number}" in taken:
            number += 1
        binding.rename(f"v{number}")
        number += 1


def rename_surface(code: str, entry_point: str, rng: random.Random) -> str:
    """With `RENAME_PROBABILITY`, the program with other names for all its arguments, locals and helper functions.

    One name for all variables that shared one, so that the program keeps its look. The names' style is drawn for the whole
    program. Classes keep their names. `code` is in the layout of `ast.unparse`, and so is what is returned.
    """
    if rng.random() >= RENAME_PROBABILITY:
        return code
    style = rng.choice(STYLES)
    tree = ast.parse(code)
    by_name: dict[tuple[bool, str], list[Binding]] = {}
    for binding in find_bindings(tree, entry_point):
        if not binding.is_kept and binding.role != "class":
            by_name.setdefault((binding.role == "function", binding.name), []).append(binding)
    taken = used_names(tree)
    pools = {True: list(FUNCTION_NAMES), False: list(style)}
    for pool in pools.values():
        rng.shuffle(pool)
    for (is_function, _), bindings in by_name.items():
        new = _next_free(pools[is_function], taken)
        taken.add(new)
        for binding in bindings:
            binding.rename(new)
    return ast.unparse(tree)


def _next_free(pool: list[str], taken: set[str]) -> str:
    tries = [*pool, *(f"{name}{number}" for number in range(2, len(taken) + 4) for name in pool)]
    return next(name for name in tries if name not in taken and is_free_name(name))
