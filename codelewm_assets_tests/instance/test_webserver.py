"""The UI is served on loopback, its GraphQL endpoint knows every asset and check, and the reviewer's changes nothing."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
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
from codelewm_assets.defs.source_watch import SOURCES
from codelewm_assets.instance.web_server import READ_ONLY_MESSAGE, WebServer, start_cursors
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.defs.deployment import Deployment
from codelewm_assets_tests.instance.web import REVIEW, UI, content, graphql, listening, post, served, session_processes
from codelewm_assets_tests.tiers import slow

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
    return SCALARS.get(kind.name, "refresh_data")


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
@slow
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The reviewer's server, as `make review` starts it."""
    with served(tmp_path_factory.mktemp("home")) as server:
        yield server.address


def _client(deployment: Deployment, *, is_read_only: bool = True) -> TestClient:
    server = WebServer(
        deployment.process, deployment.stored.store, origins=["http://127.0.0.1:3000"], is_read_only=is_read_only
    )
    return TestClient(server.create_asgi_app(), base_url="http://127.0.0.1:3000")


def test_graphql_knows_every_asset_and_check(address: str) -> None:
    nodes = graphql(address, QUERY)["assetNodes"]
    found = {node["assetKey"]["path"][0]: node for node in nodes}
    assets = [*(asset for module in STAGE_MODULES for asset in module.ASSETS), *SOURCES]
    assert set(found) == {asset.key.to_user_string() for asset in assets}
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


@each_case("name", sorted(MUTATIONS))
def test_review_refuses_each_mutation_of_the_schema(address: str, name: str) -> None:
    document, variables = _document(name)
    assert not validate(SCHEMA, parse(document), specified_rules)  # so it is refused for being a mutation
    status, answer = post(address, document, variables)
    assert status == 400 and answer["data"] is None
    assert [error["message"] for error in answer["errors"]] == [f"{name}: refused. {READ_ONLY_MESSAGE}"]


def test_a_mutation_beside_a_query_is_refused_too(address: str) -> None:
    status, answer = post(address, "query A { version } mutation B { setNuxSeen }", {})
    assert status == 400 and READ_ONLY_MESSAGE in answer["errors"][0]["message"]


@pytest.mark.parametrize("event", ["materialization", "check", "observation"])
def test_review_takes_no_reports_from_outside(address: str, event: str) -> None:
    request = urllib.request.Request(
        f"{address}/report_asset_{event}/execution_pack", data=b"{}", headers={"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code in {404, 405}


@pytest.mark.parametrize("is_read_only", [True, False], ids=["review", "ui"])
def test_a_mutation_over_the_websocket_is_refused(green: Deployment, is_read_only: bool) -> None:
    with (
        _client(green, is_read_only=is_read_only) as client,
        client.websocket_connect("ws://127.0.0.1:3000/graphql", subprotocols=["graphql-ws"]) as socket,
    ):
        socket.send_json({"type": "start", "id": "1", "payload": {"query": "mutation { setNuxSeen }"}})
        assert socket.receive_json()["type"] == "error"


@pytest.mark.parametrize("is_read_only", [True, False], ids=["review", "ui"])
def test_the_review_site_is_served_beside_the_ui(green: Deployment, is_read_only: bool) -> None:
    site = green.stored.put("review_site", {"index.html": b"<p>all of it</p>", "css/site.css": b"p {}"}, {})
    with _client(green, is_read_only=is_read_only) as client:
        assert client.get("/review_site/").text == "<p>all of it</p>"
        assert client.get("/review_site/css/site.css").text == "p {}"
        for outside in ("manifest.json", "..%2f..%2frecipes", "%2fetc%2fpasswd"):
            refused = client.get(f"/review_site/{outside}")
            assert refused.status_code == 404 and site.digest[:12] in refused.text


def test_without_a_review_site_the_page_says_so(green: Deployment) -> None:
    with _client(green) as client:
        refused = client.get("/review_site/")
        assert refused.status_code == 404 and "review_site has not been materialized" in refused.text


def test_nothing_of_an_instance_changes_when_every_mutation_is_tried(green: Deployment) -> None:
    before = content(green.folder)
    assert before
    with _client(green) as client:
        for name in MUTATIONS:
            document, variables = _document(name)
            assert client.post("/graphql", json={"query": document, "variables": variables}).status_code == 400
    assert content(green.folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("command", [REVIEW, UI], ids=["review", "ui"])
def test_nothing_listens_beyond_loopback(tmp_path: Path, command: tuple[str, ...]) -> None:
    with served(tmp_path, command) as server:
        found = listening(server.session)
        assert found  # the web server itself
        assert [address for address in found if not address.startswith(LOOPBACK)] == []


def _wait_until_alone(session: int, server: "subprocess.Popen[bytes]") -> int:
    """Returns: the server's exit status, when no other process of its session is left."""
    status = server.wait(timeout=150)
    end = time.monotonic() + 60  # the code server ends itself
    while remaining := session_processes(session):
        assert time.monotonic() < end, remaining
        time.sleep(0.5)
    return status


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_web_server_and_its_daemon(tmp_path: Path, number: signal.Signals) -> None:
    with served(tmp_path, UI) as server:
        _daemon_of(server.session)
        server.process.send_signal(number)
        assert _wait_until_alone(server.session, server.process) == 0


@pytest.mark.slow
def test_a_daemon_that_ends_takes_the_web_server_with_it(tmp_path: Path) -> None:
    with served(tmp_path, UI) as server:
        os.kill(_daemon_of(server.session), signal.SIGKILL)
        assert _wait_until_alone(server.session, server.process) == 1
    assert "dagster-daemon ended with status -9" in (tmp_path / "server.txt").read_text(encoding="utf-8")


def test_a_first_daemon_begins_at_the_latest_event_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    from dagster._daemon.auto_run_reexecution.event_log_consumer import DAGSTER_EVENT_TYPES, _fetch_persisted_cursors

    with dg.DagsterInstance.local_temp() as instance:
        start_cursors(instance)
        cursors = _fetch_persisted_cursors(instance, DAGSTER_EVENT_TYPES, logging.getLogger("daemon"))
        assert (set(cursors.values()), caplog.records) == ({0}, [])
        dg.materialize([dg.asset(lambda: None, name="made")], instance=instance)
        start_cursors(instance)  # those that are there stay
        assert _fetch_persisted_cursors(instance, DAGSTER_EVENT_TYPES, logging.getLogger("daemon")) == cursors


def _daemon_of(session: int) -> int:
    """The daemon, when it does its work."""
    for _ in range(300):
        for process in session_processes(session):
            if b"dagster-daemon" in Path(f"/proc/{process}/cmdline").read_bytes():
                return process
        time.sleep(0.1)
    pytest.fail("no daemon was started")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--origin", "ui.lab.example"], "'ui.lab.example' is no origin"),
        (["--origin", "https://ui.lab.example/dagster"], "without a path"),
        (["--workspace", "absent.yaml"], "there is no absent.yaml"),
        (["--read-only", "--with-daemon"], "not allowed with"),
        (["--port", "{taken}"], "cannot listen: Address already in use"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_started(
    tmp_path: Path, options: list[str], reason: str
) -> None:
    (tmp_path / "workspace.yaml").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "codelewm_assets.instance.web_server", *options]
        ended = subprocess.run(
            [part.format(taken=port) for part in command],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert ended.returncode == 2 and reason in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["workspace.yaml"]
