"""The variant record, and the normal form that all variants share.

Not here: the operators (rewrites/, mutations.py) and labels (label.py): a variant's kind is its intent, not its label.
"""

import ast
from dataclasses import dataclass
from typing import Literal

from codelewm_assets.completions.syntax import PARSE_ERRORS
from codelewm_assets.core.errors import AssetsError

VariantKind = Literal["reference", "rewrite", "mutant_1"]


class CompletionSourceError(AssetsError):
    """A reference does not parse or lacks its entry point, or problem ids are missing or repeated."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One program made from a reference."""

    code: str  # source text, always as `ast.unparse` writes it
    kind: VariantKind  # what was intended: the reference itself, a rewrite that keeps its meaning, or one bug
    operator_family: str  # family of the first rewrite operator, or of the bug; "reference" for the reference
    operators: tuple[str, ...]  # names of what was applied, in order; of a mutant, its bugs only
    bug: int | None = None  # number of the bug that the twin pair is about; None for the reference
    twin: str | None = None  # name of the twin pair within the problem, e.g. "b0p3"


def normalise(source: str, entry_point: str) -> str:
    """`source` in the layout of `ast.unparse`, without bare string statements, docstrings among them.

    Raises: CompletionSourceError: `source` does not parse, or binds no `entry_point` at its top level.
    """
    try:
        tree = ast.parse(source)
    except PARSE_ERRORS as error:
        raise CompletionSourceError(
            f"The program for {entry_point!r} does not parse ({error}). Expected Python 3.11 source; correct it."
        ) from error
    bound = sorted({name for statement in tree.body for name in bound_names(statement)})
    if entry_point not in bound:
        raise CompletionSourceError(
            f"The program defines {', '.join(bound) or 'nothing'}, not its entry point {entry_point!r}. "
            "Correct the reference or the entry point."
        )
    strip_bare_strings(tree)
    return ast.unparse(tree)


def bound_names(statement: ast.stmt) -> list[str]:
    """Names that a top-level statement binds by itself: a definition, an import, or an assignment to plain names."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name.split(".")[0] for alias in statement.names]
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        case _:
            return []


def strip_bare_strings(tree: ast.Module) -> None:
    """Remove string statements, including docstrings, in place; an empty body gets `pass`."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and any(is_bare_string(statement) for statement in block):
                kept = [statement for statement in block if not is_bare_string(statement)]
                needs_one = field == "body" and not isinstance(node, ast.Module)
                setattr(node, field, kept or ([ast.Pass()] if needs_one else []))


def is_bare_string(node: ast.AST) -> bool:
    """True for a statement that is only a string, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
