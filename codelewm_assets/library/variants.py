"""Variants of a library function: twins as the benchmarks' problems have them, with neutral edits beside the bugs.

Twins of a function share rewrites and names: a right side, the same one with a bug, and where there is one the same one with a
neutral edit of the bug's kind. Among the shared rewrites are neutral edits too, so that wrong programs have their marks as well.
All operators of bugs are used, those of scored twins and the others. Not here: labels (label.py).
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from codelewm_assets.completions.edits import apply_random
from codelewm_assets.completions.mutations import MUTATIONS
from codelewm_assets.completions.neutral_edits import ANY_NEUTRAL_EDIT, NEUTRAL_EDITS
from codelewm_assets.completions.renaming import alpha_normalise
from codelewm_assets.completions.rewrites import REWRITES
from codelewm_assets.completions.syntax import Operator
from codelewm_assets.completions.twins import Bug, draw_bugs, rewritten, token_count
from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.records import LibraryFunction, LibraryVariantKind
from codelewm_assets.library.coverage import changed_lines

TRIES_PER_TWINS = 24
TRIES_FOR_NEUTRAL = 8  # of them at most, before twins without a neutral edit are taken
NEUTRAL_DRAWS = 3  # of which the edit is taken that changes the number of tokens most nearly as the bug does
MAX_REWRITES = 4  # shared edits
SHARED_EDITS: dict[str, tuple[Operator, ...]] = REWRITES | {
    f"neutral_{family}": edits for family, edits in ANY_NEUTRAL_EDIT.items()
}
"""Family → operators of what all members of twins share."""


@dataclass(frozen=True, slots=True)
class UnlabelledVariant:
    """A variant before it has a label; fields as in `LibraryVariant`.

    Attributes:
        changed_lines: of a mutant, the lines of the function that its bug changes, from 1.
    """

    variant_id: str
    code: str
    kind: LibraryVariantKind
    family: str
    operator: str
    twin: str | None
    changed_lines: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Draft:
    code: str
    kind: LibraryVariantKind
    family: str
    operator: str
    twin: str
    changed_lines: frozenset[int] = frozenset()


def make_variants(function: LibraryFunction, *, twins: int, seed: int) -> list[UnlabelledVariant]:
    """The function, then the members of up to `twins` twins in random order; all programs are distinct up to names."""
    rng = random.Random(sha256_text(f"{seed}|{function.function_id}|{function.code}"))
    code, entry_point = function.code, function.entry_point
    seen = {alpha_normalise(code, entry_point)}
    drafts = list[_Draft]()
    for number, bug in enumerate(draw_bugs(code, entry_point, MUTATIONS, twins, rng)):
        neutral = draw_neutral_edit(code, entry_point, bug, rng)
        drafts += _twins(code, entry_point, bug, neutral, f"b{number}", seen, rng)
    rng.shuffle(drafts)
    own = UnlabelledVariant(f"{function.function_id}/v000", code, "reference", "reference", "reference", None)
    return [own, *_numbered(function.function_id, drafts)]


def _numbered(function_id: str, drafts: list[_Draft]) -> Iterator[UnlabelledVariant]:
    for number, draft in enumerate(drafts, start=1):
        name = f"{function_id}/v{number:03d}"
        yield UnlabelledVariant(
            name, draft.code, draft.kind, draft.family, draft.operator, draft.twin, draft.changed_lines
        )


def draw_neutral_edit(code: str, entry_point: str, bug: Bug, rng: random.Random) -> Bug | None:
    """A neutral edit of the bug's operator, else of its family, else of any; None: the program has no place for one."""
    for registry in (
        {bug.family: NEUTRAL_EDITS[bug.operator]},
        {bug.family: ANY_NEUTRAL_EDIT[bug.family]},
        ANY_NEUTRAL_EDIT,
    ):
        drawn = [apply_random(code, entry_point, registry, rng) for _ in range(NEUTRAL_DRAWS)]
        edits = [Bug(text, bug.family, step.operator) for text, step in filter(None, drawn)]
        if edits:
            change = token_count(bug.code)
            return min(edits, key=lambda edit: abs(token_count(edit.code) - change))
    return None


def _twins(
    code: str, entry_point: str, bug: Bug, neutral: Bug | None, twin: str, seen: set[str], rng: random.Random
) -> list[_Draft]:
    """The right side, the neutral edit and the bug under the same rewrites; none when no draw gives a new pair.

    Forms of the programs are added to `seen`.
    """
    for number in range(TRIES_PER_TWINS):
        draws = rng.getrandbits(64)
        right, steps = rewritten(code, entry_point, MAX_REWRITES, random.Random(draws), SHARED_EDITS)
        if not steps:
            continue
        edited = [bug, neutral] if neutral is not None and number < TRIES_FOR_NEUTRAL else [bug]
        others = [
            rewritten(edit.code, entry_point, MAX_REWRITES, random.Random(draws), SHARED_EDITS) for edit in edited
        ]
        grown = [token_count(edit.code) - token_count(code) for edit in edited]
        if any(other_steps != steps for _, other_steps in others) or grown != [
            token_count(text) - token_count(right) for text, _ in others
        ]:
            continue  # an edit moved a rewrite to another place: more than the edit would tell the sides apart
        forms = {alpha_normalise(text, entry_point) for text in (right, *(text for text, _ in others))}
        if len(forms) < 1 + len(edited) or forms & seen:
            continue
        seen |= forms
        kinds: tuple[LibraryVariantKind, ...] = ("mutant", "neutral_edit")
        return [
            _Draft(right, "rewrite", steps[0].family, steps[0].operator, twin),
            *(
                _Draft(
                    text,
                    kind,
                    edit.family,
                    edit.operator,
                    twin,
                    changed_lines(code, edit.code) if kind == "mutant" else frozenset(),
                )
                for kind, edit, (text, _) in zip(kinds, edited, others, strict=False)
            ),
        ]
    return []
