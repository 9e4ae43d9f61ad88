"""Foreign pages neither change nor read what either web server shows; its own pages, programs and links do their work."""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from codelewm_assets.instance.same_origin import SameOriginMiddleware
from codelewm_assets.instance.web_server import allowed_origins
from codelewm_assets_tests.browser import CHROMIUM, open_browser
from codelewm_assets_tests.instance.web import REVIEW, SERVER, Served, content, free_port, served
from codelewm_assets_tests.tiers import slow

MUTATION = """mutation { reportRunlessAssetEvents(eventParams: {eventType: ASSET_MATERIALIZATION,
  assetKey: {path: ["execution_pack"]}}) { __typename } }"""
IN_ADDRESS = f"query={quote(MUTATION)}"
BODY = json.dumps({"query": MUTATION}).encode()
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": "graphql-ws",
}
HTML = {"Accept": "text/html"}


def fetched(site: str, mode: str, dest: str) -> dict[str, str]:
    """Headers by which a browser says who asks for what."""
    return {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it goes over the wire; `{host}` and `{port}` stand for the server's own."""

    method: str
    target: str
    headers: Mapping[str, str | list[str]] = field(default_factory=dict)
    body: bytes = b""


def get(target: str, **headers: str | list[str]) -> Sent:
    return Sent("GET", target, {name.replace("_", "-"): value for name, value in headers.items()})


def mutate(headers: Mapping[str, str | list[str]], body: bytes = BODY, target: str = "/graphql") -> Sent:
    return Sent("POST", target, headers, body)


REFUSED: dict[str, tuple[int, Sent]] = {
    "query in the address": (400, get(f"/graphql?{IN_ADDRESS}")),
    "encoded name of the query": (400, get(f"/graphql?%71uery={quote(MUTATION)}")),
    "query in the address of a page": (400, Sent("GET", f"/graphql?{IN_ADDRESS}", HTML)),
    "query in the address of a post": (400, mutate(JSON, target=f"/graphql?{IN_ADDRESS}")),
    "another query string": (400, mutate(JSON, target="/graphql?x")),
    "query after the label of the UI": (400, mutate(JSON, target=f"/graphql?op=Q&{IN_ADDRESS}")),
    "label of the UI without a body": (400, get("/graphql?op=Q")),
    "text with the label of the UI": (415, mutate({"Content-Type": "text/plain"}, target="/graphql?op=Q")),
    "encoded path": (404, mutate(JSON, target="/%67raphql")),
    "encoded path and query": (404, get(f"/%67raphql?{IN_ADDRESS}")),
    "path encoded twice": (404, get(f"/%2567raphql?{IN_ADDRESS}")),
    "two slashes": (404, get(f"//graphql?{IN_ADDRESS}")),
    "slash at the end": (404, get(f"/graphql/?{IN_ADDRESS}")),
    "path with dots": (404, get(f"/assets/../graphql?{IN_ADDRESS}")),
    "text": (415, mutate({"Content-Type": "text/plain"})),
    "text with a parameter": (415, mutate({"Content-Type": "text/plain; application/json"})),
    "text, query in the address": (400, mutate({"Content-Type": "text/plain"}, b"", f"/graphql?{IN_ADDRESS}")),
    "form": (415, mutate(FORM, IN_ADDRESS.encode())),
    "graphql": (415, mutate({"Content-Type": "application/graphql"}, MUTATION.encode())),
    "multipart": (415, mutate({"Content-Type": "multipart/form-data; boundary=b"}, b"--b--")),
    "no content type": (415, mutate({})),
    "two content types": (400, mutate({"Content-Type": ["application/json", "text/plain"]})),
    "foreign origin": (403, mutate(JSON | {"Origin": "http://foreign.example"})),
    "another port's origin": (403, mutate(JSON | {"Origin": "http://127.0.0.1:1"})),
    "another scheme's origin": (403, mutate(JSON | {"Origin": "https://{host}"})),
    "null origin": (403, mutate(JSON | {"Origin": "null"})),
    "two origins": (400, mutate(JSON | {"Origin": ["http://{host}", "http://foreign.example"]})),
    "preflight": (403, Sent("OPTIONS", "/graphql", {"Origin": "null", "Access-Control-Request-Method": "POST"})),
    "foreign host": (403, get("/", Host="foreign.example:{port}")),
    "mutation with a foreign host": (403, mutate(JSON | {"Host": "foreign.example:{port}"})),
    "foreign host that begins as the own": (403, get("/", Host="127.0.0.1.foreign.example:{port}")),
    "host of another port": (403, get("/", Host="127.0.0.1:1")),
    "host without the port": (403, get("/", Host="localhost")),
    "no host": (403, get("/", Host=[])),
    "two hosts": (400, get("/", Host=["{host}", "foreign.example"])),
    "health check with a foreign host": (403, get("/server_info", Host="foreign.example")),
    "log in another page": (403, Sent("GET", "/logs/x.err", fetched("cross-site", "no-cors", "script"))),
    "page in another port's frame": (403, Sent("GET", "/", fetched("same-site", "navigate", "iframe"))),
    "batch": (400, mutate(JSON, b"[" + BODY + b"]")),
    "no json": (400, mutate(JSON, b"query=" + MUTATION.encode())),
    "empty body": (400, mutate(JSON, b"")),
    "json that is no object": (400, mutate(JSON, json.dumps(MUTATION).encode())),
    "json that nests too deep": (400, mutate(JSON, b"[" * 100_000)),
    "query that is no text": (400, mutate(JSON, b'{"query": 5}')),
    "no query": (400, mutate(JSON, b"{}")),
    "variables that are no object": (400, mutate(JSON, b'{"query": "{version}", "variables": [1]}')),
    "report by a foreign page": (415, mutate({}, b"", "/report_asset_materialization/execution_pack?data_version=1")),
    "report that is no object": (400, mutate(JSON, b"[]", "/report_asset_materialization/execution_pack")),
    "foreign websocket": (403, Sent("GET", "/graphql", WEBSOCKET | {"Origin": "http://foreign.example"})),
    "websocket of a null origin": (403, Sent("GET", "/graphql", WEBSOCKET | {"Origin": "null"})),
    "websocket of a foreign host": (403, Sent("GET", "/graphql", WEBSOCKET | {"Host": "foreign.example:{port}"})),
    "websocket with a query string": (400, Sent("GET", f"/graphql?{IN_ADDRESS}", WEBSOCKET)),
}  # fmt: skip
PASSED: dict[str, tuple[int, Sent]] = {
    "page": (200, Sent("GET", "/assets/execution_pack?view=checks", HTML)),
    "head of a page": (200, Sent("HEAD", "/")),
    "health check": (200, get("/server_info")),
    "localhost": (200, get("/", Host="localhost:{port}")),
    "capitals": (200, get("/", Host="LOCALHOST:{port}")),
    "link on a foreign page": (200, Sent("GET", "/", fetched("cross-site", "navigate", "document"))),
    "own script": (404, Sent("GET", "/vendor/x.js", fetched("same-origin", "no-cors", "script"))),
    "playground": (200, Sent("GET", "/graphql", HTML)),
    "query": (200, mutate(JSON, b'{"query": "{version}"}')),
    "query of the own page": (200, mutate(JSON | {"Origin": "http://{host}"}, b'{"query": "{version}"}')),
    "query with the label of the UI": (200, mutate(JSON, b'{"query": "query Q {version}"}', "/graphql?op=Q")),
    "query with a charset": (200, mutate({"Content-Type": "application/json; charset=utf-8"}, b'{"query": "{version}"}')),
    "query of localhost": (200, mutate(
        JSON | {"Host": "localhost:{port}", "Origin": "http://localhost:{port}"},
        b'{"query": "query Q {version}", "operationName": "Q", "variables": {}, "extensions": {}}',
    )),
    "own websocket": (101, Sent("GET", "/graphql", WEBSOCKET | {"Origin": "http://{host}"})),
    "websocket of a program": (101, Sent("GET", "/graphql", WEBSOCKET)),
}  # fmt: skip


def ask(server: Served, sent: Sent) -> tuple[int, str]:
    """Status and text of the answer to a request, with exactly its headers and, if it names none, the own Host."""
    own = urlsplit(server.address)
    headers = {"Host": own.netloc, **sent.headers, "Content-Length": str(len(sent.body))}
    with closing(http.client.HTTPConnection(own.netloc, timeout=60)) as connection:
        connection.putrequest(sent.method, sent.target, skip_host=True, skip_accept_encoding=True)
        for name, values in headers.items():
            for value in [values] if isinstance(values, str) else values:
                connection.putheader(name, value.format(host=own.netloc, port=own.port))
        connection.endheaders(sent.body)
        answer = connection.getresponse()
        return answer.status, "" if answer.status == 101 else answer.read().decode()


@pytest.fixture(scope="module", params=[REVIEW, (*SERVER, "--port")], ids=["review", "ui"])
@slow
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Each web server; that of the UI without the daemon, which writes heartbeats."""
    with served(tmp_path_factory.mktemp("home"), request.param) as found:
        assert ask(found, get("/"))[0] == 200  # the first page gives the instance an id
        yield found


@pytest.fixture
def stored(server: Served) -> Iterator[Path]:
    """The instance of a server, of which nothing may change."""
    storage = Path(f"/proc/{server.session}/cwd").resolve() / ".dagster"
    before = content(storage)
    assert before
    yield storage
    assert content(storage) == before


@pytest.mark.parametrize("kind", REFUSED)
def test_what_a_foreign_page_could_send_is_refused(server: Served, stored: Path, kind: str) -> None:
    expected, sent = REFUSED[kind]
    status, text = ask(server, sent)
    assert (status, text.partition(" ")[0]) == (expected, "Refused:")
    assert text.endswith(".\n") and "version" not in text


@pytest.mark.parametrize("kind", PASSED)
def test_pages_programs_and_health_checks_pass(server: Served, stored: Path, kind: str) -> None:
    expected, sent = PASSED[kind]
    status, text = ask(server, sent)
    assert status == expected and "Refused" not in text and "errors" not in text


@pytest.mark.slow
def test_the_mutation_that_is_refused_above_changes_an_instance(tmp_path: Path) -> None:
    """The tests above can fail."""
    with served(tmp_path, (*SERVER, "--port")) as server:
        before = content(tmp_path / ".dagster")
        assert ask(server, mutate(JSON | {"Origin": "http://{host}"}))[0] == 200
        assert content(tmp_path / ".dagster") != before
        reported = mutate(JSON, b'{"data_version": "7"}', "/report_asset_materialization/execution_pack")
        assert ask(server, reported) == (200, "{}")


def test_own_origins_are_those_of_the_address_and_port_that_is_listened_on() -> None:
    assert allowed_origins("127.0.0.1", 3000) == {"http://127.0.0.1:3000", "http://localhost:3000"}
    assert allowed_origins("::1", 3000) == {"http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"}
    assert allowed_origins("UI.lab.example", 80) == {"http://127.0.0.1", "http://localhost", "http://ui.lab.example"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "ui.lab.example", "Origin": "https://ui.lab.example"}, 200),
        ({"Host": "web:3000", "Origin": "https://ui.lab.example"}, 200),  # a proxy that rewrites the Host
        ({"Host": "web:3000"}, 200),
        ({"Host": "ui.lab.example", "Origin": "http://ui.lab.example"}, 403),
        ({"Host": "ui.lab.example", "Origin": "https://other.lab.example"}, 403),
        ({"Host": "other.lab.example"}, 403),
        ({"Host": "127.0.0.1:3000"}, 403),
    ],
)
def test_behind_a_proxy_the_named_origins_are_the_own_ones(headers: dict[str, str], status: int) -> None:
    app = Starlette(
        routes=[Route("/graphql", lambda _: PlainTextResponse("passed"), methods=["POST"])],
        middleware=[Middleware(SameOriginMiddleware, origins=["https://ui.lab.example", "http://web:3000"])],
    )
    with TestClient(app) as client:
        assert client.post("/graphql", json={"query": "{version}"}, headers=headers).status_code == status


FOREIGN_PAGE = """<!doctype html><title>foreign</title><iframe name="sink"></iframe>
<form method="post" action="SERVER/graphql?QUERY" target="sink"><input name="query" value="x"></form>
<form method="post" enctype="text/plain" action="SERVER/graphql" target="sink"><input id="text"></form>
<script>
const mutation = MUTATION, query = JSON.stringify({query: mutation});
const text = document.getElementById("text");
[text.name, text.value] = [query.slice(0, -1) + ', "x": "', '"}'];  // `{…, "x": "="}`: JSON in a form's body
const tried = async (ask) => { try { return "read: " + await ask() } catch (error) { return "failed" } };
const read = (path, more) => tried(async () => (await fetch("SERVER" + path, more)).text());
const socket = (path) => new Promise((resolve) => {
  const socket = new WebSocket("SERVER".replace("http", "ws") + path, "graphql-ws");
  socket.onopen = () => resolve("read: open");
  socket.onerror = () => resolve("failed");
});
const loads = (name, from) => new Promise((resolve) => {
  const element = document.createElement(name);
  [element.onload, element.onerror] = [() => resolve("read: loaded"), () => resolve("failed")];
  element.src = "SERVER" + from;
  document.body.append(element);
});
window.attack = async () => {
  const found = {
    get: await read("/graphql?QUERY"),
    page: await read("/"),
    text: await read("/graphql", {method: "POST", body: query, headers: {"Content-Type": "text/plain"}}),
    smuggled: await read("/graphql", {method: "POST", body: query, headers: {"Content-Type": "text/plain; application/json"}}),
    json: await read("/graphql", {method: "POST", body: query, headers: {"Content-Type": "application/json"}}),
    report: await read("/report_asset_materialization/execution_pack", {method: "POST"}),
    websocket: await socket("/graphql"),
    picture: await loads("img", "/favicon.png"),
    script: await loads("script", "/graphql?QUERY"),
  };
  for (const how of [{mode: "no-cors"}, {mode: "no-cors", method: "POST", body: query}])
    await tried(() => fetch("SERVER/graphql?QUERY", how));
  return found;
};
</script>"""


@pytest.fixture
def foreign_address(server: Served) -> Iterator[str]:
    """A page on another port of this machine, which tries everything that a page can against the server."""
    page = FOREIGN_PAGE.replace("SERVER", server.address).replace("QUERY", IN_ADDRESS)
    page = page.replace("MUTATION", json.dumps(MUTATION))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", free_port()), Handler) as foreign:
        threading.Thread(target=foreign.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{foreign.server_port}/"
        foreign.shutdown()


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed here: apt-get install chromium")
def test_in_a_browser_a_foreign_page_changes_and_reads_nothing(
    server: Served, stored: Path, foreign_address: str
) -> None:
    with open_browser("--host-resolver-rules=MAP rebound.example 127.0.0.1") as browser:
        page = browser.new_page()
        page.goto(foreign_address)
        found: dict[str, str] = page.evaluate("attack()")
        assert found == dict.fromkeys(found, "failed") and len(found) == 9
        for form in range(2):
            with page.expect_response(f"{server.address}/graphql*") as answer:
                page.evaluate(f"document.forms[{form}].submit()")
            assert answer.value.status == 403

        port = urlsplit(server.address).port
        rebound = page.goto(f"http://rebound.example:{port}/")  # its name leads to the server: DNS rebinding
        assert rebound is not None and rebound.status == 403 and "Refused: the Host" in page.content()


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed here: apt-get install chromium")
def test_in_a_browser_the_ui_loads_without_an_error(server: Served) -> None:
    port = urlsplit(server.address).port
    for address in (server.address, f"http://localhost:{port}"):
        with open_browser() as browser:
            page = browser.new_page()
            wrong, received = _watch(page)
            page.goto(f"{address}/assets/execution_pack?view=checks")
            page.get_by_text("execution_pack", exact=True).first.wait_for(timeout=60_000)
            page.wait_for_timeout(3000)  # what the page asks for after its first picture
            assert wrong == []
            assert "connection_ack" in "".join(received)


def _watch(page: Page) -> tuple[list[str], list[str]]:
    """Lists that fill with what goes wrong on a page, and with what its WebSockets receive."""
    wrong: list[str] = []
    received: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("response", lambda found: wrong.append(f"{found.status} {found.url}") if found.status >= 400 else None)
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(str(frame))))
    return wrong, received
