"""Candidate completions of problems: the reference and its variants, with ids."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import get_args

from codelewm_assets.completions.generate import generate_variants
from codelewm_assets.completions.imported import RejectedRow
from codelewm_assets.completions.renaming import alpha_normalise
from codelewm_assets.completions.variants import CompletionSourceError
from codelewm_assets.core.digests import sha256_text, unit_interval
from codelewm_assets.core.records import Completion, CompletionKind, Problem


def make_completions(
    problems: Sequence[Problem], *, rewrites: int, one_bug: int, two_bug: int, seed: int
) -> list[Completion]:
    """Completions of every problem; ids count within a problem: `HumanEval/0/c003`.

    Raises: CompletionSourceError: there are no problems, two share an id, or a reference does not parse or does not define its
        entry point.
    """
    _require_distinct(problems)
    generated = []
    for problem in problems:
        try:
            variants = generate_variants(
                problem.reference, problem.entry_point, rewrites=rewrites, one_bug=one_bug, two_bug=two_bug, seed=seed
            )
        except CompletionSourceError as error:
            raise CompletionSourceError(f"{problem.problem_id}: {error}") from error
        generated += [
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
    return generated


def _require_distinct(problems: Sequence[Problem]) -> None:
    if not problems:
        raise CompletionSourceError(
            "No problems; expected at least one. Correct the benchmark's source in the profile."
        )
    repeated = [name for name, count in Counter(problem.problem_id for problem in problems).items() if count > 1]
    if repeated:
        raise CompletionSourceError(
            f"{len(repeated)} problem ids occur twice, first {min(repeated)}. Expected unique ids: correct the benchmark's source."
        )


def join_imported(
    generated: Sequence[Completion], imported: Iterable[Completion | RejectedRow], *, most_per_problem: int
) -> tuple[list[Completion], dict[str, int], list[str]]:
    """Merge generated and imported completions, grouped by problem.

    An imported completion that equals another of its problem up to local names is excluded, and so are those over the cap:
    the reference is kept and the kinds take turns, each in an order fixed by hash of the program, independent of the order
    and number of rows. Imported rows are streamed: memory holds at most twice the cap of them per problem, and a digest of
    each program.

    Args:
        generated: completions, grouped by problem.
        imported: completions and rejected rows.
        most_per_problem: the cap.

    Returns: completions, number of excluded rows by reason, and faults of the malformed rows.
    """
    by_problem, faults, excluded = dict[str, _ProblemCompletions](), list[str](), Counter[str]()
    for problem_id, group in groupby(generated, lambda completion: completion.problem_id):
        by_problem[problem_id] = _ProblemCompletions(list(group))
    for row in imported:
        if isinstance(row, RejectedRow):
            excluded[row.reason] += 1
            faults += [row.text] if row.reason == "malformed" else []
        elif row.problem_id in by_problem:
            excluded.update(by_problem[row.problem_id].add(row, most_per_problem))
    kept = list[Completion]()
    for completions_of in by_problem.values():
        within = _within_cap(completions_of.generated + completions_of.imported, most_per_problem)
        excluded["over_the_cap"] += len(completions_of.generated) + len(completions_of.imported) - len(within)
        kept += within
    return kept, {reason: count for reason, count in sorted(excluded.items()) if count}, faults


@dataclass(slots=True)
class _ProblemCompletions:
    """Completions of one problem so far."""

    generated: list[Completion]
    imported: list[Completion] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def add(self, row: Completion, limit: int) -> Counter[str]:
        """Add the completion unless its program is a duplicate. Returns: number of excluded completions by reason."""
        self.seen = self.seen or {_form(completion) for completion in self.generated}
        form = _form(row)
        if form in self.seen:
            return Counter(equals_another=1)
        self.seen.add(form)
        self.imported.append(row)
        if len(self.imported) <= 2 * limit:
            return Counter()
        chosen = {c.completion_id for c in sorted(self.imported, key=_draw)[:limit]}  # no more than these can be kept
        over = len(self.imported) - len(chosen)
        self.imported = [c for c in self.imported if c.completion_id in chosen]
        return Counter(over_the_cap=over)


def _form(completion: Completion) -> str:
    return sha256_text(alpha_normalise(completion.code, completion.entry_point))


def _draw(completion: Completion) -> tuple[float, str]:
    return unit_interval("cap", completion.problem_id, completion.code), completion.completion_id


def _within_cap(completions: list[Completion], limit: int) -> list[Completion]:
    """At most `limit` of a problem's completions, in the order given: the reference, then a turn for each kind."""
    if len(completions) <= limit:
        return completions
    kinds = [kind for kind in get_args(CompletionKind) if kind != "reference"]
    queues = [sorted((c for c in completions if c.completion_kind == kind), key=_draw) for kind in kinds]
    turns = [queue[n] for n in range(max(map(len, queues))) for queue in queues if n < len(queue)]
    references = [c for c in completions if c.completion_kind == "reference"]
    chosen = {c.completion_id for c in (references + turns)[:limit]}
    return [c for c in completions if c.completion_id in chosen]
