"""Private names of Dagster stand in one module, at most eight."""

import ast
from importlib import import_module
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import GRPC_INFO_TAG

import codelewm_assets
from codelewm_assets import private_names

PACKAGE = Path(codelewm_assets.__file__).parent
MODULE = PACKAGE / "private_names.py"


def _imported(path: Path) -> set[str]:
    """Every module that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return found | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def _is_private(module: str) -> bool:
    parts = module.split(".")
    return parts[0] == "dagster_webserver" or (parts[0] == "dagster" and any(part.startswith("_") for part in parts))


def test_no_other_module_imports_a_private_name_of_dagster() -> None:
    users = {str(path) for path in PACKAGE.rglob("*.py") if any(map(_is_private, _imported(path)))}
    assert users == {str(MODULE)}


def test_there_are_at_most_eight_and_each_has_its_reason() -> None:
    assert len(private_names.MODULES) <= 8
    lines = MODULE.read_text(encoding="utf-8").splitlines()
    for name, home in private_names.MODULES.items():
        assert _is_private(home) and hasattr(import_module(home), name)
        (line,) = [line for line in lines if line.startswith(f'    "{name}": ')]
        assert "  # " in line
    types = {
        name for line in lines if " import " in line for name in private_names.MODULES if line.endswith(f" {name}")
    }
    assert types == set(private_names.MODULES)  # what a type checker sees is what there is


def test_the_unmarked_attributes_are_there() -> None:
    for name in private_names.UNMARKED:
        owner, attribute = name.split(".")
        assert hasattr(getattr(dg, owner), attribute)
    assert private_names.GRPC_INFO_TAG == GRPC_INFO_TAG


def test_another_name_is_not_an_attribute() -> None:
    with pytest.raises(AttributeError, match="has no RunStorage; it has CanCancelExecutionRequest"):
        _ = private_names.RunStorage
