"""The scored bug of each problem, from the labels of its twins. What is scored and what is published of a problem follow from it.

With twins of several bugs side by side, a right side is the hub of its problem: every bug is one edit away from it, and two
bugs are two edits apart. Membership in pools alone then found the right side with an AUC of 0.99, likeness to other pools with
0.92.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.records import LabelledCompletion

FAILING_OUTCOMES = ("wrong_output", "exception")  # a stopped program may owe its label to the machine's load
MIN_PAIRS = 2  # twin pairs of the smallest pool: with one, no order by likeness is defined

Pair = tuple[LabelledCompletion, LabelledCompletion]  # right side, wrong side


def scored_pairs(labelled: Iterable[LabelledCompletion]) -> dict[str, list[Pair]]:
    """Problem id → twin pairs of its scored bug, in the order of their names; problems without such a bug are absent.

    The scored bug is the first, in an order drawn by hash, with at least `MIN_PAIRS` pairs in which every right side passes and
    every wrong side fails, all of them deterministically.
    """
    bugs: dict[str, dict[int, list[LabelledCompletion]]] = defaultdict(lambda: defaultdict(list))
    for item in labelled:
        if item.completion.bug is not None:
            bugs[item.completion.problem_id][item.completion.bug].append(item)
    found = dict[str, list[Pair]]()
    for problem_id in sorted(bugs):
        for bug in sorted(bugs[problem_id], key=lambda number: unit_interval("scored bug", problem_id, str(number))):
            pairs = _usable_pairs(bugs[problem_id][bug])
            if len(pairs) >= MIN_PAIRS:
                found[problem_id] = pairs
                break
    return found


def _usable_pairs(items: Sequence[LabelledCompletion]) -> list[Pair]:
    """The pairs of one bug; none unless all of its right sides pass and all of its wrong sides fail."""
    right = {item.completion.twin: item for item in items if item.completion.completion_kind == "rewrite"}
    wrong = {item.completion.twin: item for item in items if item.completion.completion_kind == "mutant_1"}
    passes = all(item.is_deterministic and item.passed for item in right.values())
    fails = all(item.is_deterministic and item.outcome in FAILING_OUTCOMES for item in wrong.values())
    if not (passes and fails and right.keys() == wrong.keys()):
        return []
    return [(right[twin], wrong[twin]) for twin in sorted(right, key=str)]


def scored_completions(labelled: Sequence[LabelledCompletion]) -> frozenset[str]:
    """Ids of the twins that may be scored and published: both sides of each problem's scored bug.

    The reference is not among them: it is the right side without a rewrite. Other bugs' twins are for training alone. Programs
    that models wrote are scored apart and not published.
    """
    return frozenset(
        item.completion.completion_id for pairs in scored_pairs(labelled).values() for pair in pairs for item in pair
    )
