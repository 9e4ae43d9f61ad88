"""The page of records: every pydantic model of the package, its fields and what the code says beside them."""

import importlib
import inspect
import pkgutil

from pydantic import BaseModel

import codelewm_assets
from docs.reference.fields import line_of
from docs.reference.markdown import code, page, table
from docs.reference.profiles import profile_models

INTRO = """# Records

Written from the code when this site is built: every model that is read or written, but for [profiles](profiles.md). All are closed:
an unknown field is refused, but in CodeLeWM's forms that are read in part (`published`).
A table's columns are the fields of its record, in Parquet. "Meaning" is the comment beside the
field; where there is none, the name says it."""


def records_page() -> str:
    """One section a module, one a model in it."""
    blocks, module = [INTRO], ""
    for model in records():
        if model.__module__ != module:
            module = model.__module__
            blocks.append(f"## {code(module)}")
        blocks += [f"### {code(model.__name__)} {{ #{model.__name__.lower()} }}", _first_line(model), _fields(model)]
    return page(*blocks)


def records() -> list[type[BaseModel]]:
    """Every model with fields that the package defines, but those of profiles and Dagster's resources; by module, as written."""
    names = sorted(found.name for found in pkgutil.walk_packages(codelewm_assets.__path__, "codelewm_assets."))
    modules = [importlib.import_module(name) for name in names]
    found = [
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, BaseModel) and kind.__module__ == module.__name__
    ]
    profiles = profile_models()
    return [kind for kind in dict.fromkeys(found)
            if kind.model_fields and kind not in profiles and not kind.__module__.startswith("codelewm_assets.defs.")]  # fmt: skip


def _first_line(model: type[BaseModel]) -> str:
    return (inspect.cleandoc(model.__doc__) if model.__doc__ else "").partition("\n\n")[0]


def _fields(model: type[BaseModel]) -> str:
    lines = [line_of(model, name) for name in model.model_fields]
    return table(
        ("field", "type", "default", "meaning"),
        [(code(line.path), line.kind, line.default,
          "; ".join(filter(None, (line.meaning, line.range)))) for line in lines],
    )  # fmt: skip
