"""Candidate completions of problems: the reference and its variants, with ids."""

from collections.abc import Sequence

from codelewm_assets.completions.generate import generate_variants
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
