"""Descriptions of a record's fields, from its class."""

import ast
import inspect
import io
import re
import textwrap
import tokenize
from functools import cache

from pydantic import BaseModel

ATTRIBUTES = re.compile(r"^Attributes:\n((?:[ \t]+.*\n?|\n)+)", re.MULTILINE)
ATTRIBUTE = re.compile(r"^(\w+)(?: \([^)]*\))?: (.*(?:\n[ \t]+.*)*)", re.MULTILINE)


@cache
def field_descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Field → its `Field(description=…)`, its line in the docstring's `Attributes:` or the comment at the end of its line.

    Includes inherited fields; fields without a description are missing.
    """
    inherited: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, BaseModel) and owner.__module__.partition(".")[0] not in ("pydantic", "dagster"):
            inherited |= _comments(owner) | _attributes(owner)
    explicit = {name: info.description for name, info in model.model_fields.items() if info.description}
    return {name: text for name, text in (inherited | explicit).items() if name in model.model_fields}


def _attributes(owner: type[BaseModel]) -> dict[str, str]:
    block = ATTRIBUTES.search(inspect.cleandoc(owner.__dict__.get("__doc__") or ""))
    lines = ATTRIBUTE.findall(textwrap.dedent(block[1])) if block else []
    return {name: " ".join(text.split()) for name, text in lines}


def _comments(owner: type[BaseModel]) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(owner))
    except OSError:  # installed without its source
        return {}
    at_line = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    declared = ast.parse(source).body[0]
    assert isinstance(declared, ast.ClassDef)
    return {
        node.target.id: at_line[node.end_lineno or node.lineno]
        for node in declared.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and (node.end_lineno or node.lineno) in at_line
    }
