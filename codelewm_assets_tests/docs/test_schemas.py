"""Schemas: every artifact has an entry, a schema takes what its record writes, and refuses what the record refuses."""

import json
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

from codelewm_assets.core.records import PackRow
from codelewm_assets.defs.assemble import STAGE_MODULES
from codelewm_assets_tests.claims.evidence import gates_of
from codelewm_assets_tests.factories import make_completion, make_problem
from codelewm_assets_tests.release.hub_world import REPORTS, _rows
from codelewm_assets_tests.release.records import manifest, sidecar
from docs.reference.pages import SCHEMAS
from docs.reference.schemas import FILES, LISTED, schema_of, schemas_page

WRITTEN: tuple[BaseModel, ...] = (
    gates_of(), *REPORTS.values(), sidecar(42), manifest("checkpoint[42]", {"sidecar.json": b"{}"}), *_rows(),
    make_problem(0), make_completion(make_problem(0), 1),
)  # fmt: skip


def test_every_asset_has_an_entry_and_every_entry_is_an_asset() -> None:
    assert FILES.keys() == {asset.key.to_user_string() for module in STAGE_MODULES for asset in module.ASSETS}


def test_every_schema_is_a_valid_schema_and_is_linked_from_the_page() -> None:
    text = schemas_page()
    for path, write in SCHEMAS.items():
        jsonschema.Draft202012Validator.check_schema(json.loads(write()))
        assert f"({path.removeprefix('reference/')})" in text


def test_a_schema_takes_what_its_record_writes_and_refuses_another_field() -> None:
    models = {model for files in FILES.values() for _, model, _ in files}
    assert {type(record) for record in WRITTEN} - models == {type(manifest("a", {}))}  # beside every artifact
    for record in WRITTEN:
        schema, row = schema_of(type(record), ""), record.model_dump(mode="json")
        jsonschema.validate(row, schema)
        with pytest.raises(jsonschema.ValidationError, match="'unknown' was unexpected"):
            jsonschema.validate(row | {"unknown": 1}, schema)


def test_a_missing_field_and_a_value_of_another_type_are_refused() -> None:
    row: dict[str, Any] = _rows()[0].model_dump(mode="json")
    schema = schema_of(PackRow, "")
    with pytest.raises(jsonschema.ValidationError, match="'record_id' is a required property"):
        jsonschema.validate({name: value for name, value in row.items() if name != "record_id"}, schema)
    with pytest.raises(jsonschema.ValidationError, match="'yes' is not of type 'boolean'"):
        jsonschema.validate(row | {"passed": "yes"}, schema)
    jsonschema.validate([], schema_of(PackRow, LISTED))
