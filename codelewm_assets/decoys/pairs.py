"""Decoy pairs, made from the very pack they are scored on. A decoy's output always differs from the query's."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from codelewm_assets.core.digests import sha256_text, unit_interval
from codelewm_assets.core.records import Decoy, PackRow

Category = Literal["same_problem_different_submission", "same_code_different_input", "mutation"]
RATIONALE: dict[Category, str] = {
    "same_problem_different_submission": "another failing completion of the problem, same input, different output",
    "same_code_different_input": "the same program on another input of the problem, different output",
    "mutation": "a mutant of the problem on the same input, different output",
}


def make_decoys(rows: Sequence[PackRow], *, pairs_per_problem: int) -> list[Decoy]:
    """Up to `pairs_per_problem` pairs for each problem and category; queries are records that passed.

    Which pairs are kept is fixed by a hash of their ids, so the choice does not depend on order. In
    `same_problem_different_submission` the decoy comes from a rewrite or a two-bug mutant or a model; in `mutation` from
    a one-bug mutant.
    """
    by_problem: dict[str, list[PackRow]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r.record_id):
        by_problem[row.source_problem_id].append(row)
    decoys: list[Decoy] = []
    for problem_rows in by_problem.values():
        for category in RATIONALE:
            found = _candidates(problem_rows, category)
            found.sort(key=lambda pair: unit_interval(category, pair[0].record_id, pair[1].record_id))
            decoys += [_decoy(query, decoy, category) for query, decoy in found[:pairs_per_problem]]
    return sorted(decoys, key=lambda decoy: decoy.decoy_id)


def _candidates(rows: Sequence[PackRow], category: Category) -> list[tuple[PackRow, PackRow]]:
    rows = [row for row in rows if row.completion_kind != "reference"]  # the reference is never scored
    queries = [row for row in rows if row.passed and row.output_kind == "value"]
    pairs = []
    for query in queries:
        for other in rows:
            if other.output_repr_checksum == query.output_repr_checksum or other.output_kind != "value":
                continue
            same_code = other.source_submission_id == query.source_submission_id
            same_input = other.input_id == query.input_id
            one_bug = other.completion_kind == "mutant_1"
            if category == "same_code_different_input":
                fits = same_code and not same_input
            elif category == "mutation":
                fits = same_input and not same_code and one_bug and not other.passed
            else:
                fits = same_input and not same_code and not one_bug and not other.passed
            if fits:
                pairs.append((query, other))
    return pairs


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
