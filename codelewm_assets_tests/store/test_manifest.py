"""The manifest: closed, inside its folder, and with a digest of the content alone."""

import json
from typing import Any

import pytest

from codelewm_assets.core.errors import ManifestError
from codelewm_assets.store.manifest import Manifest, ManifestFile, parse_manifest
from codelewm_assets_tests.cases import each_case

PLAIN: dict[str, Any] = {
    "artifact_id": "pack[humaneval]",
    "artifact_kind": "pack",
    "created_at": "2020-01-02T03:04:05+00:00",
    "source_git_sha": "abc",
    "command": "build",
    "config_sha256": "0" * 64,
    "parent_artifacts": {"problems": "1" * 64},
    "files": [{"path": "rows.parquet", "sha256": "2" * 64, "bytes": 5}],
    "metadata": {"rows": 3},
}


def parsed(**changes: Any) -> Manifest:
    """The plain manifest with some fields changed, read from its text."""
    return parse_manifest(json.dumps(PLAIN | changes), where="pack/manifest.json")


@pytest.mark.parametrize(("field", "value"), [("created_at", "later"), ("source_git_sha", "f"), ("command", "other")])
def test_when_where_and_how_it_was_made_is_not_in_the_digest(field: str, value: str) -> None:
    assert parsed(**{field: value}).digest == parsed().digest


@each_case(
    ("field", "value"),
    [
        ("artifact_id", "pack[mbpp_plus]"),
        ("artifact_kind", "other"),
        ("config_sha256", "3" * 64),
        ("parent_artifacts", {"problems": "4" * 64}),
        ("parent_artifacts", {}),
        ("files", [{"path": "rows.parquet", "sha256": "5" * 64, "bytes": 5}]),
        ("files", []),
        ("metadata", {"rows": 4}),
    ],
)
def test_everything_else_is_in_the_digest(field: str, value: Any) -> None:
    assert parsed(**{field: value}).digest != parsed().digest


def test_a_manifest_is_read_back_as_it_was_written() -> None:
    manifest = parsed()
    assert parse_manifest(manifest.model_dump_json(), where="here") == manifest


@each_case(
    ("changes", "fault"),
    [
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"schema_version": "codelewm.artifact_manifest.v2"}, "schema_version: Input should be"),
        ({"files": [{"path": "a", "sha256": "b", "bytes": 1, "mode": 7}]}, r"files\.0\.mode: Extra inputs"),
        ({"parent_artifacts": None}, "parent_artifacts: Input should be"),
    ],
)
def test_an_unknown_key_or_schema_is_refused_by_name(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ManifestError, match=rf"pack/manifest\.json: not a codelewm.*{fault}.*Rebuild the artifact"):
        parsed(**changes)


def test_a_missing_key_is_refused() -> None:
    text = json.dumps({key: value for key, value in PLAIN.items() if key != "command"})
    with pytest.raises(ManifestError, match="command: Field required"):
        parse_manifest(text, where="here")


@each_case("text", ["", "{", "[]", "null", "5"])
def test_a_text_that_is_not_a_json_object_is_refused(text: str) -> None:
    with pytest.raises(ManifestError, match=r"here: not a codelewm_assets\.artifact_manifest\.v2 manifest"):
        parse_manifest(text, where="here")


@each_case("path", ["/etc/passwd", "../other", "a/../../b", "..", ".", ""])
def test_a_path_outside_the_folder_is_refused(path: str) -> None:
    with pytest.raises(ManifestError, match="leaves the artifact's folder; expected a relative path inside it"):
        parsed(files=[{"path": path, "sha256": "2" * 64, "bytes": 5}])


def test_a_path_in_a_folder_of_its_own_is_taken() -> None:
    assert ManifestFile(path="figures/lift..png", sha256="2" * 64, bytes=5).path == "figures/lift..png"


def test_a_manifest_of_the_first_schema_is_read_and_a_new_one_has_an_id_of_its_own() -> None:
    assert parsed().schema_version == "codelewm_assets.artifact_manifest.v2"
    assert parsed(schema_version="codelewm.artifact_manifest.v1").parent_artifacts == PLAIN["parent_artifacts"]
    with pytest.raises(ManifestError, match="schema_version"):
        parsed(schema_version="codelewm.artifact_manifest.v2")


def test_a_manifest_of_codelewm_is_refused_by_name() -> None:
    with pytest.raises(ManifestError, match="a manifest of CodeLeWM, whose parents are a list"):
        parsed(schema_version="codelewm.artifact_manifest.v1", parent_artifacts=["eval_report-0"])
