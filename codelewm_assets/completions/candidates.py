"""Candidate completions of problems: the reference and its variants, with ids."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from codelewm_assets.completions.alpha import alpha_normalise
from codelewm_assets.completions.generate import generate_variants
from codelewm_assets.completions.imported import Fault
from codelewm_assets.core.records import Completion, Problem


def make_completions(
    problems: Sequence[Problem], *, rewrites: int, one_bug: int, two_bug: int, seed: int
) -> list[Completion]:
    """Completions of every problem; ids count within a problem: `HumanEval/0/c003`.

    Raises: CompletionSourceError: a reference does not parse or does not define its entry point.
    """
    made = []
    for problem in problems:
        variants = generate_variants(
            problem.reference, problem.entry_point, rewrites=rewrites, one_bug=one_bug, two_bug=two_bug, seed=seed
        )
        made += [
            Completion(
                completion_id=f"{problem.problem_id}/c{number:03d}",
                problem_id=problem.problem_id,
                benchmark_id=problem.benchmark_id,
                completion_kind=variant.kind,
                operator_family=variant.operator_family,
                operators=variant.operators,
                code=variant.code,
                entry_point=problem.entry_point,
            )
            for number, variant in enumerate(variants)
        ]
    return made


def join_imported(
    made: Sequence[Completion], imported: Iterable[Completion | Fault], *, most_per_problem: int
) -> tuple[list[Completion], dict[str, int], list[str]]:
    """Made and imported completions, those of a problem together.

    An imported one that equals another of its problem up to names of locals is dropped, and so are those over the cap.
    Args: imported: completions, and rows that are none.
    Returns: completions, how many rows were dropped by reason, and the malformed ones.
    """
    more, faults, dropped = dict[str, list[Completion]](), list[str](), Counter[str]()
    for found in imported:
        if isinstance(found, Fault):
            dropped[found.reason] += 1
            faults += [found.text] if found.reason == "malformed" else []
        else:
            more.setdefault(found.problem_id, []).append(found)
    kept = list[Completion]()
    for problem_id, group in groupby(made, lambda completion: completion.problem_id):
        own = list(group)
        joined, seen = [*own], {alpha_normalise(c.code, c.entry_point) for c in own}
        for completion in more.get(problem_id, []):
            key = alpha_normalise(completion.code, completion.entry_point)
            if key in seen:
                dropped["equals_another"] += 1
            else:
                seen.add(key)
                joined.append(completion)
        dropped["over_the_cap"] += max(0, len(joined) - most_per_problem)
        kept += joined[:most_per_problem]
    return kept, {reason: count for reason, count in sorted(dropped.items()) if count}, faults
