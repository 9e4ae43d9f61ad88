"""The UI for reviewers: everything can be seen and nothing changed. `make review` starts it.

Dagster's own `--read-only` refuses the mutations that need a permission; `setNuxSeen`, which needs none, it carries out. Here
no mutation is executed, and the routes that report an asset's events from outside are not there. The latest review site is
served beside the UI, under /review_site/. Names of `dagster._core` are private; 1.13.27 is pinned.
"""

import argparse
from collections.abc import Collection
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.webserver import DagsterWebserver
from graphql import ASTValidationRule, FieldNode, GraphQLError, OperationDefinitionNode, OperationType, specified_rules
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from codelewm_assets.core.errors import AssetsError
from codelewm_assets.core.store import ArtifactStore
from codelewm_assets.defs.plumbing import latest_artifact
from codelewm_assets.defs.resources import default_resources

REFUSAL = (
    "This server is for review: it shows everything and changes nothing. Use `make ui` to run or change something."
)


class RefuseMutations(ASTValidationRule):
    """A document with a mutation in it is refused before any of it is executed."""

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        """Report a mutation, by the names of its fields."""
        if node.operation is OperationType.MUTATION:
            fields = [field.name.value for field in node.selection_set.selections if isinstance(field, FieldNode)]
            self.report_error(GraphQLError(f"{', '.join(fields)}: refused. {REFUSAL}", node))


class ReviewServer(DagsterWebserver):
    """Dagster's web server without what changes something, and with the pages of the review site."""

    def __init__(self, process: WorkspaceProcessContext, store: ArtifactStore) -> None:
        """Args: store: where the review site lies."""
        self._store = store
        super().__init__(process)

    def build_graphql_validation_rules(self) -> Collection[type[ASTValidationRule]]:
        """GraphQL's own rules, and no mutations."""
        return [*specified_rules, RefuseMutations]

    def build_routes(self) -> list[BaseRoute]:
        """Dagster's routes without those that take reports of materializations, checks and observations."""
        site: list[BaseRoute] = [Route("/review_site/{path:path}", self._review_site)]
        return site + [
            route
            for route in super().build_routes()
            if not (isinstance(route, Route) and route.path.startswith("/report_asset_"))
        ]

    def _review_site(self, request: Request) -> Response:
        """A file of the latest review site; only what its manifest names can be asked for."""
        try:
            site = latest_artifact(self._process_context.instance, self._store, "review_site")
            return FileResponse(site.path(request.path_params["path"] or "index.html"))
        except (AssetsError, dg.Failure) as error:
            told: Any = error.description if isinstance(error, dg.Failure) else error
            return PlainTextResponse(str(told), status_code=404)


def serve(instance: dg.DagsterInstance, store: ArtifactStore, *, workspace: Path, host: str, port: int) -> None:
    """Serve until the process is told to end."""
    import uvicorn

    target = WorkspaceFileTarget([str(workspace)])
    with WorkspaceProcessContext(instance, target, read_only=True) as process:
        print(f"review, read-only: http://{host}:{port}", flush=True)
        uvicorn.run(ReviewServer(process, store).create_asgi_app(), host=host, port=port, log_level="warning")


def main() -> None:
    """Parse the address and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=Path("workspace.yaml"), metavar="FILE")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; beyond this machine only when you name it"
    )
    parser.add_argument("--port", type=int, default=3000)
    options = parser.parse_args()
    if not options.workspace.is_file():
        parser.error(f"there is no {options.workspace}; run in the project's folder or name one with --workspace")
    with dg.DagsterInstance.get() as instance:
        store = default_resources()["store"].get()  # type: ignore[attr-defined]
        serve(instance, store, workspace=options.workspace, host=options.host, port=options.port)


if __name__ == "__main__":
    main()
