"""Candidate completions of problems: the reference and its twins, with ids, and the programs of imported samples beside them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from multiprocessing import get_context

from codelewm_assets.completions.renaming import alpha_normalise
from codelewm_assets.completions.samples.read import Sample
from codelewm_assets.completions.twins import make_twins
from codelewm_assets.completions.variants import CompletionSourceError, Variant, normalise
from codelewm_assets.core.digests import sha256_text, unit_interval
from codelewm_assets.core.ids import BENCHMARKS, OUTPUT_BENCHMARKS, BenchmarkId
from codelewm_assets.core.records import Completion, Problem
from codelewm_assets.core.sample_records import ImportedSample, SampleStatus

MIN_PARALLEL = 64  # problems; fewer are done before other processes have started


def make_completions(
    problems: Sequence[Problem], *, bugs: int, pairs_per_bug: int, seed: int, workers: int = 1
) -> list[Completion]:
    """Completions of every problem; ids count within a problem: `HumanEval/0/c003`. Number 0 is the reference.

    A problem that asks for outputs has its reference alone.

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
    is_alone = problem.benchmark_id in OUTPUT_BENCHMARKS  # its one program is the problem itself
    try:
        variants = (
            [Variant(normalise(problem.reference, problem.entry_point), "reference", "reference", ())]
            if is_alone
            else make_twins(problem.reference, problem.entry_point, bugs=bugs, pairs_per_bug=pairs_per_bug, seed=seed)
        )
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


@dataclass(frozen=True, slots=True)
class JoinedCompletions:
    """Generated and imported completions, grouped by problem, and every sample with the completion that has its program.

    Attributes:
        excluded: benchmark → reason → number of samples that are no completion of their own.
    """

    completions: list[Completion]
    samples: list[ImportedSample]
    excluded: dict[BenchmarkId, dict[str, int]]


def join_samples(
    generated: Sequence[Completion], samples: Iterable[Sample], *, most_per_problem: int
) -> JoinedCompletions:
    """Merge generated completions and the distinct programs of samples.

    A sample whose program equals another of its problem up to local names is merged into that one, and those over the cap are
    excluded, chosen by a hash of the program, independent of the order and number of rows. Generated ones are all kept: a twin
    without its other side is of no use. Samples are streamed: memory holds at most twice the cap of programs per problem, and
    a digest of each.

    Args:
        generated: completions, grouped by problem.
        samples: of problems of these.
        most_per_problem: the cap on generated and imported completions together.
    """
    by_problem = dict[str, _ProblemCompletions]()
    for problem_id, group in groupby(generated, lambda completion: completion.problem_id):
        by_problem[problem_id] = _ProblemCompletions(list(group))
    for sample in samples:
        by_problem[sample.problem.problem_id].add(sample, most_per_problem)
    kept, rows = list[Completion](), list[ImportedSample]()
    for completions_of in by_problem.values():
        within = _first_by_draw(completions_of.imported, most_per_problem - len(completions_of.generated))
        kept += completions_of.generated + within
        rows += completions_of.rows({completion.completion_id for completion in completions_of.generated + within})
    excluded = {benchmark: Counter[str]() for benchmark in BENCHMARKS}
    for row in rows:
        excluded[row.benchmark_id].update([row.status] if row.status != "kept" else [])
    return JoinedCompletions(kept, rows, {name: dict(sorted(counts.items())) for name, counts in excluded.items()})


@dataclass(slots=True)
class _ProblemCompletions:
    """Completions of one problem so far, and the samples with the id of the first that has their program."""

    generated: list[Completion]
    imported: list[Completion] = field(default_factory=list)
    samples: list[tuple[Sample, str | None]] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)

    def add(self, sample: Sample, limit: int) -> None:
        """Add a sample, and its program unless it is a duplicate."""
        if sample.program is None:
            self.samples.append((sample, None))
            return
        self.seen = self.seen or {_form(completion): completion.completion_id for completion in self.generated[::-1]}
        form = _form(sample.program)
        is_new = form not in self.seen
        first = self.seen.setdefault(form, sample.sample_id)
        self.samples.append((replace(sample, program=None), first))
        if is_new:
            self.imported.append(sample.program)
        if len(self.imported) > 2 * limit:
            self.imported = _first_by_draw(self.imported, limit)  # no more than these can be kept

    def rows(self, kept: Set[str]) -> Iterator[ImportedSample]:
        """A record of each sample. Args: kept: ids of the completions within the cap."""
        for sample, first in self.samples:
            status: SampleStatus = "kept" if first == sample.sample_id else "equals_another"
            if first not in kept:
                status = "no_program" if first is None else "over_the_cap"
            yield ImportedSample(
                sample_id=sample.sample_id, problem_id=sample.problem.problem_id, benchmark_id=sample.problem.benchmark_id,
                source=sample.source, llm=sample.llm, status=status, completion_id=first if first in kept else None,
                published_base=sample.published_base, published_plus=sample.published_plus,
            )  # fmt: skip


def _form(completion: Completion) -> str:
    return sha256_text(alpha_normalise(completion.code, completion.entry_point))


def _draw(completion: Completion) -> tuple[float, str]:
    return unit_interval("cap", completion.problem_id, completion.code), completion.completion_id


def _first_by_draw(completions: Sequence[Completion], limit: int) -> list[Completion]:
    """At most `limit` of the completions, chosen by hash, in the order given."""
    chosen = {completion.completion_id for completion in sorted(completions, key=_draw)[: max(0, limit)]}
    return [completion for completion in completions if completion.completion_id in chosen]
