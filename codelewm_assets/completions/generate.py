"""From a reference to its variants. Same reference and seed, same variants; order of calls does not matter."""

import ast
import random
from collections.abc import Mapping, Sequence

from codelewm_assets.completions.mutations import MUTATIONS
from codelewm_assets.completions.rewrites import REWRITES
from codelewm_assets.completions.syntax import Operator, Scene
from codelewm_assets.completions.variants import Variant, VariantKind, normalise
from codelewm_assets.core.digests import sha256_text

TRIES_PER_VARIANT = 12
MOST_REWRITES = 3  # operators in one rewrite


def generate_variants(
    reference: str, entry_point: str, *, rewrites: int, one_bug: int, two_bug: int, seed: int
) -> list[Variant]:
    """The reference in normal form, then up to the wanted number of each kind, all of them different texts.

    Half of the mutants are made from a rewrite, so that how a program is written does not tell whether it is right.
    A short program may have fewer variants than wanted.

    Raises: CompletionSourceError: the reference does not parse or does not define its entry point.
    """
    rng = random.Random(sha256_text(f"{seed}|{entry_point}|{reference}"))
    normal = normalise(reference, entry_point)
    made = [Variant(normal, "reference", "reference", ())]
    seen = {normal}
    for kind, wanted in (("rewrite", rewrites), ("mutant_1", one_bug), ("mutant_2", two_bug)):
        count, tries = 0, 0
        while count < wanted and tries < TRIES_PER_VARIANT * wanted:
            tries += 1
            variant = _attempt(normal, entry_point, kind, count, rng)  # type: ignore[arg-type]
            if variant is not None and variant.code not in seen:
                seen.add(variant.code)
                made.append(variant)
                count += 1
    return made


def _attempt(normal: str, entry_point: str, kind: VariantKind, count: int, rng: random.Random) -> Variant | None:
    rewrite_steps = rng.randint(1, MOST_REWRITES) if kind == "rewrite" or count % 2 else 0
    bugs = {"rewrite": 0, "mutant_1": 1, "mutant_2": 2, "reference": 0}[kind]
    code, families, operators = normal, list[str](), list[str]()
    for registry, steps in ((REWRITES, rewrite_steps), (MUTATIONS, bugs)):
        for _ in range(steps):
            step = _apply_one(code, entry_point, registry, rng)
            if step is None:
                if registry is MUTATIONS:
                    return None
                continue
            code, family, name = step
            operators.append(name)
            if (registry is MUTATIONS) == bool(bugs):
                families.append(family)
    if not families or code == normal:
        return None
    return Variant(code, kind, families[0], tuple(operators))


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
