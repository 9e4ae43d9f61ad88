"""Decoy pairs, built from the pack that they are scored on. A decoy's output always differs from the query's."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Literal

from codelewm_assets.core.digests import sha256_text, unit_interval
from codelewm_assets.core.records import Decoy, PackRow

Category = Literal["same_problem_different_submission", "same_code_different_input", "mutation"]
OF_RECORDS: tuple[Category, ...] = ("same_code_different_input",)
"""Categories of a benchmark that asks for outputs: a problem has one program."""
RATIONALE: dict[Category, str] = {
    "same_problem_different_submission": "a completion with the other verdict, not the query's twin, same input, different output",
    "same_code_different_input": "the same program on another input of the problem, different output",
    "mutation": "the query's twin, one of the two has a bug, on the same input, different output",
}


def make_decoys(rows: Sequence[PackRow], *, pairs_per_query: int, pairs_per_problem: int) -> list[Decoy]:
    """Pairs of each category; queries passed and failed in turn, both records are of one problem and so of one fold.

    Half of the queries failed: with passing ones alone, a model that knows which outputs are right without reading the program
    would be surprised by each decoy. Pairs are selected by a hash of their ids, independent of order. In `mutation` the decoy is
    the query's twin, for a model's completion any mutant; in `same_problem_different_submission` any other completion with the
    other verdict on this input. Only what may be scored is in a pair.

    Args:
        pairs_per_query: maximum number of pairs of one query and category.
        pairs_per_problem: maximum number of pairs of one problem and category.
    """
    by_problem: dict[str, list[PackRow]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r.record_id):
        if row.is_scored and row.output_kind == "value":
            by_problem[row.source_problem_id].append(row)
    decoys = [
        _decoy(query, decoy, category)
        for problem_rows in by_problem.values()
        for category in RATIONALE
        for query, decoy in _pairs(problem_rows, category, pairs_per_query, pairs_per_problem)
    ]
    return sorted(decoys, key=lambda decoy: decoy.decoy_id)


def _pairs(
    rows: Sequence[PackRow], category: Category, per_query: int, limit: int
) -> Iterator[tuple[PackRow, PackRow]]:
    """Queries in hash order, each with its first decoys in hash order, up to `limit` pairs."""
    by_input, by_submission = dict[str, list[PackRow]](), dict[str, list[PackRow]]()
    for row in rows:
        by_input.setdefault(row.input_id, []).append(row)
        by_submission.setdefault(row.source_submission_id, []).append(row)
    count = 0
    for query in _in_turn(rows, category):
        others = _decoys_of(query, category, by_input, by_submission)
        others.sort(key=lambda other: unit_interval(category, query.record_id, other.record_id))
        for other in others[: min(per_query, limit - count)]:
            yield query, other
            count += 1
        if count == limit:
            return


def _in_turn(rows: Sequence[PackRow], category: Category) -> Iterator[PackRow]:
    """Records that passed and records that failed in turn, each in hash order, as long as there are both; then the others."""
    ordered = sorted(rows, key=lambda row: unit_interval(category, row.record_id))
    passing, failing = ([row for row in ordered if row.passed == passed] for passed in (True, False))
    for pair in zip_longest(passing, failing):
        yield from (row for row in pair if row is not None)


def _decoys_of(
    query: PackRow,
    category: Category,
    by_input: Mapping[str, Sequence[PackRow]],
    by_submission: Mapping[str, Sequence[PackRow]],
) -> list[PackRow]:
    if category == "same_code_different_input":
        candidates = [row for row in by_submission[query.source_submission_id] if row.input_id != query.input_id]
    else:
        wants_mutant = category == "mutation"
        candidates = [
            row
            for row in by_input[query.input_id]
            if row.passed != query.passed and _is_twin(query, row) == wants_mutant
        ]
    return [row for row in candidates if row.output_repr_checksum != query.output_repr_checksum]


def _is_twin(query: PackRow, other: PackRow) -> bool:
    """True if the programs are a twin pair, or one is a model's and the other a mutant."""
    if query.twin is None or other.twin is None:
        return "mutant_1" in (query.completion_kind, other.completion_kind)
    return query.twin == other.twin


def _decoy(query: PackRow, decoy: PackRow, category: Category) -> Decoy:
    name = sha256_text(f"{category}|{query.record_id}|{decoy.record_id}")[:16]
    return Decoy(
        decoy_id=f"{category}::{name}",
        category=category,
        source_problem_id=query.source_problem_id,
        query_record_id=query.record_id,
        decoy_record_id=decoy.record_id,
        input_relation="different" if category == "same_code_different_input" else "same",
        output_relation="different",
        rationale=RATIONALE[category],
    )
