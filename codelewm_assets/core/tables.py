"""Lists of records as Parquet bytes and back. Same rows, same bytes."""

import io
import types
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from codelewm_assets.core.records import Record

R = TypeVar("R", bound=Record)
GROUP_ROWS = 16_384  # of a row group: a reader that wants a part of the columns holds so many rows at a time


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


def read_rows(path: Path, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The rows as plain dicts.

    Args:
        columns: those to read, all without it.
    """
    rows: list[dict[str, Any]] = pq.read_table(path, columns=columns).to_pylist()
    return rows


def write_groups(path: Path, groups: Iterable[Sequence[Record]], model: type[Record]) -> int:
    """Write a row group for each non-empty sequence of records, with the model's columns.

    Memory holds one group at a time. Same groups, same bytes.

    Returns: the number of rows.
    """
    schema, count = arrow_schema(model), 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in groups:
            if group:
                writer.write_table(
                    pa.Table.from_pylist([row.model_dump(mode="json") for row in group], schema=schema),
                    row_group_size=len(group),
                )
                count += len(group)
    return count


def in_groups(rows: Iterable[R], size: int = GROUP_ROWS) -> Iterator[list[R]]:
    """The rows in the order given, `size` at a time."""
    waiting = iter(rows)
    while group := list(islice(waiting, size)):
        yield group


def iter_table(path: Path, model: type[R]) -> Iterator[R]:
    """The rows as records, read a row group at a time. Raises: pydantic.ValidationError: a row lacks the record's fields."""
    with pq.ParquetFile(path) as table:
        for batch in table.iter_batches(batch_size=256):
            yield from (model.model_validate(row) for row in batch.to_pylist())


def arrow_schema(model: type[BaseModel]) -> pa.Schema:
    """Columns of a record from its fields' types: texts, numbers, booleans, tuples of these and nested records.

    Raises: TypeError: a field of another type.
    """
    return pa.schema([(name, _arrow_type(field.annotation)) for name, field in model.model_fields.items()])


def _arrow_type(kind: Any) -> pa.DataType:
    plain = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    if kind in plain:
        return plain[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return pa.string()
    if origin in (types.UnionType, Union):
        (inner,) = (part for part in arguments if part is not type(None))
        return _arrow_type(inner)
    if origin is tuple:
        return pa.list_(_arrow_type(arguments[0]))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return pa.struct(list(arrow_schema(kind)))
    raise TypeError(f"No column type for {kind}; expected a text, number, boolean, tuple or record.")


def evenly_spaced(count: int, most: int = 20) -> list[int]:
    """At most `most` places of `count` rows, evenly spaced over them."""
    shown = min(count, most)
    return [place * count // shown for place in range(shown)]


def sample_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a Parquet table, evenly spaced over it."""
    import pyarrow.dataset as ds

    table = ds.dataset(path)
    rows: list[dict[str, Any]] = table.take(evenly_spaced(table.count_rows())).to_pylist()
    return rows
