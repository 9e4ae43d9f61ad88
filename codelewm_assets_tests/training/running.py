"""The worker as the product starts it: through Dagster Pipes, from the step of an asset."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from codelewm_assets.defs import training
from codelewm_assets.training.worker import WorkerSpec

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_worker(spec: WorkerSpec, *, on_event: Callable[[dict[str, Any]], None] = lambda event: None) -> None:
    """`defs.training.run_worker` in a run of an asset that does nothing else. Raises: as that does."""

    @dg.asset
    def trained(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        training.run_worker(context, spec, on_event=on_event)
        return dg.MaterializeResult()

    dg.materialize([trained], run_config=QUIET)
