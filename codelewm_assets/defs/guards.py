"""`require_clear`: training starts only when every blocking check is green on exactly the artifacts it would train on.

A blocking check in Dagster stops its own run only, so the guard queries the instance, on every route.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import dagster as dg

from codelewm_assets.defs.checks import DATA_RULES
from codelewm_assets.defs.inputs import Inputs, latest_materializations, version_of
from codelewm_assets.preflight.clearance import REQUIRED_RULES
from codelewm_assets.private_names import PartitionKeyFilter

CheckState = Literal["GREEN", "RED", "STALE", "MANUAL", "RUNNING", "NOT_EVALUATED", "MISSING", "UNDEFINED"]
ADDED_CHECKS: tuple[tuple[str, str], ...] = (
    ("preflight_report", "preflight_is_clear"),
    ("preflight_report", "artifacts_verify"),
    ("tokenized_pack", "tokens_join_the_pack"),
)
BLOCKING_CHECKS: tuple[tuple[str, str], ...] = (*((rule.asset, rule.name) for rule in DATA_RULES), *ADDED_CHECKS)
"""(asset, check) of every check that blocks training; tests compare it with the graph and with `REQUIRED_RULES`."""


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """The state of one check on one partition: time, artifact, reason if not green, and figures."""

    asset: str
    check: str
    partition: str | None
    state: CheckState
    detail: str = ""
    figures: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    ran_at_s: float | None = None  # seconds since the epoch; None: no result
    judged: str | None = None  # digest that was checked; None: no result, or a result without one
    latest: str | None = None  # digest of the latest materialization; None: never materialized

    @property
    def name(self) -> str:
        """`asset[partition]:check`."""
        return f"{self.asset}{'' if self.partition is None else f'[{self.partition}]'}:{self.check}"

    @property
    def when(self) -> str:
        """Time of the result, in UTC."""
        if self.ran_at_s is not None:
            return f"{datetime.fromtimestamp(self.ran_at_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
        return "no result yet" if self.state in ("RUNNING", "NOT_EVALUATED") else "never"

    @property
    def line(self) -> str:
        """Name, state, time, digests and detail on one line."""
        ran = f"ran {self.when} on {_short(self.judged)}" if self.ran_at_s is not None else f"ran: {self.when}"
        return f"{self.name} {self.state}; {ran}; latest is {_short(self.latest)}; {self.detail}"


def check_status(instance: dg.DagsterInstance, asset: str, check: str, partition: str | None = None) -> CheckStatus:
    """The state of a check on the latest materialization of its asset."""
    return statuses_of(instance, [(asset, check, partition)])[0]


def statuses_of(instance: dg.DagsterInstance, checks: Sequence[tuple[str, str, str | None]]) -> list[CheckStatus]:
    """The state of each check on the latest materialization of its asset. Args: checks: (asset, check, partition)."""
    materialized = latest_materializations(instance, [(asset, partition) for asset, _, partition in checks])
    records = {
        partition: _latest_records(
            instance,
            [dg.AssetCheckKey(dg.AssetKey(asset), check) for asset, check, p in checks if p == partition],
            partition,
        )
        for partition in {partition for _, _, partition in checks}
    }
    return [
        _status(
            instance,
            CheckStatus(asset, check, partition, "MISSING", "the asset has not been materialized"),
            materialized.get((asset, partition)),
            records[partition].get(dg.AssetCheckKey(dg.AssetKey(asset), check)),
        )
        for asset, check, partition in checks
    ]


def _latest_records(
    instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey], partition: str | None
) -> Mapping[dg.AssetCheckKey, Any]:
    """Dagster's record of the latest execution of each check that has ever run.

    `DagsterInstance.get_latest_asset_check_evaluation_record` returns the same for one check without a partition.
    """
    of_seed = None if partition is None else PartitionKeyFilter(key=partition)
    return instance.event_log_storage.get_latest_asset_check_execution_by_key(checks, of_seed)


def _status(
    instance: dg.DagsterInstance, missing: CheckStatus, materialized: dg.EventLogRecord | None, record: Any
) -> CheckStatus:
    if materialized is None:
        return missing
    status = replace(missing, latest=version_of(materialized))
    # partitions differ when an earlier version of the check was partitioned otherwise
    if record is None or record.partition != missing.partition:
        return replace(status, detail="the check has not been run")
    if record.status.value == "PLANNED":
        run = instance.get_run_by_id(record.run_id)
        is_live = run is not None and not run.is_finished
        detail = f"run {record.run_id[:8]} has given no result"
        return replace(status, state="RUNNING" if is_live else "NOT_EVALUATED", detail=detail)
    return _judged(record, materialized, status)


def _judged(record: Any, materialized: dg.EventLogRecord, status: CheckStatus) -> CheckStatus:
    event = record.event.dagster_event if record.event else None
    if record.event is None or event is None:
        return replace(status, state="NOT_EVALUATED", detail="its record holds no evaluation")
    evaluation = event.asset_check_evaluation_data
    figures = {
        name: value.value
        for name, value in evaluation.metadata.items()
        if isinstance(value, dg.FloatMetadataValue | dg.IntMetadataValue | dg.BoolMetadataValue | dg.TextMetadataValue)
        and value.value is not None
    }
    judged = figures.get("judged")
    status = replace(status, ran_at_s=record.event.timestamp, judged=None if judged is None else str(judged))
    if not record.run_id:
        return replace(status, state="MANUAL", detail="the result was reported by hand, not by a run")
    target = evaluation.target_materialization_data
    is_of_latest = (
        record.run_id == materialized.run_id if target is None else target.storage_id == materialized.storage_id
    )
    if not is_of_latest:
        return replace(status, state="STALE", detail="it judged an earlier materialization")
    if not evaluation.passed:  # a failed WARN is red too, though it blocks no run
        return replace(status, state="RED", detail=evaluation.description or "it did not pass", figures=figures)
    if status.judged != status.latest:
        return replace(status, state="STALE", detail="it judged other data than the latest")
    return replace(status, state="GREEN", detail="", figures=figures)


def blocking_statuses(instance: dg.DagsterInstance) -> list[CheckStatus]:
    """The state of every check that blocks training, and of every required rule without a check in the code."""
    defined = {check for _, check in BLOCKING_CHECKS}
    detail = "the code has no check of this rule, which preflight/clearance.py requires"
    undefined = [
        CheckStatus("preflight_report", rule, None, "UNDEFINED", detail)
        for rule in REQUIRED_RULES
        if rule not in defined
    ]
    return statuses_of(instance, [(*check, None) for check in BLOCKING_CHECKS]) + undefined


def require_clear(instance: dg.DagsterInstance) -> None:
    """Raises: dg.Failure: some of these checks are not green; one error with a line for each, never retried."""
    blocked = [status for status in blocking_statuses(instance) if status.state != "GREEN"]
    if not blocked:
        return
    raise dg.Failure(
        f"Training is refused: {len(blocked)} of its checks are not green.\n"
        + "".join(f"  {status.line}\n" for status in blocked)
        + "Materialize these assets with their checks, then start again. docs/guard.md lists what to do in each state.",
        metadata={"gate": dg.MetadataValue.table([_row(status) for status in blocked])},
        allow_retries=False,
    )


def require_same_settings(inputs: Inputs) -> None:
    """Raises: dg.Failure: the preflight report was made under other settings than this profile's."""
    report = inputs.artifact("preflight_report").read_json("preflight_report.json")
    if report.get("settings") != inputs.profile.preflight_settings():
        raise dg.Failure(
            f"Training is refused: the settings of preflight_report are not those of profile {inputs.profile.name}. "
            "Materialize preflight_report under this profile.",
            allow_retries=False,
        )


def _row(status: CheckStatus) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "check": status.name,
            "state": status.state,
            "ran": status.when,
            "judged": status.judged or "",
            "latest": status.latest or "",
            "detail": status.detail,
        }
    )


def _short(digest: str | None) -> str:
    return "nothing" if digest is None else digest[:12]
