"""Other names for a whole program, drawn in the same way whether the program is right or wrong.

Every generated program goes through this last, so that neither the reference's own names nor the names that a rewrite
brings say which programs are right. Not a family of rewrites: nothing else of the program changes.
"""

import ast
import random

from codelewm_assets.completions.rewrites.names import LONG_NAMES, SHORT_NAMES
from codelewm_assets.completions.scopes import Binding, find_bindings
from codelewm_assets.completions.syntax import is_free_name, used_names

RENAME_PROBABILITY = 0.8
FUNCTION_NAMES = tuple(
    ["apply_to", "compute", "convert", "handle", "helper", "inner", "process", "run", "solve", "step", "work"]
)
STYLES = (SHORT_NAMES, LONG_NAMES, SHORT_NAMES + LONG_NAMES)


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
