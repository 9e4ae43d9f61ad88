"""The web server of the UI: Dagster's, restricted to same-origin requests, with the latest review site under /review_site/.

`make ui` starts it with a daemon, `make review` with `--read-only`. Dagster's own read-only mode refuses mutations that need a
permission but executes `setNuxSeen`, which needs none. Here no mutation is executed in read-only mode, and the routes that
report external asset events are removed.
"""

import argparse
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import yaml
from graphql import ASTValidationRule, FieldNode, GraphQLError, OperationDefinitionNode, OperationType, specified_rules
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from codelewm_assets.core.errors import AssetsError
from codelewm_assets.defs.inputs import latest_artifact
from codelewm_assets.defs.resources import default_resources
from codelewm_assets.instance.same_origin import SameOriginMiddleware
from codelewm_assets.private_names import (
    DagsterWebserver,
    ProxyServerManager,
    WorkspaceFileTarget,
    WorkspaceProcessContext,
)
from codelewm_assets.store.store import ArtifactStore

READ_ONLY_MESSAGE = (
    "This server is for review: it shows everything and changes nothing. Use `make ui` to run or change something."
)
STATEMENT_TIMEOUT_MS, POOL_RECYCLE_S, MAX_POOL_OVERFLOW = 15_000, 3600, 20  # of a database: Dagster's defaults
DAEMON_STOP_TIMEOUT_S = 30
GRACEFUL_SHUTDOWN_S = 10  # for open requests when the server stops


class RejectMutations(ASTValidationRule):
    """GraphQL rule: a document with a mutation is rejected before any of it is executed."""

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        """Report a mutation, by the names of its fields."""
        if node.operation is OperationType.MUTATION:
            fields = [field.name.value for field in node.selection_set.selections if isinstance(field, FieldNode)]
            self.report_error(GraphQLError(f"{', '.join(fields)}: refused. {READ_ONLY_MESSAGE}", node))


class WebServer(DagsterWebserver):
    """Dagster's web server with the same-origin check and the pages of the review site."""

    def __init__(
        self, process: WorkspaceProcessContext, store: ArtifactStore, *, origins: Collection[str], is_read_only: bool
    ) -> None:
        """The server over a store.

        Args:
            store: where the review site lies.
            origins: allowed origins, as from `allowed_origins`.
            is_read_only: mutations and external asset events are rejected.
        """
        self._instance, self._store = process.instance, store
        self._origins, self._is_read_only = origins, is_read_only
        super().__init__(process)

    def build_middleware(self) -> list[Middleware]:
        """Dagster's middleware behind the same-origin check."""
        return [Middleware(SameOriginMiddleware, origins=self._origins), *super().build_middleware()]

    def build_graphql_validation_rules(self) -> Collection[type[ASTValidationRule]]:
        """GraphQL's own rules; no mutations when read-only."""
        return [*specified_rules, RejectMutations] if self._is_read_only else specified_rules

    def build_routes(self) -> list[BaseRoute]:
        """Dagster's routes and the review site; read-only: without those that report asset events."""
        site: list[BaseRoute] = [Route("/review_site/{path:path}", self._review_site)]
        return site + [
            route
            for route in super().build_routes()
            if not (self._is_read_only and isinstance(route, Route) and route.path.startswith("/report_asset_"))
        ]

    def _review_site(self, request: Request) -> Response:
        """A file of the latest review site; only files of its manifest are served."""
        try:
            site = latest_artifact(self._instance, self._store, "review_site")
            return FileResponse(site.path(request.path_params["path"] or "index.html"))
        except (AssetsError, dg.Failure) as error:
            reason: Any = error.description if isinstance(error, dg.Failure) else error
            return PlainTextResponse(str(reason), status_code=404)


def allowed_origins(host: str, port: int) -> set[str]:
    """Origins under which a browser on the same machine reaches a server that listens on this host and port."""
    names = {"127.0.0.1", "localhost", f"[{host}]" if ":" in host else host.lower()}
    return {f"http://{name}" if port == 80 else f"http://{name}:{port}" for name in names}


def serve(
    instance: dg.DagsterInstance,
    store: ArtifactStore,
    listener: socket.socket,
    *,
    workspace: Path,
    origins: Collection[str],
    is_read_only: bool,
    with_daemon: bool,
) -> None:
    """Serve until a signal arrives or the daemon exits.

    Args:
        listener: a bound socket.
        workspace: the file that names the code location.
        with_daemon: start a daemon and its code location, and stop them with the web server.
    Raises: KeyboardInterrupt: a signal arrived. SystemExit: the daemon exited by itself.
    """
    import uvicorn

    instance.optimize_for_webserver(STATEMENT_TIMEOUT_MS, POOL_RECYCLE_S, MAX_POOL_OVERFLOW)
    with ExitStack() as stack:
        daemon = None
        if with_daemon:
            start_cursors(instance)
            workspace = stack.enter_context(_code_location(instance, workspace))
            daemon = stack.enter_context(_daemon(workspace))
        target = WorkspaceFileTarget([str(workspace)])
        process = stack.enter_context(
            WorkspaceProcessContext(instance, target, version=dg.__version__, read_only=is_read_only)
        )
        app = WebServer(process, store, origins=origins, is_read_only=is_read_only).create_asgi_app()
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S))
        if daemon is not None:
            threading.Thread(target=_end_after, args=(daemon, server), daemon=True).start()
        print(f"{'review, read-only' if is_read_only else 'ui'}: {', '.join(sorted(origins))}", flush=True)
        server.run(sockets=[listener])  # a signal ends it by KeyboardInterrupt
        if daemon is not None:
            raise SystemExit(
                f"dagster-daemon ended with status {daemon.wait()}, and the web server with it; its messages stand above."
            )


def start_cursors(instance: dg.DagsterInstance) -> None:
    """Start a first daemon at the latest event; it would do so itself, but with a warning that looks like a fault."""
    storage = instance.daemon_cursor_storage
    keys = {
        f"EVENT_LOG_CONSUMER_CURSOR-{kind.value}"
        for kind in (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_SUCCESS)
    }
    if absent := keys - set(storage.get_cursor_values(keys)):
        latest = instance.event_log_storage.get_maximum_record_id() or 0
        storage.set_cursor_values(dict.fromkeys(absent, str(latest)))


@contextmanager
def _code_location(instance: dg.DagsterInstance, workspace: Path) -> Iterator[Path]:
    """A workspace file that names running code servers.

    Web server and daemon share them, so that a reload in the UI reaches both; a daemon restarts its own servers every minute.
    """
    with (
        ProxyServerManager(instance, WorkspaceFileTarget([str(workspace)]), code_server_log_level="warning") as servers,
        tempfile.TemporaryDirectory() as folder,
    ):
        shared = Path(folder) / "workspace.yaml"
        shared.write_text(yaml.safe_dump({"load_from": servers.get_code_server_specs()}), encoding="utf-8")
        yield shared


@contextmanager
def _daemon(workspace: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A running `dagster-daemon`, stopped at the end of the context."""
    program = Path(sys.executable).with_name("dagster-daemon")
    # a process group of its own: Ctrl-C reaches it once, by `terminate` below
    daemon = subprocess.Popen([program, "run", "-w", workspace], process_group=0)
    try:
        yield daemon
    finally:
        daemon.terminate()
        try:
            daemon.wait(DAEMON_STOP_TIMEOUT_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):  # too slow, or Ctrl-C a second time
            daemon.kill()
            daemon.wait()


def _end_after(daemon: "subprocess.Popen[bytes]", server: Any) -> None:
    daemon.wait()
    server.should_exit = True


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or text != f"{parts.scheme}://{parts.netloc}":
        raise argparse.ArgumentTypeError(
            f"{text!r} is no origin; expected one such as https://ui.lab.example, without a path"
        )
    return text.lower()


def main() -> None:
    """Parse the options and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=Path("workspace.yaml"), metavar="FILE")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; beyond this machine only when you name it"
    )
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument(
        "--origin", type=_origin, action="append", default=[], metavar="URL",
        help="another address that browsers or a proxy reach this server by, such as https://ui.lab.example; can be repeated",
    )  # fmt: skip
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--read-only", action="store_true", help="for reviewers: nothing can be changed")
    mode.add_argument("--with-daemon", action="store_true", help="run dagster-daemon beside it; both end together")
    options = parser.parse_args()
    if not options.workspace.is_file():
        parser.error(f"there is no {options.workspace}; run in the project's folder or name one with --workspace")
    # SIGTERM ends as Ctrl-C does, with the daemon; a shell that starts this in the background has it ignore SIGINT
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # ignored under nohup
        signal.signal(
            signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM)
        )  # uvicorn has a handler of that alone
    try:  # before a daemon is started: there must never be two on one instance
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        listener = socket.create_server((options.host, options.port), family=family)
    except OSError as error:
        parser.error(f"cannot listen: {error.strerror}; end what listens there, or choose another --host or --port")
    port = listener.getsockname()[1]
    with suppress(KeyboardInterrupt), listener, dg.DagsterInstance.get() as instance:
        store = default_resources()["store"].get()  # type: ignore[attr-defined]
        serve(
            instance, store, listener, workspace=options.workspace, is_read_only=options.read_only,
            with_daemon=options.with_daemon, origins=allowed_origins(options.host, port) | set(options.origin),
        )  # fmt: skip


if __name__ == "__main__":
    main()
