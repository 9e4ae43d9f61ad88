"""Twins: a reference and a copy of it with one bug, under the same rewrites. Deterministic in the reference and the seed.

The bug comes first, then one seeded process of rewrites and names on both sides alike, so that the two sides of a pair differ
by the bug and by nothing else. Not here: the operators, labels, and which bug of a problem is scored (dataset/twins.py).
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from codelewm_assets.completions.edits import Step, apply_random
from codelewm_assets.completions.mutations import MUTATIONS
from codelewm_assets.completions.renaming import alpha_normalise, rename_surface
from codelewm_assets.completions.rewrites import REWRITES
from codelewm_assets.completions.syntax import Operator
from codelewm_assets.completions.variants import Variant, normalise
from codelewm_assets.core.digests import sha256_text

TRIES_PER_PAIR = 24
MIN_TRIES = 80  # a short program has few places for edits and needs more tries
TRIES_PER_BUG = 24
USUAL_REWRITES = 3  # operators in one rewrite
MAX_REWRITES = 6  # the same, once half of the tries gave too few different pairs
TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Bug:
    """The reference with one bug in it."""

    code: str
    family: str
    operator: str


@dataclass(frozen=True, slots=True)
class _Pair:
    right: str
    wrong: str
    steps: tuple[Step, ...]


def make_twins(
    reference: str,
    entry_point: str,
    *,
    bugs: int,
    pairs_per_bug: int,
    seed: int,
    mutations: Mapping[str, Sequence[Operator]] | None = None,
) -> list[Variant]:
    """The reference in normal form, then up to `pairs_per_bug` twin pairs of each of up to `bugs` bugs, in random order.

    All programs are distinct up to names. The order, from which ids are counted, says nothing of bug, pair or side. A short
    program may have fewer bugs and pairs than requested; one without a place for a bug has rewrites
    alone, one without a place for a rewrite has bugs alone: such a problem is not scored.

    Args:
        mutations: family → operators of the bugs; None: those of scored twins.

    Raises: CompletionSourceError: the reference does not parse or does not define its entry point.
    """
    rng = random.Random(sha256_text(f"{seed}|{entry_point}|{reference}"))
    normal = normalise(reference, entry_point)
    seen = {alpha_normalise(normal, entry_point)}
    twins = list[Variant]()
    drawn = draw_bugs(normal, entry_point, mutations or SCORED_MUTATIONS, bugs, rng)
    for number, bug in enumerate(drawn):
        for place, pair in enumerate(_pairs(normal, bug, entry_point, pairs_per_bug, seen, rng)):
            twin = f"b{number}p{place}"
            applied = tuple(step.operator for step in pair.steps)
            twins += [
                Variant(pair.right, "rewrite", pair.steps[0].family, applied, number, twin),
                Variant(pair.wrong, "mutant_1", bug.family, (bug.operator,), number, twin),
            ]
    if not twins:  # no place for a bug, or none for a rewrite
        twins = _rewrites(normal, entry_point, pairs_per_bug, seen, rng)
        twins = twins or [Variant(bug.code, "mutant_1", bug.family, (bug.operator,)) for bug in drawn]
    rng.shuffle(twins)
    return [Variant(normal, "reference", "reference", ()), *twins]


def draw_bugs(
    normal: str, entry_point: str, mutations: Mapping[str, Sequence[Operator]], count: int, rng: random.Random
) -> list[Bug]:
    """Up to `count` different bugs. For each a coin says whether it may lengthen or shorten the program, as far as it can.

    Without the coin the lengths of the two sides would tell them apart: most bugs of an operator go the same way.
    """
    found = dict[str, Bug]()
    for _ in range(count):
        sign = rng.choice((-1, 1))
        other_way: Bug | None = None
        for _ in range(TRIES_PER_BUG):
            drawn = apply_random(normal, entry_point, mutations, rng)
            if drawn is None:
                break
            bug = Bug(drawn[0], drawn[1].family, drawn[1].operator)
            if bug.code in found:
                continue
            if (len(bug.code) - len(normal)) * sign >= 0:
                found[bug.code] = bug
                break
            other_way = other_way or bug
        else:
            if other_way is not None:
                found[other_way.code] = other_way
    return list(found.values())


def _pairs(
    normal: str, bug: Bug, entry_point: str, requested: int, seen: set[str], rng: random.Random
) -> Iterator[_Pair]:
    """Up to `requested` pairs whose programs have alpha-normal forms that are not in `seen`; these are added to it."""
    made, tries = 0, max(TRIES_PER_PAIR * requested, MIN_TRIES)
    token_change = token_count(bug.code) - token_count(normal)
    for number in range(tries):
        if made == requested:
            return
        draws = rng.getrandbits(64)
        most = USUAL_REWRITES if 2 * number < tries else MAX_REWRITES
        right, steps = rewritten(normal, entry_point, most, random.Random(draws))
        right_form = alpha_normalise(right, entry_point)
        if not steps or right_form in seen:
            continue
        wrong, wrong_steps = rewritten(bug.code, entry_point, most, random.Random(draws))
        if wrong_steps != steps or token_count(wrong) - token_count(right) != token_change:
            continue  # the bug moved an edit to another place: more than the bug would tell the sides apart
        wrong_form = alpha_normalise(wrong, entry_point)
        if wrong_form != right_form and wrong_form not in seen:
            seen |= {right_form, wrong_form}
            made += 1
            yield _Pair(right, wrong, steps)


def _rewrites(normal: str, entry_point: str, requested: int, seen: set[str], rng: random.Random) -> list[Variant]:
    """Up to `requested` rewrites without a twin, distinct up to names."""
    made = list[Variant]()
    for _ in range(MIN_TRIES):
        if len(made) == requested:
            break
        code, steps = rewritten(normal, entry_point, USUAL_REWRITES, rng)
        form = alpha_normalise(code, entry_point)
        if steps and form not in seen:
            seen.add(form)
            made.append(Variant(code, "rewrite", steps[0].family, tuple(step.operator for step in steps)))
    return made


def rewritten(
    code: str,
    entry_point: str,
    most: int,
    rng: random.Random,
    registry: Mapping[str, Sequence[Operator]] = REWRITES,
) -> tuple[str, tuple[Step, ...]]:
    """The program after one to `most` edits of the registry and with other names, and the edits."""
    steps = list[Step]()
    for _ in range(rng.randint(1, most)):
        done = apply_random(code, entry_point, registry, rng)
        if done is None:
            break
        code = done[0]
        steps.append(done[1])
    return rename_surface(code, entry_point, rng), tuple(steps)


def token_count(code: str) -> int:
    """Number of words and marks of a program."""
    return len(TOKEN.findall(code))


NOT_SCORED: Mapping[str, str] = {
    "dropped_condition": "0.93: the wrong side is shorter",
    "dropped_operand": "0.84: the wrong side is shorter",
    "forgotten_call": "0.88: the wrong side is shorter",
    "forgotten_else": "0.98: the wrong side is shorter",
    "forgotten_negation": "0.91: the wrong side is shorter",
    "loop_left_early": "0.99: the wrong side is longer, and a `break` ends a loop's body in no right program",
    "return_in_loop": "0.99: the wrong side is longer by one indentation",
    "shifted_index": "1.00: the wrong side is longer",
    "shifted_range": "0.96: the wrong side is longer",
    "shifted_slice": "0.99: the wrong side is longer",
    "statement_left_out": "0.96: the wrong side is shorter",
}
"""Operators without twins: pass@1 of a fitted model at chance 0.50, above 0.70, and the reason.

Source: benchmarks/twin_operators.py on functions of the standard library (docs/decisions/0016-twins.md).
"""
SCORED_MUTATIONS: dict[str, tuple[Operator, ...]] = {
    family: kept
    for family, row in MUTATIONS.items()
    if (kept := tuple(operator for operator in row if operator.__name__ not in NOT_SCORED))
}
"""Family → operators of the bugs of scored twins."""
