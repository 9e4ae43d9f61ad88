"""Candidate completions of problems: the reference and its twins, with ids, and imported completions beside them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from multiprocessing import get_context

from codelewm_assets.completions.samples.read import RejectedRow
from codelewm_assets.completions.renaming import alpha_normalise
from codelewm_assets.completions.twins import make_twins
from codelewm_assets.completions.variants import CompletionSourceError
from codelewm_assets.core.digests import sha256_text, unit_interval
from codelewm_assets.core.records import Completion, Problem

MIN_PARALLEL = 64  # problems; fewer are done before other processes have started


def make_completions(
    problems: Sequence[Problem], *, bugs: int, pairs_per_bug: int, seed: int, workers: int = 1
) -> list[Completion]:
    """Completions of every problem; ids count within a problem: `HumanEval/0/c003`. Number 0 is the reference.

    Args:
        workers: processes that share the problems; what is made does not depend on it.

    Raises: CompletionSourceError: there are no problems, two share an id, or a reference does not parse or does not define its
        entry point.
    """
    _require_distinct(problems)
    of_problem = partial(_of_problem, bugs=bugs, pairs_per_bug=pairs_per_bug, seed=seed)
    if workers == 1 or len(problems) < MIN_PARALLEL:
        return [completion for problem in problems for completion in of_problem(problem)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return [completion for own in pool.map(of_problem, problems, chunksize=8) for completion in own]


def _of_problem(problem: Problem, *, bugs: int, pairs_per_bug: int, seed: int) -> list[Completion]:
    try:
        variants = make_twins(problem.reference, problem.entry_point, bugs=bugs, pairs_per_bug=pairs_per_bug, seed=seed)
    except CompletionSourceError as error:
        raise CompletionSourceError(f"{problem.problem_id}: {error}") from error
    return [
        Completion(
            completion_id=f"{problem.problem_id}/c{number:03d}",
            problem_id=problem.problem_id,
            benchmark_id=problem.benchmark_id,
            completion_kind=variant.kind,
            operator_family=variant.operator_family,
            operators=variant.operators,
            code=variant.code,
            entry_point=problem.entry_point,
            bug=variant.bug,
            twin=variant.twin,
        )
        for number, variant in enumerate(variants)
    ]


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

    An imported completion that equals another of its problem up to local names is excluded, and so are those over the cap, which
    are chosen by a hash of the program, independent of the order and number of rows. Generated ones are all kept: a twin
    without its other side is of no use. Imported rows are streamed: memory holds at most twice the cap of them per problem,
    and a digest of each program.

    Args:
        generated: completions, grouped by problem.
        imported: completions and rejected rows.
        most_per_problem: the cap on generated and imported completions together.

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
        within = _first_by_draw(completions_of.imported, most_per_problem - len(completions_of.generated))
        excluded["over_the_cap"] += len(completions_of.imported) - len(within)
        kept += completions_of.generated + within
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
        count = len(self.imported)
        self.imported = _first_by_draw(self.imported, limit)  # no more than these can be kept
        return Counter(over_the_cap=count - len(self.imported))


def _form(completion: Completion) -> str:
    return sha256_text(alpha_normalise(completion.code, completion.entry_point))


def _draw(completion: Completion) -> tuple[float, str]:
    return unit_interval("cap", completion.problem_id, completion.code), completion.completion_id


def _first_by_draw(completions: Sequence[Completion], limit: int) -> list[Completion]:
    """At most `limit` of the completions, chosen by hash, in the order given."""
    chosen = {completion.completion_id for completion in sorted(completions, key=_draw)[: max(0, limit)]}
    return [completion for completion in completions if completion.completion_id in chosen]
