"""Pass@k of models' samples by model and benchmark, on base and on all inputs, with intervals by problem."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from codelewm_assets.core.ids import BenchmarkId
from codelewm_assets.core.records import LabelledCompletion, Outcome, Problem
from codelewm_assets.core.sample_records import ImportedSample
from codelewm_assets.evaluation.bootstrap import interval_of_draws, resampled_means
from codelewm_assets.evaluation.reports import Interval, Report

KS = (1, 5, 10)
SampleOutcome = Outcome | Literal["no_program"]


class PassAtK(Report):
    """Probability that at least one of k samples passes, over the problems with at least k labelled samples."""

    k: int
    value: float  # mean over problems
    ci95: Interval | None  # over problems; None: fewer than two, or all have the same value
    problem_count: int


class ModelRate(Report):
    """Rates of one model on one benchmark, over all samples, as often as the model wrote each program."""

    model: str  # as published; of samples that name none, the name of their source in parentheses
    benchmark_id: BenchmarkId
    sources: tuple[str, ...]  # that its samples are from
    sample_count: int  # labelled samples, and those without a program, which count as failed
    unlabelled_count: int  # samples whose program is over the cap or whose problem was excluded; in no rate
    program_count: int  # distinct programs among the labelled samples
    problem_count: int  # problems with a labelled sample
    never_passed_count: int  # of these, problems of which no sample passed on all inputs
    outcomes: dict[SampleOutcome, int]  # samples by outcome on all inputs
    base: tuple[PassAtK, ...]  # on the benchmark's own inputs; empty where the source does not tell them
    plus: tuple[PassAtK, ...]  # on EvalPlus' inputs too; empty where the build has none


class ModelRatesReport(Report):
    """Rates of every model, best first within a benchmark; empty without imported samples."""

    schema_version: Literal["codelewm_assets.model_rates_report.v1"] = "codelewm_assets.model_rates_report.v1"
    resamples: int
    models: tuple[ModelRate, ...]


@dataclass(slots=True)
class _Tally:
    """Samples of one model on one benchmark. Values: problem → a verdict for each labelled sample."""

    sources: set[str] = field(default_factory=set)
    unlabelled: int = 0
    programs: set[str] = field(default_factory=set)
    outcomes: Counter[SampleOutcome] = field(default_factory=Counter)
    base: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    plus: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate of the probability that at least one of k samples passes.

    Args:
        n: samples, at least k.
        c: those of them that pass.
        k: at least 1.

    Raises: ValueError: n < k, or c is not in 0…n.
    Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code", equation 1: 1 - C(n - c, k) / C(n, k).
    """
    if not 1 <= k <= n or not 0 <= c <= n:
        raise ValueError(f"n = {n}, c = {c}, k = {k}; expected 1 ≤ k ≤ n and 0 ≤ c ≤ n")
    return 1.0 if n - c < k else float(1 - np.prod(1 - k / np.arange(n - c + 1, n + 1)))


def model_rates(
    samples: Iterable[ImportedSample],
    labelled: Iterable[LabelledCompletion],
    problems: Mapping[str, Problem],
    *,
    resamples: int,
) -> ModelRatesReport:
    """Rates of every model.

    Args:
        samples: as often as the models wrote them; each has the label of the completion that has its program.
        labelled: labels of the completions.
        problems: by id; their inputs tell base from plus.
        resamples: of the bootstrap over problems.
    """
    label = {row.completion.completion_id: row for row in labelled}
    judged = {row.completion.problem_id for row in label.values()}
    tallies = defaultdict[tuple[str, BenchmarkId], _Tally](_Tally)
    for sample in samples:
        tally = tallies[sample.llm or f"({sample.source})", sample.benchmark_id]
        tally.sources.add(sample.source)
        row = label.get(sample.completion_id or "")
        if row is not None or (sample.status == "no_program" and sample.problem_id in judged):
            _add(tally, row, problems[sample.problem_id])
        else:
            tally.unlabelled += 1
    rates = [_rate(model, benchmark, tally, resamples) for (model, benchmark), tally in tallies.items()]
    return ModelRatesReport(resamples=resamples, models=tuple(sorted(rates, key=_place)))


def _add(tally: _Tally, row: LabelledCompletion | None, problem: Problem) -> None:
    """Count a sample. Args: row: its label; None: it has no program."""
    tally.outcomes["no_program" if row is None else row.outcome] += 1
    if row is not None:
        tally.programs.add(row.completion.completion_id)
    base_count = problem.base_input_count
    if base_count is None or base_count < len(problem.inputs):
        tally.plus[problem.problem_id].append(row is not None and row.passed)
    if base_count is not None:
        base = (
            [i.passed for i in row.inputs if int(i.input_id.removeprefix("i")) < base_count] if row is not None else []
        )
        tally.base[problem.problem_id].append(bool(base) and all(base))


def _rate(model: str, benchmark: BenchmarkId, tally: _Tally, resamples: int) -> ModelRate:
    # a problem without further inputs has passed all of its inputs when it passed the base ones
    plus = tally.plus and {name: tally.plus.get(name, verdicts) for name, verdicts in (tally.base | tally.plus).items()}
    verdicts = plus or tally.base
    return ModelRate(
        model=model,
        benchmark_id=benchmark,
        sources=tuple(sorted(tally.sources)),
        sample_count=tally.outcomes.total(),
        unlabelled_count=tally.unlabelled,
        program_count=len(tally.programs),
        problem_count=len(verdicts),
        never_passed_count=sum(not any(own) for own in verdicts.values()),
        outcomes=dict(sorted(tally.outcomes.items())),
        base=_pass_at_ks(tally.base, resamples),
        plus=_pass_at_ks(plus, resamples),
    )


def _pass_at_ks(verdicts: Mapping[str, Sequence[bool]], resamples: int) -> tuple[PassAtK, ...]:
    """A row for each k that a problem has samples for."""
    rows = list[PassAtK]()
    for k in KS:
        values = [pass_at_k(len(own), sum(own), k) for _, own in sorted(verdicts.items()) if len(own) >= k]
        if not values:
            continue
        ci95 = None
        if len(set(values)) > 1:
            draws = resampled_means(np.asarray([values]), np.ones(len(values)), resamples=resamples)  # (R, 1)
            ci95 = interval_of_draws(draws[:, 0])
        rows.append(PassAtK(k=k, value=float(np.mean(values)), ci95=ci95, problem_count=len(values)))
    return tuple(rows)


def _place(rate: ModelRate) -> tuple[str, float, str]:
    best = next(iter(rate.plus or rate.base), None)
    return rate.benchmark_id, -best.value if best else 0.0, rate.model
