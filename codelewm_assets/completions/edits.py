"""Application of one operator to a program. Not here: which operators there are, and what a completion is made of."""

import ast
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codelewm_assets.completions.syntax import Operator, Scene


@dataclass(frozen=True, slots=True)
class Step:
    """One applied edit: of `places` edits that the operator offered, number `place` was taken."""

    family: str
    operator: str
    place: int
    places: int


def apply_random(
    code: str, entry_point: str, registry: Mapping[str, Sequence[Operator]], rng: random.Random
) -> tuple[str, Step] | None:
    """Apply one edit of a random family; families without a place in this program are skipped.

    Args:
        code: in the layout of `ast.unparse`.
        registry: family → operators.

    Returns: the edited program in normal form and the step; None when no operator has a place or changes the program.
    """
    families = list(registry)
    rng.shuffle(families)
    scene = Scene(ast.parse(code), entry_point, rng)
    for family in families:
        operators = list(registry[family])
        rng.shuffle(operators)
        for operator in operators:
            edits = operator(scene)
            if not edits:
                continue
            place = rng.randrange(len(edits))
            edits[place]()
            text = _source_of(scene.tree)
            if text is not None and text != code:
                return text, Step(family, operator.__name__, place, len(edits))
            scene = Scene(ast.parse(code), entry_point, rng)  # the edit changed the tree
    return None


def _source_of(tree: ast.Module) -> str | None:
    """Source in normal form; None when the edited program does not compile."""
    text = ast.unparse(ast.fix_missing_locations(tree))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `x is 1` is worth a warning, and a bug like any other
            parsed = ast.parse(text)
            compile(parsed, "<variant>", "exec")
        return ast.unparse(parsed)
    except (SyntaxError, ValueError, RecursionError):
        return None
