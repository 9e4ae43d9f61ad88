"""All private names of Dagster 1.13.27 that the product uses; a test finds any other use.

Dagster is pinned to this version. Names of `dagster._…` and `dagster_webserver` are imported here alone, and lazily: the web
server is an extra and takes a second to import. Attributes without a public mark are called in place and listed in `UNMARKED`.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster._cli.proxy_server_manager import ProxyServerManager as ProxyServerManager
    from dagster._core.event_api import PartitionKeyFilter as PartitionKeyFilter
    from dagster._core.launcher.base import CheckRunHealthResult as CheckRunHealthResult
    from dagster._core.launcher.base import WorkerStatus as WorkerStatus
    from dagster._core.workspace.context import WorkspaceProcessContext as WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget as WorkspaceFileTarget
    from dagster._grpc.types import CanCancelExecutionRequest as CanCancelExecutionRequest
    from dagster_webserver.webserver import DagsterWebserver as DagsterWebserver

MODULES: Mapping[str, str] = {
    "CanCancelExecutionRequest": "dagster._grpc.types",  # asks a code server whether it runs a run
    "CheckRunHealthResult": "dagster._core.launcher.base",  # a launcher's answer to run monitoring
    "DagsterWebserver": "dagster_webserver.webserver",  # takes a middleware and rules of GraphQL, which its command does not
    "PartitionKeyFilter": "dagster._core.event_api",  # the latest record of a check for one seed
    "ProxyServerManager": "dagster._cli.proxy_server_manager",  # one code server for the web server and the daemon
    "WorkerStatus": "dagster._core.launcher.base",  # part of the launcher's answer
    "WorkspaceFileTarget": "dagster._core.workspace.load_target",  # the file that names the code location
    "WorkspaceProcessContext": "dagster._core.workspace.context",  # what the web server is made with
}
GRPC_INFO_TAG = ".dagster/grpc_info"
"""Tag of a run: the code server that started it. A test compares it with Dagster's own constant."""
UNMARKED = (
    "DagsterInstance.add_event_listener",  # live events of a run of this process, without polling
    "DagsterInstance.all_logs",  # events of a run by their type
    "DagsterInstance.event_log_storage",  # latest records of many checks in one query, and limits of pools
    "DagsterInstance.global_op_concurrency_default_limit",  # limit of a new pool
    "DagsterInstance.get_run_records",  # runs with the times of their last change
    "DagsterInstance.optimize_for_webserver",  # connections to a database server
    "DagsterInstance.report_run_failed",  # ends a run whose process is gone, and frees its pools
    "DagsterInstance.root_directory",  # where the locks of pools lie
    "DefaultRunLauncher._get_grpc_client_for_termination",  # the code server of a run
    "DefaultRunLauncher._instance",  # the instance that registered it; set when it is registered
)


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return getattr(import_module(MODULES[name]), name)
    raise AttributeError(f"{__name__} has no {name}; it has {', '.join(MODULES)}")
