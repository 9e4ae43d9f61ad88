"""Fields of a pydantic model in words: type, default, range, and what the class says of the field."""

import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as at
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from codelewm_assets.core.descriptions import field_descriptions
from codelewm_assets.core.records import choices

BOUNDS = {at.Ge: ("≥", "ge"), at.Gt: (">", "gt"), at.Le: ("≤", "le"), at.Lt: ("<", "lt")}


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field of a model; `path` has the keys above it, with dots."""

    path: str
    kind: str  # its type in words
    default: str  # "required" when there is none
    range: str  # "" when every value of the type will do
    meaning: str  # "" when the code says nothing beside it


def field_lines(model: type[BaseModel], prefix: str = "") -> Iterator[FieldLine]:
    """One line a field. A model inside stands in place of the field that holds it; of a list, its fields follow with `[]`."""
    for name, info in model.model_fields.items():
        inner, element = inner_model(info.annotation), element_model(info.annotation)
        if inner is None:
            yield line_of(model, name, prefix)
        if element is not None:
            yield from field_lines(element, f"{prefix}{name}[].")
        elif inner is not None:
            yield from field_lines(inner, f"{prefix}{name}.")


def line_of(model: type[BaseModel], name: str, prefix: str = "") -> FieldLine:
    """The line of one field."""
    info = model.model_fields[name]
    kind = Literal[values] if (values := choices(info)) else info.annotation
    return FieldLine(
        prefix + name, kind_name(kind), _default(info), _range(info), field_descriptions(model).get(name, "")
    )


def inner_model(kind: Any) -> type[BaseModel] | None:
    """The model that a field holds one of, `None` allowed beside it; none for every other type."""
    found = [k for k in (get_args(kind) if _is_union(kind) else (kind,)) if k is not type(None)]
    return found[0] if len(found) == 1 and inspect.isclass(found[0]) and issubclass(found[0], BaseModel) else None


def element_model(kind: Any) -> type[BaseModel] | None:
    """The model that a field holds a list of."""
    parts = get_args(kind) if get_origin(kind) in (tuple, list) else ()
    return inner_model(parts[0]) if parts else None


def kind_name(kind: Any) -> str:
    """A type in words: choices as they are written, `list of int`, `number or nothing`."""
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if get_origin(kind) is Annotated:
        return kind_name(get_args(kind)[0])
    if _is_union(kind):
        return " or ".join(kind_name(part) for part in get_args(kind))
    if kind is type(None):
        return "nothing"
    parts = [part for part in get_args(kind) if part is not Ellipsis]
    origin = get_origin(kind)
    if origin in (tuple, list, frozenset, set):
        return "list of " + ", ".join(kind_name(part) for part in parts)
    if parts:
        return " to ".join(kind_name(part) for part in parts)
    return getattr(kind, "__name__", str(kind))


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    if value is None:
        return "nothing"
    return "empty" if value == () else str(list(value)) if isinstance(value, tuple) else str(value)


def _range(info: FieldInfo) -> str:
    bounds = [f"{sign} {getattr(limit, name):g}" for limit in info.metadata for kind, (sign, name) in BOUNDS.items()
              if isinstance(limit, kind)]  # fmt: skip
    bounds += [f"matches `{pattern}`" for limit in info.metadata if (pattern := getattr(limit, "pattern", None))]
    return ", ".join(bounds)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)
