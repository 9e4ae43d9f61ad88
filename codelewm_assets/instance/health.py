"""Health of the Dagster instance, as findings of the doctor.

Schema versions come from the storages' undocumented `alembic_version`, which is used here alone.
"""

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from codelewm_assets.core.errors import AssetsError
from codelewm_assets.defs.inputs import latest_version
from codelewm_assets.doctor.finding import HealthFinding, health_finding
from codelewm_assets.instance.launcher import fail_dead_runs

UNFINISHED_STATUSES = [
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
class UnfinishedRun:
    """A run that has not ended according to the instance; `silent_s`: seconds since its last event, or since its creation."""

    run_id: str
    job: str
    status: str
    silent_s: float


def unfinished_runs(instance: dg.DagsterInstance, *, now_s: float) -> list[UnfinishedRun]:
    """Runs that are queued, starting, started or being cancelled, the oldest first.

    A run whose process was killed stays among them, because nothing recorded its end.
    Args: now_s: current time in seconds since the epoch.
    """
    unfinished = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED_STATUSES), ascending=True):
        run = record.dagster_run
        events = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
        last_s = events[0].timestamp if events else record.create_timestamp.timestamp()
        unfinished.append(UnfinishedRun(run.run_id, run.job_name, run.status.value, max(0.0, now_s - last_s)))
    return unfinished


def require_no_run(instance: dg.DagsterInstance, *, now_s: float, silent_for_s: float | None) -> None:
    """Refuse to delete while a run may still use stored artifacts.

    Args: silent_for_s: runs without an event for longer count as dead; None: no run counts as dead.
    Raises: AssetsError: runs are in progress; names each.
    """
    runs = [
        run for run in unfinished_runs(instance, now_s=now_s) if silent_for_s is None or run.silent_s <= silent_for_s
    ]
    if runs:
        listed = ", ".join(f"{r.job} {r.run_id[:8]} ({r.status}, silent {r.silent_s / HOUR_S:.1f} h)" for r in runs)
        raise AssetsError(
            f"Nothing is removed while runs are in progress: {listed}. Wait for them, or terminate them in the UI; when "
            "their process is known to be dead, pass --ignore-runs-silent-for HOURS."
        )


def newest_run(instance: dg.DagsterInstance) -> str | None:
    """Id of the run that was created last; None: the instance has no run."""
    records = instance.get_run_records(limit=1)
    return records[0].dagster_run.run_id if records else None


def require_no_run_since(instance: dg.DagsterInstance, newest: str | None) -> None:
    """Refuse when a run was created since, even if it has ended: the artifacts that it wrote or reused may now be in use.

    Run ids are compared, not clocks: runs may come from other machines.
    Args: newest: result of `newest_run` before the live artifacts were listed.
    Raises: AssetsError: another run is now the newest.
    """
    found = newest_run(instance)
    if found != newest:
        raise AssetsError(
            f"Nothing more is removed: the newest run is {(found or 'none')[:8]}, and was {(newest or 'none')[:8]} when it was "
            "planned what goes; what the new one made may be in use. Run prune again: it plans anew."
        )


def live_digests(instance: dg.DagsterInstance) -> frozenset[str]:
    """Digests of the latest materialization of every asset and partition in the instance's history."""
    digests = set[str | None]()
    for key in instance.all_asset_keys():
        kind = key.to_user_string()
        digests.update(latest_version(instance, kind, p) for p in (None, *instance.get_materialized_partitions(key)))
    return frozenset(digest for digest in digests if digest is not None)


MAX_SILENCE_S = HOUR_S  # training and labelling, which take longest, log an event every few minutes
HOME_REMEDY = "run in the project's folder, with DAGSTER_HOME unset or its absolute path"


def instance_findings(environment: Mapping[str, str], working: Path, *, now_s: float) -> list[HealthFinding]:
    """Findings about home, configuration, storage, schema, daemons and runs; those that cannot be computed are omitted.

    Args:
        environment: DAGSTER_HOME names the instance.
        working: the working folder, whose dagster.yaml is used when DAGSTER_HOME is not set.
        now_s: seconds since the epoch.
    """
    home = Path(environment.get("DAGSTER_HOME") or working)
    is_home = home.is_absolute() and home.is_dir()
    findings = [
        health_finding("dagster_home", is_home, "fail", found=str(home), wanted="the absolute path of a folder",
                       remedy="correct DAGSTER_HOME, or unset it and run in the project's folder"),
    ]  # fmt: skip
    if not is_home:
        return findings
    is_configured = (home / "dagster.yaml").is_file()
    findings.append(
        health_finding(
            "dagster_yaml", is_configured, "fail", found="there" if is_configured else f"no dagster.yaml in {home.name}/",
            wanted="the project's dagster.yaml", remedy=HOME_REMEDY,
        )
    )  # fmt: skip
    if not is_configured:
        return findings
    return [*findings, storage_folder_finding(home, working), *_of_instance(home, now_s)]


def _of_instance(home: Path, now_s: float) -> list[HealthFinding]:
    with ExitStack() as stack:
        try:
            instance = stack.enter_context(dg.DagsterInstance.from_config(str(home)))
            schema = schema_finding(instance)
            if schema.state == "ok":
                instance.get_run_records(limit=1)
        except Exception as error:  # any error while opening is the finding
            message = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            remedy = (
                "correct dagster.yaml, or set the storage aside and build again: artifacts that are stored are reused"
            )
            return [HealthFinding("instance_storage", "fail", message, "a storage that opens", remedy)]
        opened = HealthFinding(
            "instance_storage", "ok", type(instance.event_log_storage).__name__, "a storage that opens"
        )
        if schema.state != "ok":
            return [opened, schema]
        return [opened, schema, daemons_finding(instance), runs_finding(instance, now_s=now_s)]


def storage_folder_finding(home: Path, working: Path) -> HealthFinding:
    """Relative folders of dagster.yaml resolve to folders beside it, although they start from the working folder."""
    text = (home / "dagster.yaml").read_text(encoding="utf-8", errors="replace")
    folders = [found.strip("\"'") for found in re.findall(r"(?m)^\s*base_dir:\s*([^\s#{]+)", text)]
    is_beside = home.resolve() == working.resolve() or all(Path(folder).is_absolute() for folder in folders)
    return health_finding(
        "storage_folder", is_beside, "warn", found="beside dagster.yaml" if is_beside else f"in {working}, not in {home}",
        wanted="Dagster's storage beside dagster.yaml, whose relative folders start from the working folder",
        remedy="run in the folder of dagster.yaml, or write absolute folders into it",
    )  # fmt: skip


def schema_finding(instance: dg.DagsterInstance) -> HealthFinding:
    """The database schema is that of this Dagster version."""
    storages = {
        "runs": instance.run_storage,
        "events": instance.event_log_storage,
        "schedules": instance.schedule_storage,
    }
    old = []
    for name, storage in storages.items():
        versions = storage.alembic_version() if storage is not None else None
        if versions is not None and versions[0] != versions[1]:
            old.append(f"{name} at {versions[0] or 'no version'}, wanted {versions[1]}")
    return health_finding(
        "instance_schema", not old, "fail", found="; ".join(old) or "up to date",
        wanted="the schema of this Dagster", remedy="back the storage up, then run `dagster instance migrate`",
    )  # fmt: skip


def daemons_finding(instance: dg.DagsterInstance) -> HealthFinding:
    """The daemons of sensors, queued runs and backfills have a recent heartbeat; a command-line build needs none."""
    silent = sorted(
        status.daemon_type
        for status in instance.get_daemon_statuses().values()
        if status.required and not status.healthy
    )
    return health_finding(
        "daemons", not silent, "warn", found=f"no healthy heartbeat of {', '.join(silent)}" if silent else "all healthy",
        wanted="a heartbeat of each within the last half hour",
        remedy="`make ui` starts them; `build` needs none, but queued runs, sensors and backfills wait for them",
    )  # fmt: skip


def runs_finding(instance: dg.DagsterInstance, *, now_s: float) -> HealthFinding:
    """Unfinished runs still log events. Runs whose process is known to be dead are marked as failed first."""
    fail_dead_runs(instance)
    runs = unfinished_runs(instance, now_s=now_s)
    dead = [
        f"{r.job} {r.run_id[:8]} ({r.status}, silent {r.silent_s / HOUR_S:.1f} h)"
        for r in runs
        if r.silent_s > MAX_SILENCE_S
    ]
    return health_finding(
        "runs", not dead, "warn", found=", ".join(dead) or f"{len(runs)} in progress, none silent for an hour",
        wanted="no run in progress whose process is dead",
        remedy="if their process is dead: terminate them in the UI (force), or `prune --ignore-runs-silent-for HOURS`",
    )  # fmt: skip
