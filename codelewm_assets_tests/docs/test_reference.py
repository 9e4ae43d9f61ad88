"""Nothing of the code is missing from the reference. What there is, is found another way than the pages find it."""

import argparse
import ast
import re
from typing import Literal

import pytest
import yaml
from pydantic import BaseModel, Field

import codelewm_assets
from codelewm_assets.core.descriptions import field_descriptions
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.defs.guards import BLOCKING_CHECKS
from codelewm_assets.profiles.profile import PROFILES_FOLDER, profile_names
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.docs.pages import DOCS, ROOT
from docs.reference.commands import arguments, commands
from docs.reference.fields import FieldLine, field_lines
from docs.reference.markdown import table
from docs.reference.pages import REFERENCE, decision_list, without_links_out
from docs.reference.profiles import profile_lines

PACKAGE = ROOT / "codelewm_assets"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Name of each page of the reference, such as `assets`, and its text."""
    return {path.removeprefix("reference/").removesuffix(".md"): write() for path, write in REFERENCE.items()}


def section(page: str, heading: str) -> str:
    """From a heading to the next of its level or above."""
    level = heading.partition(" ")[0]
    lines = page.splitlines()
    begin = next(
        (place for place, line in enumerate(lines) if line == heading or line.startswith(heading + " {")), None
    )
    assert begin is not None, f"no heading {heading!r}"
    ends = [
        place for place, line in enumerate(lines)
        if place > begin and line.startswith("#") and len(line.partition(" ")[0]) <= len(level)
    ]  # fmt: skip
    return "\n".join(lines[begin : ends[0] if ends else None])


def test_every_asset_is_there_with_its_group_description_parents_and_checks(pages: dict[str, str]) -> None:
    graph = build_defs().resolve_asset_graph()
    keys = list(graph.get_all_asset_keys())
    assert len(keys) > 20
    for key in keys:
        node = graph.get(key)
        found = section(pages["assets"], f"### `{key.to_user_string()}`")
        assert node.description and node.description in found
        assert found in section(pages["assets"], f"## Group {node.group_name}")
        for name in [
            *(parent.to_user_string() for parent in node.parent_keys),
            *(c.name for c in node.check_keys),
            *node.pools,
        ]:
            assert f"`{name}`" in found


def test_every_check_is_there_with_its_sentence_and_what_its_red_holds_back(pages: dict[str, str]) -> None:
    graph = build_defs().resolve_asset_graph()
    keys = [key for asset in graph.get_all_asset_keys() for key in graph.get(asset).check_keys]
    assert len(keys) > 30
    for key in keys:
        asset, check = key.asset_key.to_user_string(), graph.get(key)
        found = section(section(pages["checks"], f"## On `{asset}`"), f"### `{key.name}`")
        assert check.description and check.description in found
        assert f"| kind | {'blocking' if check.blocking else 'warning'} |" in found
        assert f"| gates training | {'yes' if (asset, key.name) in BLOCKING_CHECKS else 'no'}" in found


def test_every_record_of_the_source_is_there_with_all_its_fields(pages: dict[str, str]) -> None:
    found = records_in_source()
    assert {"PackRow", "Manifest", "ScoreRow", "Profile", "TrainingConfig", "ImportedSource"} <= set(found)
    of_profiles = {name for name in found if f"### `{name}` " not in pages["records"]}
    assert {"Profile", "SplitsSection", "TrainingConfig", "ImportedSource"} <= of_profiles
    assert {"PackRow", "ScoreRow", "Manifest"}.isdisjoint(of_profiles)
    for name in set(found) - of_profiles:
        text = section(pages["records"], f"### `{name}`")
        assert [field for field in found[name] if f"| `{field}` |" not in text] == [], name
    keys = [
        line.split("`")[1].replace("[]", "").split(".")
        for line in pages["profiles"].splitlines()
        if line.startswith("| `")
    ]
    fields = [field for name in of_profiles for field in found[name]]
    for field in fields:  # as often as a model has it: as a key, or above other keys
        ends = sum(1 for key in keys if key[-1] == field)
        holds = len({tuple(key[: key.index(field)]) for key in keys if field in key[:-1]})
        assert ends + holds >= fields.count(field), field


def records_in_source() -> dict[str, list[str]]:
    """Class → fields, of every class in the package's files that descends from BaseModel, by names alone; Dagster's aside."""
    classes = [
        node for path in PACKAGE.rglob("*.py") if "defs" not in path.relative_to(PACKAGE).parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ClassDef)
    ]  # fmt: skip
    models, before = {"BaseModel"}, 0
    while len(models) > before:
        before = len(models)
        models |= {
            node.name for node in classes if models & {base.id for base in node.bases if isinstance(base, ast.Name)}
        }
    fields = {
        node.name: [
            part.target.id
            for part in node.body
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
        ]
        for node in classes
        if node.name in models
    }
    return {name: found for name, found in fields.items() if found}


def test_every_command_and_each_of_its_arguments_is_there(pages: dict[str, str], run: Run) -> None:
    known = {"build", "status", "verify", "label", "calibrate", "rerank", "job-status", "audit", "publish"}
    assert known <= set(commands())
    assert [name for name in commands() if name not in run("--help").out] == []
    for name, command in commands().items():
        found, told = section(pages["commands"], f"## `{name}`"), run(name, "--help").out
        assert command.description and command.description in found
        assert argparse.SUPPRESS not in found
        rows = [line for line in found.splitlines() if line.startswith("| `")]
        for option in set(re.findall(r"--[a-z][a-z-]*", told.partition("example:")[0])) - {"--help"}:
            assert any(re.match(rf"\| `(-\w, )?{option}\b", row) for row in rows), f"{name} {option}"
        positional = told.partition("positional arguments:")[2].partition("\n\n")[0]
        for argument in re.findall(r"^  (\S+)", positional, re.MULTILINE):
            assert any(row.startswith(f"| `{argument}` |") for row in rows), f"{name} {argument}"
        for action in arguments(command):
            assert action.help, f"{name} {action.dest}"
            assert all(f"`{choice}`" in found for choice in action.choices or ())


def test_every_commands_example_parses() -> None:
    from codelewm_assets.cli import parser

    for name, command in commands().items():
        words = (command.epilog or "").removeprefix("example: codelewm-assets ").split()
        assert words and words[0] == name
        assert isinstance(parser().parse_args(words), argparse.Namespace)


def test_every_key_of_the_shipped_profiles_is_there_with_its_value(pages: dict[str, str]) -> None:
    for name in profile_names():
        for path, value in leaves(yaml.safe_load((PROFILES_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))):
            row = next((line for line in pages["profiles"].splitlines() if line.startswith(f"| `{path}` |")), None)
            assert row is not None, path
            assert f"| {' '.join(str(value).split())} |" in row


def test_every_key_of_a_profile_has_a_meaning() -> None:
    lines = [line for section in profile_lines().values() for line in section]
    assert len(lines) > 100
    assert [line.path for line in lines if not line.meaning] == []


def leaves(raw: dict, above: str = "") -> list[tuple[str, object]]:
    """Dotted key → value of every key that holds no keys."""
    found: list[tuple[str, object]] = []
    for key, value in raw.items():
        found += leaves(value, f"{above}{key}.") if isinstance(value, dict) else [(f"{above}{key}", value)]
    return found


class _Inner(BaseModel):
    """For the test below."""

    depth: int  # in metres


class _Example(BaseModel):
    """For the test below."""

    share: float = Field(default=0.5, gt=0, le=1)  # of the whole
    kind: Literal["a", "b"] = "a"
    inner: _Inner
    many: tuple[_Inner, ...] = ()


def test_a_field_is_described_by_type_default_range_and_comment() -> None:
    lines = {line.path: line for line in field_lines(_Example)}
    assert lines["share"] == FieldLine("share", "float", "0.5", "> 0, ≤ 1", "of the whole")
    assert lines["kind"].kind == "one of a, b"
    assert list(lines) == ["share", "kind", "inner.depth", "many", "many[].depth"]
    assert (lines["many"].kind, lines["many"].default) == ("list of _Inner", "empty")
    assert (lines["inner.depth"].default, lines["inner.depth"].meaning) == ("required", "in metres")


def test_a_comment_of_the_class_above_is_inherited() -> None:
    class Below(_Inner):
        width: int  # of the inside

    assert field_descriptions(Below) == {"depth": "in metres", "width": "of the inside"}


def test_the_comment_beside_a_field_is_its_meaning() -> None:
    from codelewm_assets.profiles.profile import SplitsSection

    assert field_descriptions(SplitsSection)["seed_search"] == "how many are tried at most"


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert table(("a",), [("x|y\nz",)]) == "| a |\n|---|\n| x\\|y z |\n"


def test_every_decision_is_listed_with_its_title() -> None:
    found = decision_list(DOCS / "decisions")
    for path in (DOCS / "decisions").glob("[0-9]*.md"):
        assert f"]({path.name})" in found
    assert "0001 The data version is the manifest's digest" in found


def test_links_that_leave_the_docs_are_rendered_as_text_and_others_stay() -> None:
    text = "See [how](../deploy/README.md#images), [up](../guard.md), ![a picture](../shots/a.png), [near](b.md)."
    assert without_links_out(text, DOCS / "how-to" / "a.md", DOCS) == text  # docs/deploy
    assert without_links_out(text, DOCS / "a.md", DOCS) == (
        "See how (`deploy/README.md` in the repository), up (`guard.md` in the repository), ![a picture](../shots/a.png), "
        "[near](b.md)."
    )


def test_no_module_of_the_package_needs_the_pages() -> None:
    assert [path.name for path in PACKAGE.rglob("*.py") if "docs.reference" in path.read_text(encoding="utf-8")] == []
    assert codelewm_assets.__name__ == PACKAGE.name
