"""Lists of records as Parquet bytes and back. Same rows, same bytes."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from codelewm_assets.core.records import Record

R = TypeVar("R", bound=Record)


def write_table(rows: Sequence[Record] | Sequence[dict[str, Any]], schema: pa.Schema | None = None) -> bytes:
    """Parquet bytes of the rows in the order given (zstd, no writer-dependent statistics of time)."""
    plain = [row.model_dump(mode="json") if isinstance(row, Record) else row for row in rows]
    table = pa.Table.from_pylist(plain, schema=schema)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def read_table(path: Path, model: type[R]) -> list[R]:
    """The rows as records. Raises: pydantic.ValidationError: a row does not have the record's fields."""
    return [model.model_validate(row) for row in pq.read_table(path).to_pylist()]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows as plain dicts."""
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows
