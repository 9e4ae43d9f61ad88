"""The UI for reviewers: everything can be seen and nothing changed. `make review` starts it.

Dagster's own `--read-only` refuses the mutations that need a permission and lets through those that need none (the dry run of
a schedule runs its code; that the welcome page was seen is written down). Here no mutation is executed, and the routes that
report an asset's events from outside are not there. Names of `dagster._core` are private; 1.13.27 is pinned.
"""

import argparse
from collections.abc import Collection
from pathlib import Path

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.webserver import DagsterWebserver
from graphql import ASTValidationRule, FieldNode, GraphQLError, OperationDefinitionNode, OperationType, specified_rules
from starlette.routing import BaseRoute, Route

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
    """Dagster's web server without what changes something."""

    def build_graphql_validation_rules(self) -> Collection[type[ASTValidationRule]]:
        """GraphQL's own rules, and no mutations."""
        return [*specified_rules, RefuseMutations]

    def build_routes(self) -> list[BaseRoute]:
        """Dagster's routes without those that take reports of materializations, checks and observations."""
        return [
            route
            for route in super().build_routes()
            if not (isinstance(route, Route) and route.path.startswith("/report_asset_"))
        ]


def serve(instance: dg.DagsterInstance, *, workspace: Path, host: str, port: int) -> None:
    """Serve until the process is told to end."""
    import uvicorn

    target = WorkspaceFileTarget([str(workspace)])
    with WorkspaceProcessContext(instance, target, read_only=True) as process:
        print(f"review, read-only: http://{host}:{port}", flush=True)
        uvicorn.run(ReviewServer(process).create_asgi_app(), host=host, port=port, log_level="warning")


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
        serve(instance, workspace=options.workspace, host=options.host, port=options.port)


if __name__ == "__main__":
    main()
