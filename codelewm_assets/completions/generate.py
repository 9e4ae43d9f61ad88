"""Variants of a reference: rewrites and mutants. Deterministic in the reference and the seed."""

import ast
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

from codelewm_assets.completions.mutations import MUTATIONS
from codelewm_assets.completions.renaming import alpha_normalise, rename_surface
from codelewm_assets.completions.rewrites import REWRITES
from codelewm_assets.completions.syntax import Operator, Scene
from codelewm_assets.completions.variants import Variant, VariantKind, normalise
from codelewm_assets.core.digests import sha256_text

TRIES_PER_VARIANT = 24
MIN_TRIES = 120  # a short program has few places for edits and needs more tries
USUAL_REWRITES = 3  # operators in one rewrite
MAX_REWRITES = 6  # the same, once half of the tries gave too few different programs


def generate_variants(
    reference: str, entry_point: str, *, rewrites: int, one_bug: int, two_bug: int, seed: int
) -> list[Variant]:
    """The reference in normal form, then up to the requested number of each kind, distinct up to names.

    Each mutant is made from one of the rewrites, so that how a program is written does not show whether it is right: with
    mutants of the bare reference among them, a text classifier alone put a passing completion first in 9 pools of 10.
    Each two-bug mutant is a one-bug mutant with another bug, so that a bug A has relatives A+B and A+C.
    For the first reason every rewrite and every mutant gets its names last, by one random process (renaming.py).
    A short program may have fewer variants than requested.

    Raises: CompletionSourceError: the reference does not parse or does not define its entry point.
    """
    rng = random.Random(sha256_text(f"{seed}|{entry_point}|{reference}"))
    normal = normalise(reference, entry_point)
    result = [Variant(normal, "reference", "reference", ())]
    seen = {alpha_normalise(normal, entry_point)}
    bases = list(result)
    requested: tuple[tuple[VariantKind, int], ...] = (
        ("rewrite", rewrites),
        ("mutant_1", one_bug),
        ("mutant_2", two_bug),
    )
    for kind, count in requested:
        variants = _distinct_variants(kind, count, bases, entry_point, seen, rng)
        bases = variants or (bases if kind == "rewrite" else [])
        result += [replace(variant, code=rename_surface(variant.code, entry_point, rng)) for variant in variants]
    return result


def _distinct_variants(
    kind: VariantKind, requested: int, bases: Sequence[Variant], entry_point: str, seen: set[str], rng: random.Random
) -> list[Variant]:
    """Up to `requested` variants whose alpha-normal forms are not in `seen`; these are added to it."""
    variants: list[Variant] = []
    tries = max(TRIES_PER_VARIANT * requested, MIN_TRIES) if bases else 0
    for number in range(tries):
        if len(variants) == requested:
            break
        max_rewrites = USUAL_REWRITES if 2 * number < tries else MAX_REWRITES
        variant = _attempt(bases[number % len(bases)], entry_point, kind, max_rewrites, rng)
        form = None if variant is None else alpha_normalise(variant.code, entry_point)
        if variant is not None and form is not None and form not in seen:
            seen.add(form)
            variants.append(variant)
    return variants


def _attempt(
    base: Variant, entry_point: str, kind: VariantKind, max_rewrites: int, rng: random.Random
) -> Variant | None:
    is_rewrite = kind == "rewrite"
    code, families, operators = base.code, list[str](), list[str]()
    if kind == "mutant_2":  # the bug that the base has already
        families, operators = [base.operator_family], list(base.operators)
    for _ in range(rng.randint(1, max_rewrites) if is_rewrite else 1):
        step = _apply_one(code, entry_point, REWRITES if is_rewrite else MUTATIONS, rng)
        if step is None:
            break
        code, family, name = step
        families.append(family)
        operators.append(name)
    return Variant(code, kind, families[0], tuple(operators)) if code != base.code else None


def _apply_one(
    code: str, entry_point: str, registry: Mapping[str, Sequence[Operator]], rng: random.Random
) -> tuple[str, str, str] | None:
    """Apply one edit of a random family; families without a place in this program are skipped."""
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
            rng.choice(edits)()
            text = _source_of(scene.tree)
            if text is not None and text != code:
                return text, family, operator.__name__
            scene = Scene(ast.parse(code), entry_point, rng)  # the edit changed the tree
    return None


def _source_of(tree: ast.Module) -> str | None:
    """Source in normal form; None when the edited program does not compile."""
    text = ast.unparse(ast.fix_missing_locations(tree))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `x is 1` is worth a warning, and a bug like any other
            compile(text, "<variant>", "exec")
        return ast.unparse(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError):
        return None
