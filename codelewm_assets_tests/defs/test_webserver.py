"""The UI is served on loopback, its GraphQL endpoint knows every asset and check, and the reviewer's changes nothing."""

import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster_graphql.schema import create_schema
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLUnionType,
    get_named_type,
    parse,
    specified_rules,
    validate,
)
from starlette.testclient import TestClient

from codelewm_assets.defs.assemble import STAGE_MODULES
from codelewm_assets.defs.web_server import REFUSAL, ReviewServer
from codelewm_assets_tests.defs.deployment import Deployment
from codelewm_assets_tests.defs.web import REVIEW, UI, graphql, listening, post, served

QUERY = """{ assetNodes { assetKey { path } groupName
  assetChecksOrError { ... on AssetChecks { checks { name blocking } } } } }"""
SCHEMA = create_schema().graphql_schema
assert SCHEMA.mutation_type is not None
MUTATIONS = SCHEMA.mutation_type.fields
LOOPBACK = ("0100007F:", "00000000000000000000000001000000:")
SCALARS: dict[str, Any] = {"Int": 1, "Float": 1.0, "Boolean": True, "GenericScalar": {}, "JSONString": "{}"}


def _example(kind: GraphQLInputType) -> Any:
    """A value of a type: what must be given is given, the rest left out."""
    if isinstance(kind, GraphQLNonNull):
        return _example(kind.of_type)
    if isinstance(kind, GraphQLList):
        return [_example(kind.of_type)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        return {
            name: _example(field.type)
            for name, field in kind.fields.items()
            if isinstance(field.type, GraphQLNonNull) and field.default_value.__class__.__name__ == "UndefinedType"
        }
    return SCALARS.get(kind.name, "make_pack")


def _document(name: str) -> tuple[str, dict[str, Any]]:
    """A call of a mutation with all its arguments, and their values."""
    field = MUTATIONS[name]
    declared = ", ".join(f"${argument}: {spec.type}" for argument, spec in field.args.items())
    given = ", ".join(f"{argument}: ${argument}" for argument in field.args)
    kind = get_named_type(field.type)
    is_composite = hasattr(kind, "fields") or isinstance(kind, GraphQLUnionType | GraphQLInterfaceType)
    document = (
        f"mutation {'(' + declared + ')' if declared else ''} "
        f"{{ {name}{'(' + given + ')' if given else ''} {'{ __typename }' if is_composite else ''} }}"
    )
    return document, {argument: _example(spec.type) for argument, spec in field.args.items()}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The reviewer's server, as `make review` starts it."""
    with served(tmp_path_factory.mktemp("home")) as server:
        yield server.address


def test_graphql_knows_every_asset_and_check(address: str) -> None:
    nodes = graphql(address, QUERY)["assetNodes"]
    found = {node["assetKey"]["path"][0]: node for node in nodes}
    assert set(found) == {asset.key.to_user_string() for module in STAGE_MODULES for asset in module.ASSETS}
    answered = {
        (name, check["name"]) for name, node in found.items() for check in node["assetChecksOrError"].get("checks", [])
    }
    wanted = {
        (key.asset_key.to_user_string(), key.name)
        for module in STAGE_MODULES
        for check in module.CHECKS
        for key in check.check_keys
    }
    assert answered == wanted


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_review_refuses_each_mutation_of_the_schema(address: str, name: str) -> None:
    document, variables = _document(name)
    assert not validate(SCHEMA, parse(document), specified_rules)  # so it is refused for being a mutation
    status, answer = post(address, document, variables)
    assert status == 400 and answer["data"] is None
    assert [error["message"] for error in answer["errors"]] == [f"{name}: refused. {REFUSAL}"]


def test_a_mutation_beside_a_query_is_refused_too(address: str) -> None:
    status, answer = post(address, "query A { version } mutation B { setNuxSeen }", {})
    assert status == 400 and REFUSAL in answer["errors"][0]["message"]


def test_a_mutation_in_the_address_is_refused(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address}/graphql?query=mutation%7BsetNuxSeen%7D", timeout=60)
    assert refused.value.code == 400 and REFUSAL in refused.value.read().decode()


@pytest.mark.parametrize("event", ["materialization", "check", "observation"])
def test_review_takes_no_reports_from_outside(address: str, event: str) -> None:
    request = urllib.request.Request(f"{address}/report_asset_{event}/execution_pack", data=b"", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code in {404, 405}


def test_a_mutation_over_the_websocket_is_refused(green: Deployment) -> None:
    with (
        TestClient(ReviewServer(green.process, green.stored.store).create_asgi_app()) as client,
        client.websocket_connect("/graphql", subprotocols=["graphql-ws"]) as socket,
    ):
        socket.send_json({"type": "start", "id": "1", "payload": {"query": "mutation { setNuxSeen }"}})
        assert socket.receive_json()["type"] == "error"


def test_the_review_site_is_served_beside_the_ui(green: Deployment) -> None:
    site = green.stored.put("review_site", {"index.html": b"<p>all of it</p>", "css/site.css": b"p {}"}, {})
    with TestClient(ReviewServer(green.process, green.stored.store).create_asgi_app()) as client:
        assert client.get("/review_site/").text == "<p>all of it</p>"
        assert client.get("/review_site/css/site.css").text == "p {}"
        for outside in ("manifest.json", "..%2f..%2frecipes", "%2fetc%2fpasswd"):
            refused = client.get(f"/review_site/{outside}")
            assert refused.status_code == 404 and site.digest[:12] in refused.text


def test_without_a_review_site_the_page_says_so(green: Deployment) -> None:
    with TestClient(ReviewServer(green.process, green.stored.store).create_asgi_app()) as client:
        refused = client.get("/review_site/")
        assert refused.status_code == 404 and "review_site has not been materialized" in refused.text


def test_nothing_of_an_instance_changes_when_every_mutation_is_tried(green: Deployment) -> None:
    before = _content(green.folder)
    assert before
    with TestClient(ReviewServer(green.process, green.stored.store).create_asgi_app()) as client:
        for name in MUTATIONS:
            document, variables = _document(name)
            assert client.post("/graphql", json={"query": document, "variables": variables}).status_code == 400
    assert _content(green.folder) == before


def _content(folder: Path) -> dict[str, Any]:
    """Rows of each database and bytes of each other file."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".db":
            with sqlite3.connect(path) as database:
                found[str(path)] = list(database.iterdump())
        elif path.is_file() and path.suffix not in {".db-wal", ".db-shm", ".pyc"}:
            found[str(path)] = path.read_bytes()
    return found


@pytest.mark.parametrize("command", [REVIEW, UI], ids=["review", "ui"])
def test_nothing_listens_beyond_loopback(tmp_path: Path, command: tuple[str, ...]) -> None:
    with served(tmp_path, command) as server:
        found = listening(server.session)
        assert found  # the web server itself
        assert [address for address in found if not address.startswith(LOOPBACK)] == []
