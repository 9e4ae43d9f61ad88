"""A program's text with all names that are its own replaced: two programs that differ in such names alone become one text.

Here: the normal form by which duplicates are found. The surface controls read other, cheaper forms of their own
(dataset/shingles.py numbers every word token, builtins and attributes too, so it equates more than this does).
"""

import ast
import warnings

from codelewm_assets.completions.scopes import find_bindings
from codelewm_assets.completions.syntax import used_names
from codelewm_assets.completions.variants import strip_bare_strings

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


def alpha_normalise(code: str, entry_point: str) -> str:
    """`code` in the layout of `ast.unparse`, without comments and docstrings, its own names as `v0, v1, …`.

    Arguments, locals, comprehension variables, helper functions, and import aliases are numbered in the order in which they
    first stand in the tree, one number for each variable of each scope. The entry point, free names, builtins, attributes
    and keywords of others' functions stay, and no number is used that such a name has. The result is for comparing, not for
    running. Text that Python 3.11 cannot parse, or not write again, is returned stripped; nothing is raised.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
        strip_bare_strings(tree)
        rename_canonically(tree, entry_point)
        return ast.unparse(tree)
    except UNREADABLE:
        return code.strip()


def rename_canonically(tree: ast.Module, entry_point: str) -> None:
    """Number the program's own names in place. Raises: RecursionError: the tree is nested too deep."""
    bindings = find_bindings(tree, entry_point)
    own = [binding for binding in bindings if not binding.is_kept]
    for binding in own:
        binding.rename("")  # so that what is left are the names that stay
    taken = used_names(tree)
    number = 0
    for binding in own:
        while f"v{number}" in taken:
            number += 1
        binding.rename(f"v{number}")
        number += 1
