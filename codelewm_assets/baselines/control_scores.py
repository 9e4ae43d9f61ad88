"""Scores of every control on everything that may be scored: one row per completion, and one per pool member.

A control that is fitted is fitted on the train folds of the model that it is compared with (test = k, val = k + 1).
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple, TypeVar

import numpy as np

from codelewm_assets.baselines.controls import (
    Agreement,
    agreement_scores,
    length_score,
    lexical_score,
    random_score,
    surface_lr_scores,
)
from codelewm_assets.baselines.model_controls import ModelControls
from codelewm_assets.baselines.ngram_lm import NgramModel
from codelewm_assets.baselines.pool_model import Pool, lm_pair_scores, pool_model_scores
from codelewm_assets.baselines.static import boosted, counts_and_surprisal
from codelewm_assets.baselines.structure import Scores, structure_scores
from codelewm_assets.completions.syntax import is_python
from codelewm_assets.core.ids import BENCHMARKS, FOLDS, BenchmarkId, split_of
from codelewm_assets.core.records import CompletionKind, PackRow, PoolMember, Record
from codelewm_assets.dataset.folds import ProblemSplit


class ControlRow(Record):
    """The controls' scores of one completion, higher = more likely to pass; None where a control is not defined."""

    completion_id: str  # the program
    problem_id: str  # its problem
    benchmark_id: BenchmarkId  # the problem's
    fold: int  # of the problem; the model that has it in test is the one compared with
    passed: bool  # on all inputs
    passed_share: float  # of the inputs
    completion_kind: CompletionKind  # how the program came about
    operator_family: str  # of the rewrite or the mutation
    pool_id: str | None  # None: a row of the completion by itself
    lexical: float  # Jaccard of the words of prompt and program
    consensus: float | None  # mean 3-gram Jaccard to the others of the pool, or of the problem
    anti_consensus: float | None  # minus that
    isolation: float | None  # minus the largest one
    lm: float | None  # minus mean surprisal under an n-gram model of library code
    lm_pair: float | None  # surprisal of the nearest mate of the pool less its own
    static: float | None  # gradient boosting on counts and surprisal, fitted on the train folds
    pool_model: (
        float | None
    )  # a model on the pool's structure, counts, surprisal and prompt overlap, fitted on other folds
    surface_lr: float | None  # TF-IDF logistic regression on the program, fitted on the train folds
    length: float  # minus the number of characters
    longest: float  # the number of characters
    random: float  # a hash of the completion id
    llm_order: float | None  # minus the place in which a language model gave it
    problem_consensus: float | None = None  # of a model's program: mean 3-gram Jaccard to all samples of its problem
    model_prior: float | None = None  # of a model's program: share of its models' samples that pass, on train problems
    parses: float | None = None  # of a model's program: 1 if it is Python, else 0


NO_MODELS = ModelControls({}, {})


class Completions(NamedTuple):
    """The distinct completions of a pack, in the order of their ids."""

    first: dict[str, PackRow]  # completion id → one of its rows
    share: dict[str, float]  # completion id → share of inputs passed

    @classmethod
    def of(cls, rows: Iterable[PackRow]) -> "Completions":
        """Args: rows: of the pack."""
        passed: dict[str, list[bool]] = defaultdict(list)
        first = dict[str, PackRow]()
        for row in rows:
            passed[row.source_submission_id].append(row.passed)
            first.setdefault(row.source_submission_id, row)
        names = sorted(first)
        return cls(
            {name: first[name] for name in names}, {name: sum(passed[name]) / len(passed[name]) for name in names}
        )


def control_rows(
    pack: Iterable[PackRow],
    members: Sequence[PoolMember],
    splits: Sequence[ProblemSplit],
    prompts: Mapping[str, str],
    llm_order: Mapping[str, int],
    library: Sequence[str],
    orders: Mapping[str, Scores],
    of_models: ModelControls = NO_MODELS,
) -> list[ControlRow]:
    """Rows of all scored completions in the order of their ids, then rows of all pool members by pool and id.

    Twins and programs that models wrote are kept apart: agreement is among programs of one kind, and a control that is fitted
    is fitted on the kind that it scores. The programs of a benchmark that asks for outputs are to be predicted, not judged.

    Args:
        prompts: problem id → prompt.
        llm_order: completion id → place in the order of the language model that wrote it, 0 = first.
        library: programs of `library_functions`, which the language model is fitted on.
        orders: of `structure.twin_pool_scores`.
        of_models: controls of programs that models wrote.
    """
    known = Completions.of(row for row in pack if row.source_dataset in BENCHMARKS)
    fold = {split.problem_id: split.fold for split in splits if split.fold in FOLDS}  # else splits_keep_their_contract
    codes = {name: row.code_tokens for name, row in known.first.items()}
    stored = [m for m in members if m.completion_id in known.first and m.problem_id in fold]  # pools_join_the_pack
    pooled = sorted(stored, key=lambda member: (member.pool_id, member.completion_id))
    scored = [
        name
        for name, row in known.first.items()
        if (row.is_scored or row.completion_kind == "model") and row.source_problem_id in fold
    ]
    wanted = sorted({*scored, *(member.completion_id for member in pooled)})
    model = NgramModel.fit(library)
    natural = dict(zip(wanted, model.mean_surprisals([codes[name] for name in wanted]), strict=True))
    every = list(dict.fromkeys(codes.values()))
    table = dict(zip(every, counts_and_surprisal(model, every), strict=True))  # of each program once, for five fits

    def static_scores(train: Sequence[str], passed: Sequence[bool], programs: Sequence[str]) -> list[float | None]:
        return boosted(np.array([table[c] for c in train]), passed, np.array([table[c] for c in programs]))

    surface, static = (_fitted(known.first, wanted, fold, fit) for fit in (surface_lr_scores, static_scores))
    by_models = [member for member in stored if member.pool_kind == "model"]
    of_pool = _of_pools(model, stored, codes, prompts, fold, {**orders, **structure_scores(by_models, codes, {})})
    in_problem = _agreement(((_kind_of(known.first[name]), name) for name in scored), codes)
    in_pool = _agreement(((member.pool_id, member.completion_id) for member in pooled), codes)

    def row_of(name: str, pool_id: str | None, agreement: Agreement) -> ControlRow:
        row = known.first[name]
        length = length_score(codes[name])
        by_model = row.completion_kind == "model"
        return ControlRow(
            completion_id=name,
            problem_id=row.source_problem_id,
            benchmark_id=row.source_dataset,
            fold=fold[row.source_problem_id],
            passed=row.completion_passed,
            passed_share=known.share[name],
            completion_kind=row.completion_kind,
            operator_family=row.operator_family,
            pool_id=pool_id,
            lexical=lexical_score(prompts[row.source_problem_id], codes[name]),
            consensus=agreement.consensus,
            anti_consensus=None if agreement.consensus is None else -agreement.consensus,
            isolation=agreement.isolation,
            lm=-natural[name],
            lm_pair=of_pool.pair.get((pool_id, name)),
            static=static[name],
            pool_model=of_pool.fitted.get((pool_id, name)),
            surface_lr=surface[name],
            length=length,
            longest=-length,
            random=random_score(name),
            llm_order=-float(llm_order[name]) if name in llm_order else None,
            problem_consensus=of_models.consensus.get(name),
            model_prior=of_models.prior.get(name),
            parses=float(is_python(codes[name])) if by_model else None,
        )

    return [
        *(row_of(name, None, in_problem[_kind_of(known.first[name]), name]) for name in scored),
        *(row_of(m.completion_id, m.pool_id, in_pool[m.pool_id, m.completion_id]) for m in pooled),
    ]


def _kind_of(row: PackRow) -> tuple[str, bool]:
    """Programs that are compared with each other: of one problem, all by models or none."""
    return row.source_problem_id, row.completion_kind == "model"


Group = TypeVar("Group", bound=Hashable)


def _agreement(grouped: Iterable[tuple[Group, str]], codes: Mapping[str, str]) -> dict[tuple[Group, str], Agreement]:
    """(group, completion) → agreement with the others of the group. Args: grouped: the same pairs."""
    groups: dict[Group, dict[str, str]] = defaultdict(dict)
    for group, name in grouped:
        groups[group][name] = codes[name]
    return {(group, name): a for group, programs in groups.items() for name, a in agreement_scores(programs).items()}


FitAndScore = Callable[[Sequence[str], Sequence[bool], Sequence[str]], list[float | None]]


def _fitted(
    known: Mapping[str, PackRow], names: Sequence[str], fold: Mapping[str, int], fit: FitAndScore
) -> dict[str, float | None]:
    """A score of each completion, fitted on all completions of its kind but references of the train folds of its model."""
    found = dict[str, float | None]()
    usable = [
        name for name, row in known.items() if row.completion_kind != "reference" and row.source_problem_id in fold
    ]
    for k, by_models in product(FOLDS, (False, True)):
        kind = [name for name in usable if (known[name].completion_kind == "model") is by_models]
        test = [
            name
            for name in names
            if fold[known[name].source_problem_id] == k and (known[name].completion_kind == "model") is by_models
        ]
        train = [name for name in kind if split_of(fold[known[name].source_problem_id], model_fold=k) == "train"]
        scores = fit(
            [known[name].code_tokens for name in train],
            [known[name].completion_passed for name in train],
            [known[name].code_tokens for name in test],
        )
        found |= zip(test, scores, strict=True)
    return found


class _OfPools(NamedTuple):
    """(pool id, completion id) → score."""

    fitted: dict[tuple[str | None, str], float]
    pair: dict[tuple[str | None, str], float | None]


def _of_pools(
    model: NgramModel,
    members: Sequence[PoolMember],
    codes: Mapping[str, str],
    prompts: Mapping[str, str],
    fold: Mapping[str, int],
    orders: Mapping[str, Scores],
) -> _OfPools:
    """Scores that compare a pool's members. Args: members: of all pools, each pool's in the order of `orders`."""
    by_pool: dict[str, list[PoolMember]] = defaultdict(list)
    for member in members:
        by_pool[member.pool_id].append(member)
    pools = {
        pool_id: Pool(
            [codes[member.completion_id] for member in own],
            [member.passed for member in own],
            prompts[own[0].problem_id],
            fold[own[0].problem_id],
            orders[pool_id],
        )
        for pool_id, own in by_pool.items()
        if pool_id in orders
    }
    names = {pool_id: [(pool_id, member.completion_id) for member in own] for pool_id, own in by_pool.items()}
    found = _OfPools({}, {})
    kinds = {pool_id: (own[0].benchmark_id, own[0].pool_kind) for pool_id, own in by_pool.items()}
    for kind in sorted(set(kinds.values())):
        of_kind = {name: pool for name, pool in pools.items() if kinds[name] == kind}
        for pool_id, scores in pool_model_scores(model, of_kind).items():
            found.fitted.update(zip(names[pool_id], scores, strict=True))
    for pool_id, pool in pools.items():
        found.pair.update(zip(names[pool_id], lm_pair_scores(model, pool.codes), strict=True))
    return found
