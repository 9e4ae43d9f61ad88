"""`require_clear`: training starts only when every check that gates it is green on exactly what it would train on.

A blocking check in Dagster holds back its own run only, so the guard asks the instance itself, on every route. The one
private name of Dagster used here is `get_latest_asset_check_execution_by_key`; guard tests hold it to 1.13.27.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.defs.rules import DATA_RULES, PARTITIONED

CheckState = Literal["GREEN", "RED", "STALE", "MANUAL", "RUNNING", "NOT_EVALUATED", "MISSING"]
ADDED_GATES: tuple[tuple[str, str], ...] = (
    ("preflight_report", "preflight_is_clear"),
    ("preflight_report", "artifacts_verify"),
    ("tokenized_pack", "tokens_join_the_pack"),
)
GATES: tuple[tuple[str, str], ...] = (*((rule.asset, rule.name) for rule in DATA_RULES), *ADDED_GATES)
"""(asset, check) of everything that gates training; a test compares it with the graph."""


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """The state of one check on one partition, why it is not green, and the figures that it showed."""

    asset: str
    check: str
    partition: str | None
    state: CheckState
    detail: str = ""
    figures: Mapping[str, float | int | str | bool] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`asset[partition]:check`."""
        return f"{self.asset}{'' if self.partition is None else f'[{self.partition}]'}:{self.check}"


def check_status(instance: dg.DagsterInstance, asset: str, check: str, partition: str | None = None) -> CheckStatus:
    """The state of a check on the latest materialization of its asset."""

    def status(state: CheckState, detail: str = "", figures: Mapping[str, Any] | None = None) -> CheckStatus:
        return CheckStatus(asset, check, partition, state, detail, figures or {})

    wanted = dg.AssetRecordsFilter(
        asset_key=dg.AssetKey(asset), asset_partitions=None if partition is None else [partition]
    )
    materializations = instance.fetch_materializations(wanted, limit=1).records
    if not materializations:
        return status("MISSING", "the asset has not been materialized")
    latest = materializations[0]
    key = dg.AssetCheckKey(dg.AssetKey(asset), check)
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [key], PartitionKeyFilter(key=partition)
    ).get(key)
    if record is None:
        return status("MISSING", "the check has not been run")
    if record.status == AssetCheckExecutionRecordStatus.PLANNED:
        run = instance.get_run_by_id(record.run_id)
        is_live = run is not None and not run.is_finished
        return status("RUNNING" if is_live else "NOT_EVALUATED", f"run {record.run_id[:8]} gave no result")
    if not record.run_id:
        return status("MANUAL", "the result was reported by hand, not by a run")
    return _judged(record, latest.storage_id, latest.run_id, status)


def _judged(record: AssetCheckExecutionRecord, storage_id: int, run_id: str, status) -> CheckStatus:  # type: ignore[no-untyped-def]
    event = record.event.dagster_event if record.event else None
    if event is None:
        return status("NOT_EVALUATED", "its record holds no evaluation")
    evaluation = event.asset_check_evaluation_data
    target = evaluation.target_materialization_data
    if (target is None and record.run_id != run_id) or (target is not None and target.storage_id != storage_id):
        return status("STALE", "it judged an earlier materialization")
    figures = {
        name: value.value
        for name, value in evaluation.metadata.items()
        if isinstance(value, dg.FloatMetadataValue | dg.IntMetadataValue | dg.BoolMetadataValue | dg.TextMetadataValue)
    }
    if not evaluation.passed:  # a failed WARN is red too: it would not have held anything back
        return status("RED", evaluation.description or "", figures)
    return status("GREEN", "", figures)


def gate_statuses(instance: dg.DagsterInstance) -> list[CheckStatus]:
    """The state of everything that gates training."""
    return [
        check_status(instance, asset, check, partition)
        for asset, check in GATES
        for partition in (BENCHMARKS if asset in PARTITIONED else (None,))
    ]


def require_clear(instance: dg.DagsterInstance) -> None:
    """Raises: dg.Failure: any gate is not green; one error that names each, and is not retried."""
    blocked = [status for status in gate_statuses(instance) if status.state != "GREEN"]
    if not blocked:
        return
    rows = [dg.TableRecord({"check": found.name, "state": found.state, "detail": found.detail}) for found in blocked]
    named = "; ".join(f"{found.name} {found.state}" for found in blocked)
    raise dg.Failure(
        f"Training is refused: {len(blocked)} of its checks are not green: {named}. Materialize these assets with their "
        "checks, then start again.",
        metadata={"gate": dg.MetadataValue.table(rows)},
        allow_retries=False,
    )
