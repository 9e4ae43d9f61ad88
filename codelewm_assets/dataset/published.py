"""Published view of the execution pack: the fields of its scored rows and the fold, without executable text.

Twins of bugs that are not scored, and the reference, stay out: beside them a right side would be the hub of its problem.
Programs, inputs and outputs are hashed tokens: enough to train on and to compare, not to run or to read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import PackError
from codelewm_assets.core.records import PackRow

TOKEN = re.compile(r"\w+|[^\w\s]")
HASH_BITS = 31
HASHED = ("code_tokens", "input_tokens", "output_tokens")


class PublishedRow(PackRow):
    """One row of the execution pack as it is published."""

    code_tokens: tuple[int, ...]  # type: ignore[assignment]  # hashed tokens of the program, in [0, 2^31)
    input_tokens: tuple[int, ...]  # type: ignore[assignment]  # hashed tokens of the literal
    output_tokens: tuple[int, ...]  # type: ignore[assignment]  # hashed tokens of the output
    fold: int  # of the problem


def hashed_tokens(text: str) -> tuple[int, ...]:
    """The first 31 bits of SHA-256 of each word, number and mark of a text, in order; layout is lost."""
    return tuple(int(sha256_text(token)[:8], 16) >> (32 - HASH_BITS) for token in TOKEN.findall(text))


def published_rows(rows: Iterable[PackRow], fold: Mapping[str, int]) -> Iterator[PublishedRow]:
    """The scored rows as they are published, in the order given.

    Args:
        fold: problem id → fold.

    Raises: PackError: a problem has no fold.
    """
    known: dict[str, tuple[int, ...]] = {}  # a program stands in a row for each of its inputs
    for row in rows:
        if row.source_problem_id not in fold:
            raise PackError(f"{row.source_problem_id} has no fold. Materialize problem_splits again from this pack.")
        if not row.is_scored:
            continue
        if row.code_checksum not in known:
            known[row.code_checksum] = hashed_tokens(row.code_tokens)
        yield PublishedRow(
            **row.model_dump(exclude=set(HASHED)),
            code_tokens=known[row.code_checksum],
            input_tokens=hashed_tokens(row.input_tokens),
            output_tokens=hashed_tokens(row.output_tokens),
            fold=fold[row.source_problem_id],
        )
