"""The view of the execution pack that is published: the pack's fields and the fold, and nothing that could be run.

Programs, inputs and outputs are hashed tokens here: enough to train on and to compare, not enough to run or to read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import PackError
from codelewm_assets.core.ids import BenchmarkId
from codelewm_assets.core.records import (
    CompletionKind,
    LengthBucket,
    MagnitudeBucket,
    Outcome,
    PackRow,
    Record,
)

TOKEN = re.compile(r"\w+|[^\w\s]")
HASH_BITS = 31
HASHED = ("code_tokens", "input_tokens", "output_tokens")


class PublishedRow(Record):
    """One row of the execution pack as it is published."""

    record_id: str  # problem_id::completion_id::input_id
    source_dataset: BenchmarkId
    source_problem_id: str
    source_submission_id: str
    input_id: str
    code_tokens: tuple[int, ...]  # hashed tokens of the program, in [0, 2^31)
    code_checksum: str  # SHA-256 of the program's text
    input_tokens: tuple[int, ...]
    input_repr_checksum: str
    input_kind: str
    function_name: str
    output_tokens: tuple[int, ...]
    output_repr_checksum: str
    output_kind: str
    output_type: str
    execution_status: Outcome
    determinism_check: bool
    license: str
    license_attribution_url: str
    output_magnitude_bucket: MagnitudeBucket
    output_length_bucket: LengthBucket
    passed: bool  # of this input
    completion_passed: bool  # of all inputs
    completion_kind: CompletionKind
    operator_family: str
    fold: int


def hashed_tokens(text: str) -> tuple[int, ...]:
    """The first 31 bits of SHA-256 of each word, number and mark of a text, in order; layout is lost."""
    return tuple(int(sha256_text(token)[:8], 16) >> (32 - HASH_BITS) for token in TOKEN.findall(text))


def published_rows(rows: Iterable[PackRow], fold: Mapping[str, int]) -> Iterator[PublishedRow]:
    """The rows as they are published, in the order given.

    Args: fold: problem id → fold.
    Raises: PackError: a problem has no fold.
    """
    known: dict[str, tuple[int, ...]] = {}  # a program stands in a row for each of its inputs
    for row in rows:
        if row.source_problem_id not in fold:
            raise PackError(f"{row.source_problem_id} has no fold. Materialize problem_splits again from this pack.")
        if row.code_checksum not in known:
            known[row.code_checksum] = hashed_tokens(row.code_tokens)
        yield PublishedRow(
            **row.model_dump(exclude=set(HASHED)),
            code_tokens=known[row.code_checksum],
            input_tokens=hashed_tokens(row.input_tokens),
            output_tokens=hashed_tokens(row.output_tokens),
            fold=fold[row.source_problem_id],
        )
