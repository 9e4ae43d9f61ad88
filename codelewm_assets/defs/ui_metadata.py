"""Plots and sample rows for Dagster's UI alone: computed once, cached beside the artifact, part of no digest."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import BaseModel

from codelewm_assets.core.descriptions import field_descriptions
from codelewm_assets.defs.inputs import Inputs, inline_png
from codelewm_assets.store.store import Artifact

MAX_CELL_CHARACTERS = 80  # of a cell: programs would fill the event log
TYPES = {bool: "bool", int: "int", float: "float"}


def plots(
    inputs: Inputs, about: Artifact, draw: Callable[[], Mapping[str, bytes]]
) -> dict[str, dg.MarkdownMetadataValue]:
    """Pictures of an artifact by name. Args: draw: returns PNGs; depends on the artifact alone."""
    stored: dict[str, str] = inputs.cached_json(
        "plots of the UI", about, lambda: {name: inline_png(data).md_str or "" for name, data in draw().items()}
    )
    return {name: dg.MetadataValue.md(text) for name, text in stored.items()}


def sample(
    inputs: Inputs, about: Artifact, read: Callable[[], Sequence[Mapping[str, Any]]], model: type[BaseModel]
) -> dict[str, dg.TableMetadataValue]:
    """Sample rows of an artifact as a table. Args: read: returns the rows. model: record that describes the columns."""
    rows: list[dict[str, Any]] = inputs.cached_json(
        "sample rows of the UI", about, lambda: [{name: _cell(value) for name, value in row.items()} for row in read()]
    )
    names = dict.fromkeys(name for row in rows for name in row)
    texts = field_descriptions(model)
    columns = [
        dg.TableColumn(name, _type(row.get(name) for row in rows), description=texts.get(name)) for name in names
    ]
    records = [dg.TableRecord({name: row.get(name) for name in names}) for row in rows]
    return {"sample_rows": dg.MetadataValue.table(records, schema=dg.TableSchema(columns))}


def _cell(value: Any) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= MAX_CELL_CHARACTERS else text[: MAX_CELL_CHARACTERS - 1] + "…"


def _type(values: Any) -> str:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return "float"
    return TYPES.get(kinds.pop(), "string") if len(kinds) == 1 else "string"
