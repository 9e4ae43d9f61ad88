"""From a reference to its variants. Same reference and seed, same variants; order of calls does not matter."""

import ast
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from codelewm_assets.completions.alpha import alpha_normalise
from codelewm_assets.completions.mutations import MUTATIONS
from codelewm_assets.completions.rewrites import REWRITES
from codelewm_assets.completions.syntax import Operator, Scene
from codelewm_assets.completions.variants import Variant, VariantKind, normalise
from codelewm_assets.core.digests import sha256_text

TRIES_PER_VARIANT = 12
MOST_REWRITES = 3  # operators in one rewrite
RENAMES = REWRITES["rename"]


def generate_variants(
    reference: str, entry_point: str, *, rewrites: int, one_bug: int, two_bug: int, seed: int
) -> list[Variant]:
    """The reference in normal form, then up to the wanted number of each kind, no two the same up to names of locals.

    Half of the rewrites and half of the mutants get new names by the same operators: names tell nothing of the kind.

    Each mutant is made from one of the rewrites, so that how a program is written does not tell whether it is right: with
    mutants of the bare reference among them, a text classifier alone put a passing completion first in 9 pools of 10.
    A short program may have fewer variants than wanted.

    Raises: CompletionSourceError: the reference does not parse or does not define its entry point.
    """
    rng = random.Random(sha256_text(f"{seed}|{entry_point}|{reference}"))
    normal = normalise(reference, entry_point)
    made = [Variant(normal, "reference", "reference", ())]
    bases = [normal]
    seen = {alpha_normalise(normal, entry_point)}
    for kind, wanted in (("rewrite", rewrites), ("mutant_1", one_bug), ("mutant_2", two_bug)):
        count, tries = 0, 0
        while count < wanted and tries < TRIES_PER_VARIANT * wanted:
            tries += 1
            base = normal if kind == "rewrite" else bases[tries % len(bases)]
            variant = _attempt(base, entry_point, kind, rng)  # type: ignore[arg-type]
            if variant is None:
                continue
            variant = _renamed(variant, entry_point, rng)
            key = alpha_normalise(variant.code, entry_point)
            if key not in seen:
                seen.add(key)
                made.append(variant)
                count += 1
        if kind == "rewrite":
            bases = [variant.code for variant in made[1:]] or [normal]
    return made


def _renamed(variant: Variant, entry_point: str, rng: random.Random) -> Variant:
    """With one chance in two, the same program under other names. Of a rewrite the operator is noted too."""
    if rng.random() < 0.5:
        return variant
    step = _apply_one(variant.code, entry_point, {"rename": RENAMES}, rng)
    if step is None:
        return variant
    operators = (*variant.operators, step[2]) if variant.kind == "rewrite" else variant.operators
    return replace(variant, code=step[0], operators=operators)


def _attempt(base: str, entry_point: str, kind: VariantKind, rng: random.Random) -> Variant | None:
    bugs = {"rewrite": 0, "mutant_1": 1, "mutant_2": 2, "reference": 0}[kind]
    registry, steps = (MUTATIONS, bugs) if bugs else (REWRITES, rng.randint(1, MOST_REWRITES))
    code, families, operators = base, list[str](), list[str]()
    for _ in range(steps):
        step = _apply_one(code, entry_point, registry, rng)
        if step is None:
            if bugs:
                return None
            break
        code, family, name = step
        families.append(family)
        operators.append(name)
    return Variant(code, kind, families[0], tuple(operators)) if families and code != base else None


def _apply_one(
    code: str, entry_point: str, registry: Mapping[str, Sequence[Operator]], rng: random.Random
) -> tuple[str, str, str] | None:
    """Apply one edit of a family drawn at random; families without a place in this program are passed over."""
    families = list(registry)
    rng.shuffle(families)
    for family in families:
        operators = list(registry[family])
        rng.shuffle(operators)
        for operator in operators:
            scene = Scene(ast.parse(code), entry_point, rng)
            edits = operator(scene)
            if not edits:
                continue
            rng.choice(edits)()
            text = _source_of(scene.tree)
            if text is not None and text != code:
                return text, family, operator.__name__
    return None


def _source_of(tree: ast.Module) -> str | None:
    """Source in normal form, None when the edits made a program that does not compile."""
    text = ast.unparse(ast.fix_missing_locations(tree))
    try:
        compile(text, "<variant>", "exec")
        return ast.unparse(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError):
        return None
