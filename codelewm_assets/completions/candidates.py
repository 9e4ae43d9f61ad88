"""Candidate completions of problems: the reference and its variants, with ids."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import get_args

from codelewm_assets.completions.generate import generate_variants
from codelewm_assets.completions.imported import Fault
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
    made = []
    for problem in problems:
        try:
            variants = generate_variants(
                problem.reference, problem.entry_point, rewrites=rewrites, one_bug=one_bug, two_bug=two_bug, seed=seed
            )
        except CompletionSourceError as error:
            raise CompletionSourceError(f"{problem.problem_id}: {error}") from error
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


def _require_distinct(problems: Sequence[Problem]) -> None:
    if not problems:
        raise CompletionSourceError("No problems; wanted at least one. Correct the benchmark's source in the profile.")
    twice = [name for name, count in Counter(problem.problem_id for problem in problems).items() if count > 1]
    if twice:
        raise CompletionSourceError(
            f"{len(twice)} problem ids occur twice, first {min(twice)}. Ids must be unique: correct the benchmark's source."
        )


def join_imported(
    made: Sequence[Completion], imported: Iterable[Completion | Fault], *, most_per_problem: int
) -> tuple[list[Completion], dict[str, int], list[str]]:
    """Made and imported completions, those of a problem together.

    An imported one that equals another of its problem up to names of locals is excluded, and so are those over the cap: there
    the reference stays, and the kinds take turns, each in an order fixed by hash of the program, so that neither a row's place
    nor the number of its kind decides. Imported rows are taken as they come: memory holds at most twice the cap of them per
    problem, and a digest of each program seen.
    Args: imported: completions, and rows that are none.
    Returns: completions, how many rows were excluded by reason, and the malformed ones.
    """
    shelves, faults, dropped = dict[str, _Shelf](), list[str](), Counter[str]()
    for problem_id, group in groupby(made, lambda completion: completion.problem_id):
        shelves[problem_id] = _Shelf(list(group))
    for found in imported:
        if isinstance(found, Fault):
            dropped[found.reason] += 1
            faults += [found.text] if found.reason == "malformed" else []
        elif found.problem_id in shelves:
            dropped.update(shelves[found.problem_id].add(found, most_per_problem))
    kept = list[Completion]()
    for shelf in shelves.values():
        within = _within_cap(shelf.made + shelf.imported, most_per_problem)
        dropped["over_the_cap"] += len(shelf.made) + len(shelf.imported) - len(within)
        kept += within
    return kept, {reason: count for reason, count in sorted(dropped.items()) if count}, faults


@dataclass(slots=True)
class _Shelf:
    """What one problem has so far."""

    made: list[Completion]
    imported: list[Completion] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def add(self, found: Completion, most: int) -> Counter[str]:
        """Take the completion unless its program is here already. Returns: what was excluded for it, by reason."""
        self.seen = self.seen or {_form(completion) for completion in self.made}
        form = _form(found)
        if form in self.seen:
            return Counter(equals_another=1)
        self.seen.add(form)
        self.imported.append(found)
        if len(self.imported) <= 2 * most:
            return Counter()
        chosen = {c.completion_id for c in sorted(self.imported, key=_draw)[:most]}  # no more than these can be kept
        over = len(self.imported) - len(chosen)
        self.imported = [c for c in self.imported if c.completion_id in chosen]
        return Counter(over_the_cap=over)


def _form(completion: Completion) -> str:
    return sha256_text(alpha_normalise(completion.code, completion.entry_point))


def _draw(completion: Completion) -> tuple[float, str]:
    return unit_interval("cap", completion.problem_id, completion.code), completion.completion_id


def _within_cap(completions: list[Completion], most: int) -> list[Completion]:
    """At most `most` of a problem's completions, in the order given: the reference, then a turn for each kind."""
    if len(completions) <= most:
        return completions
    kinds = [kind for kind in get_args(CompletionKind) if kind != "reference"]
    queues = [sorted((c for c in completions if c.completion_kind == kind), key=_draw) for kind in kinds]
    turns = [queue[n] for n in range(max(map(len, queues))) for queue in queues if n < len(queue)]
    references = [c for c in completions if c.completion_kind == "reference"]
    chosen = {c.completion_id for c in (references + turns)[:most]}
    return [c for c in completions if c.completion_id in chosen]
