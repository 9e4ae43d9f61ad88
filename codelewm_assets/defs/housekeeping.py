"""What the instance knows that a prune must know: which artifacts are live, and which runs have not ended."""

from dataclasses import dataclass

import dagster as dg

from codelewm_assets.core.errors import AssetsError
from codelewm_assets.defs.plumbing import latest_version

NOT_ENDED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
    dg.DagsterRunStatus.MANAGED,
    dg.DagsterRunStatus.SUSPENDED,
]
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class UnendedRun:
    """A run that has not ended, as far as the instance knows; `silent_s` since its last event, or since it was created."""

    run_id: str
    job: str
    status: str
    silent_s: float


def unended_runs(instance: dg.DagsterInstance, *, now_s: float) -> list[UnendedRun]:
    """Runs that are queued, starting, started or being cancelled, the oldest first.

    A run of a process that was killed stays among them: nothing has told the instance that it ended.
    Args: now_s: seconds since the epoch, which silence is counted to.
    """
    found = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=NOT_ENDED), ascending=True):
        run = record.dagster_run
        events = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
        last_s = events[0].timestamp if events else record.create_timestamp.timestamp()
        found.append(UnendedRun(run.run_id, run.job_name, run.status.value, max(0.0, now_s - last_s)))
    return found


def require_no_run(instance: dg.DagsterInstance, *, now_s: float, silent_for_s: float | None) -> None:
    """Refuse while a run may still need what is stored.

    Args: silent_for_s: runs that have given no event for longer count as dead; None: none does.
    Raises: AssetsError: a run has not ended; names each.
    """
    runs = [run for run in unended_runs(instance, now_s=now_s) if silent_for_s is None or run.silent_s <= silent_for_s]
    if runs:
        shown = ", ".join(f"{r.job} {r.run_id[:8]} ({r.status}, silent {r.silent_s / HOUR_S:.1f} h)" for r in runs)
        raise AssetsError(
            f"Nothing is removed while runs are in progress: {shown}. Wait for them, or terminate them in the UI; when "
            "their process is known to be dead, pass --ignore-runs-silent-for HOURS."
        )


def newest_run(instance: dg.DagsterInstance) -> str | None:
    """Id of the run that was created last; None: there is none."""
    records = instance.get_run_records(limit=1)
    return records[0].dagster_run.run_id if records else None


def require_no_run_since(instance: dg.DagsterInstance, newest: str | None) -> None:
    """Refuse when a run was created since, also when it has ended: what it made or took up again may now be in use.

    No clock is compared, as runs may be told by other machines.
    Args: newest: what `newest_run` said before it was asked what is live.
    Raises: AssetsError: it says something else now.
    """
    found = newest_run(instance)
    if found != newest:
        raise AssetsError(
            f"Nothing more is removed: the newest run is {(found or 'none')[:8]}, and was {(newest or 'none')[:8]} when it was "
            "planned what goes; what the new one made may be in use. Run prune again: it plans anew."
        )


def live_digests(instance: dg.DagsterInstance) -> frozenset[str]:
    """Digests of the latest materialization of every asset and partition that the instance has ever seen."""
    found = set[str | None]()
    for key in instance.all_asset_keys():
        kind = key.to_user_string()
        found.update(latest_version(instance, kind, p) for p in (None, *instance.get_materialized_partitions(key)))
    return frozenset(digest for digest in found if digest is not None)
