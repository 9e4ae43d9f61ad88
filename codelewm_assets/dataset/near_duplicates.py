"""Near-duplicate problems, by their prompts, references and passing programs.

Similarities are exact: MinHash with locality-sensitive hashing only proposes candidates, and misses a pair at the threshold
with a probability of one in a million at most. Source: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.3 and 3.4;
datasketch 2.0. Thresholds and the figures behind them: docs/decisions/0007.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, Protocol

from codelewm_assets.core.errors import PackError
from codelewm_assets.core.records import PackRow, Problem, Record
from codelewm_assets.dataset.forms import bodies, normal_form, skeleton
from codelewm_assets.dataset.shingles import code_tokens, jaccard, local_shingles, prompt_shingles

Reason = Literal["same_ast", "similar_code", "similar_prompt", "reference_in_prompt", "same_completion"]
PERMUTATIONS = 128
SEED = 20251125  # of the permutations: another seed finds other pairs below the threshold, the same at or above it
MAX_MISS_PROBABILITY = 1e-6
MIN_THRESHOLD = 0.11  # below it no bands of 128 permutations miss as few
MIN_BODY_TOKENS = 8  # tokens: a shorter body, such as `return a + b`, stands in many a text


class Compared(Protocol):
    """The compared texts of a problem, or of a function that is set beside problems."""

    @property
    def problem_id(self) -> str:
        """Its name, unique among all that are compared."""

    @property
    def prompt(self) -> str:
        """Its description."""

    @property
    def entry_point(self) -> str:
        """Name of the function that the reference defines."""

    @property
    def reference(self) -> str:
        """Its program."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Minimum similarities of near-duplicates, each in [0.11, 1]."""

    code: float = 0.7  # Jaccard of the references' token shingles
    prompt: float = 0.5  # Jaccard of the prompts' word pairs
    containment: float = 0.8  # part of a reference body's token shingles that stand in another's prompt


class NearDuplicate(Record):
    """Two problems and one reason why they are near-duplicates; a pair has a row for each reason."""

    first_problem_id: str
    second_problem_id: str
    reason: Reason
    similarity: float  # what is compared with the threshold; 1 where programs are equal


def near_duplicates_of_pack(
    problems: Iterable[Problem], rows: Iterable[PackRow], thresholds: Thresholds
) -> list[NearDuplicate]:
    """Near-duplicates among the pack's problems. Raises: PackError: a problem of the pack is not among `problems`."""
    rows = list(rows)
    in_pack = {row.source_problem_id for row in rows}
    known = [problem for problem in problems if problem.problem_id in in_pack]
    unknown = sorted(in_pack - {problem.problem_id for problem in known})
    if unknown:
        raise PackError(
            f"{len(unknown)} problems of the pack are not in benchmark_problems, first {unknown[0]}. "
            "Materialize labelled_completions and execution_pack again from these problems."
        )
    return find_near_duplicates(known, passing_programs(rows), thresholds)


def passing_programs(rows: Iterable[PackRow]) -> dict[str, set[str]]:
    """Problem id → the programs that pass on all its inputs."""
    programs: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.completion_passed:
            programs[row.source_problem_id].add(row.code_tokens)
    return dict(programs)


def find_near_duplicates(
    problems: Sequence[Compared], passing: Mapping[str, Collection[str]], thresholds: Thresholds
) -> list[NearDuplicate]:
    """All pairs of near-duplicates with every reason that holds, sorted by pair and reason.

    same_ast: the references have equal normal forms. similar_code: their token shingles are similar. similar_prompt: the
    prompts' prose is similar. reference_in_prompt: one's reference body is contained in the other's prompt. same_completion:
    passing programs of both have equal normal forms.

    Args:
        passing: problem id → programs that pass on all its inputs.
    """
    forms = {p.problem_id: normal_form(p.reference) for p in problems}
    code = {name: local_shingles(code_tokens(form)) for name, form in forms.items()}
    prompts = {p.problem_id: prompt_shingles(p.prompt) for p in problems}
    similarities: dict[tuple[str, str, Reason], float] = {}
    similarities |= {(a, b, "same_ast"): 1.0 for a, b in _sharing({name: {form} for name, form in forms.items()})}
    similarities |= {(a, b, "similar_code"): s for a, b, s in _similar_pairs(code, thresholds.code)}
    similarities |= {(a, b, "similar_prompt"): s for a, b, s in _similar_pairs(prompts, thresholds.prompt)}
    for a, b, s in _contained(problems, thresholds.containment):
        similarities[a, b, "reference_in_prompt"] = max(s, similarities.get((a, b, "reference_in_prompt"), 0.0))
    similarities |= {(a, b, "same_completion"): 1.0 for a, b in _sharing(_shared_forms(passing))}
    return [
        NearDuplicate(
            first_problem_id=a, second_problem_id=b, reason=reason, similarity=round(similarities[a, b, reason], 6)
        )
        for a, b, reason in sorted(similarities)
    ]


def _similar_pairs(sets: Mapping[str, Set[str]], threshold: float) -> list[tuple[str, str, float]]:
    compared = ((a, b, jaccard(sets[a], sets[b])) for a, b in candidate_pairs(sets, threshold))
    return [(a, b, similarity) for a, b, similarity in compared if similarity >= threshold]


def band_shape(threshold: float) -> tuple[int, int]:
    """(bands, rows of a band), with the most rows for which a pair at `threshold` is missed with probability ≤ 1e-6.

    A pair of Jaccard s is a candidate with probability 1 − (1 − s^rows)^bands.

    Args:
        threshold: in [0.11, 1].

    Raises: ValueError: `threshold` is out of that range.
    """
    if not MIN_THRESHOLD <= threshold <= 1:
        raise ValueError(f"The threshold is {threshold}; expected a Jaccard between {MIN_THRESHOLD} and 1.")
    return max(
        ((PERMUTATIONS // rows, rows) for rows in range(1, PERMUTATIONS // 2 + 1)),
        key=lambda shape: shape[1] * ((1 - threshold ** shape[1]) ** shape[0] <= MAX_MISS_PROBABILITY),
    )


def candidate_pairs(sets: Mapping[str, Set[str]], threshold: float) -> list[tuple[str, str]]:
    """Sorted pairs of keys, each in order, whose sets may have a Jaccard of at least `threshold`; empty sets are in none."""
    from datasketch import MinHash, MinHashLSH

    keys = [key for key in sorted(sets) if sets[key]]
    texts = [[item.encode() for item in sorted(sets[key])] for key in keys]
    hashes = dict(zip(keys, MinHash.bulk(texts, num_perm=PERMUTATIONS, seed=SEED), strict=True))
    index = MinHashLSH(
        num_perm=PERMUTATIONS, params=band_shape(threshold), storage_config={"type": "dict", "basename": b"candidates"}
    )
    for key in keys:
        index.insert(key, hashes[key])
    return sorted((key, other) for key in keys for other in index.query(hashes[key]) if key < other)


def _sharing(values: Mapping[str, Iterable[str]]) -> set[tuple[str, str]]:
    """Pairs of keys that have a value in common."""
    holders: dict[str, set[str]] = defaultdict(set)
    for key in values:
        for value in values[key]:
            holders[value].add(key)
    return {pair for keys in holders.values() for pair in combinations(sorted(keys), 2)}


def _shared_forms(passing: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """Problem id → normal forms of its passing programs whose skeleton occurs in another problem too."""
    by_skeleton: dict[object, list[tuple[str, str]]] = defaultdict(list)
    for name in sorted(passing):
        for program in sorted(set(passing[name])):
            by_skeleton[skeleton(program)].append((name, program))
    forms: dict[str, set[str]] = defaultdict(set)
    for group in by_skeleton.values():
        if len({name for name, _ in group}) > 1:
            for name, program in group:
                forms[name].add(normal_form(program))
    return forms


def _contained(problems: Sequence[Compared], threshold: float) -> list[tuple[str, str, float]]:
    """(first, second, share) of each reference body, of at least `MIN_BODY_TOKENS` tokens, contained in another's prompt."""
    prompts_with: dict[str, list[str]] = defaultdict(list)
    for problem in problems:
        for shingle in local_shingles(code_tokens(problem.prompt)):
            prompts_with[shingle].append(problem.problem_id)
    pairs = []
    for problem in problems:
        for body in bodies(problem.reference, problem.entry_point):
            tokens = code_tokens(body)
            body_shingles = local_shingles(tokens) if len(tokens) >= MIN_BODY_TOKENS else frozenset()
            shared = Counter(name for shingle in body_shingles for name in prompts_with.get(shingle, ()))
            for name, count in shared.items():
                first, second = sorted((problem.problem_id, name))
                if count / len(body_shingles) >= threshold and first != second:
                    pairs.append((first, second, count / len(body_shingles)))
    return pairs


def pairs_with_reasons(near_duplicates: Iterable[NearDuplicate]) -> dict[tuple[str, str], str]:
    """(first, second) → its reasons with their similarities, as text."""
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in near_duplicates:
        reasons[row.first_problem_id, row.second_problem_id].append(f"{row.reason} {row.similarity:.2f}")
    return {pair: ", ".join(texts) for pair, texts in reasons.items()}


def clusters(ids: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Connected components: problem id → cluster number, numbered by first id."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names = sorted(ids)
    number = {name: index for index, name in enumerate(names)}
    edges = [(number[a], number[b]) for a, b in pairs]
    graph = coo_array(([1] * len(edges), tuple(zip(*edges, strict=True)) or ([], [])), shape=(len(names), len(names)))
    _, labels = connected_components(graph, directed=False)
    return dict(zip(names, labels.tolist(), strict=True))
