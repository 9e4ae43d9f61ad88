"""`build`: runs every job of the graph in order, one run per partition, and reports progress events."""

import json
import logging
import re
import sqlite3
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dagster as dg
import sqlalchemy
from dagster import DagsterEventType
from sqlalchemy.pool import Pool

from codelewm_assets.core.errors import AssetsError
from codelewm_assets.core.ids import artifact_id
from codelewm_assets.core.logs import log_context
from codelewm_assets.defs.failures import failure_text
from codelewm_assets.defs.jobs import BUILD_ORDER
from codelewm_assets.defs.status import GATE_OF_CHECK
from codelewm_assets.instance.launcher import acquire_pools, create_pools, fail_dead_runs, process_tags

LOG = logging.getLogger(__name__)
INTERRUPTED = "DagsterExecutionInterruptedError"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
FOLLOWED_EVENTS = {
    DagsterEventType.STEP_START,
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """A progress event. `kind`: started, finished, failed, check_started, check_passed, check_failed, gate.

    gate: a gate does not hold, which is a result and not a red check. The name of a check is `asset:check`.
    """

    kind: str
    name: str
    partition: str | None
    text: str = ""
    elapsed_s: float | None = None
    is_reused: bool | None = None


def log_progress(progress: Progress) -> None:
    """Log a progress event. A failed build logs its errors separately at the end."""
    asset, _, check = progress.name.partition(":")
    fields = {"asset": asset, "check": check or None, "partition": progress.partition, "kind": progress.kind,
              "elapsed_s": progress.elapsed_s, "is_reused": progress.is_reused}  # fmt: skip
    present = {name: value for name, value in fields.items() if value is not None}
    LOG.info(f"{progress.name} {progress.kind}: {progress.text}".rstrip(": "), extra={"fields": present})


@dataclass(slots=True)
class BuildResult:
    """The result of a build: wall time of each asset, and the failures."""

    wall_s: dict[str, float] = field(default_factory=dict)
    reused: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    @property
    def is_success(self) -> bool:
        """Every run succeeded."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of a job, with the assets that it materializes."""

    job: str
    partition: str | None
    assets: frozenset[dg.AssetKey]


def planned_runs(defs: dg.Definitions, select: str | None = None) -> list[PlannedRun]:
    """The runs of a build, in order.

    Args:
        select: a Dagster asset selection; None = everything.

    Raises:
        AssetsError: the selection cannot be parsed or matches nothing.
    """
    graph, chosen = defs.resolve_asset_graph(), _selected(defs, select)
    runs = []
    for step in BUILD_ORDER:
        step_assets = step.assets.resolve(graph)
        assets = frozenset(step_assets if chosen is None else step_assets & chosen)
        runs += [PlannedRun(step.job, partition, assets) for partition in step.partitions if assets]
    return runs


def build(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    *,
    select: str | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> BuildResult:
    """Run every job in order; after a failed run the later jobs, which need its assets, do not start.

    Args: select: a Dagster asset selection; None = everything.
    Raises: AssetsError: the selection cannot be parsed or matches nothing. KeyboardInterrupt: the build was interrupted; its
        run has failed and holds no pool.
    """
    graph, runs = defs.resolve_asset_graph(), planned_runs(defs, select)
    result = BuildResult()
    create_pools(instance, {pool for key in graph.get_all_asset_keys() for pool in graph.get(key).pools or ()})
    for run_id in fail_dead_runs(instance):
        LOG.warning(f"{run_id}: its process is gone; the run is marked as failed.")
    with persistent_connections():
        for _, of_job in groupby(runs, key=lambda run: run.job):
            for run in of_job:
                pools = {pool for key in run.assets for pool in graph.get(key).pools or ()}
                with acquire_pools(instance, pools, LOG.warning):
                    _run(defs, instance, run, result, on_progress)
            if result.failures:
                break
    return result


@contextmanager
def persistent_connections() -> Iterator[None]:
    """Keep a connection open to each SQLite database in use, and sync at checkpoints instead of at each commit.

    Dagster opens and closes a connection for each query, and closing the last one checkpoints the database's log. After a power
    failure the last events may be missing, but none is partial; the next build reuses the artifacts that they recorded.
    """
    held: dict[str, sqlite3.Connection] = {}

    def connected(connection: Any, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=NORMAL")
            path = connection.execute("PRAGMA database_list").fetchone()[2]
            if path and path not in held:
                held[path] = sqlite3.connect(path, check_same_thread=False)
                held[path].execute(
                    "SELECT count(*) FROM sqlite_master"
                ).fetchone()  # SQLite opens the file at the first query

    sqlalchemy.event.listen(Pool, "connect", connected)
    try:
        yield
    finally:
        sqlalchemy.event.remove(Pool, "connect", connected)
        for connection in held.values():
            connection.close()


def _selected(defs: dg.Definitions, select: str | None) -> set[dg.AssetKey] | None:
    if select is None:
        return None
    graph = defs.resolve_asset_graph()
    try:
        keys = dg.AssetSelection.from_string(_with_keys(select, graph)).resolve(graph)
    except dg.DagsterError as error:
        raise AssetsError(f"--select {select!r} cannot be parsed: {str(error).splitlines()[0]}") from error
    if not keys:
        raise AssetsError(f"--select {select!r} matches no asset. `codelewm-assets status` lists them.")
    return set(keys)


def _with_keys(select: str, graph: Any) -> str:
    """The selection with `key:` before each bare asset name.

    Dagster parses a bare name by an older syntax, in which `+name` is one layer of parents, operators are unknown and `1+name`
    is an error; with `key:` the current selection syntax applies.
    """
    names = "|".join(re.escape(key.to_user_string()) for key in graph.get_all_asset_keys())
    return re.sub(rf'(?<![\w:"*/])({names})(?![\w:"*/])', r'key:"\1"', select)


def _run(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    run: PlannedRun,
    result: BuildResult,
    on_progress: Callable[[Progress], None],
) -> None:
    run_id = str(uuid.uuid4())
    label = artifact_id(run.job, run.partition)
    checks = [(key.asset_key.to_user_string(), key.name) for key in defs.resolve_asset_graph().asset_check_keys]
    follower = _Follower(
        {key.to_user_string() for key in run.assets}, run.partition, result, on_progress,
        check_of_step={f"{asset}_{check}": f"{asset}:{check}" for asset, check in checks},
    )  # fmt: skip
    instance.add_event_listener(run_id, follower)
    with log_context(run_id=run_id):
        try:
            outcome = defs.resolve_job_def(run.job).execute_in_process(
                instance=instance, partition_key=run.partition, run_id=run_id, raise_on_error=False, run_config=QUIET,
                tags=process_tags(),
                asset_selection=sorted(run.assets),
            )  # fmt: skip
        except Exception as error:
            result.failures.append(f"{label}: {error}")
            return
    if follower.is_interrupted:  # Dagster has ended the run and recorded it in the instance
        raise KeyboardInterrupt
    if not outcome.success and not follower.has_failed:
        result.failures.append(f"{label}: the run failed before any step")


class _Follower:
    """Listener that receives each event of a run as it is stored."""

    def __init__(
        self,
        assets: Collection[str],
        partition: str | None,
        result: BuildResult,
        on_progress: Callable[[Progress], None],
        *,
        check_of_step: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._assets, self._partition, self._result, self._on_progress = assets, partition, result, on_progress
        self._check_of_step = check_of_step
        self._started: dict[str, float] = {}
        self.has_failed = self.is_interrupted = False

    def __call__(self, entry: dg.EventLogEntry) -> None:
        """Report the event, if it is one of `FOLLOWED_EVENTS`."""
        event = entry.dagster_event
        if event is not None and event.event_type in FOLLOWED_EVENTS:
            for progress in self._progress(event, entry.timestamp):
                self._on_progress(progress)

    def _progress(self, event: dg.DagsterEvent, timestamp: float) -> Iterator[Progress]:
        name = (event.step_key or "").split("[")[0]
        if event.event_type == DagsterEventType.STEP_START:
            self._started[name] = timestamp
            if name in self._assets:
                yield Progress("started", name, self._partition)
            elif name in self._check_of_step:
                yield Progress("check_started", self._check_of_step[name], self._partition)
        elif event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
            materialization = event.step_materialization_data.materialization
            asset = materialization.asset_key.to_user_string()
            elapsed = timestamp - self._started.get(name, timestamp)
            label = artifact_id(asset, self._partition)
            self._result.wall_s[label] = round(elapsed, 2)
            is_reused = bool(materialization.metadata.get("is_reused") and materialization.metadata["is_reused"].value)
            if is_reused:
                self._result.reused.add(label)
            yield Progress("finished", asset, self._partition, _figures(materialization.metadata), elapsed, is_reused)
        elif event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            text = "" if evaluation.passed else (evaluation.description or "")
            is_gate = evaluation.check_name in GATE_OF_CHECK
            kind = "check_passed" if evaluation.passed else "gate" if is_gate else "check_failed"
            asset = evaluation.asset_key.to_user_string()
            if not evaluation.passed and evaluation.blocking:
                self._fail(f"{artifact_id(asset, self._partition)}: check {evaluation.check_name} is red: {text}")
            yield Progress(kind, f"{asset}:{evaluation.check_name}", self._partition, text)
        elif event.event_type == DagsterEventType.STEP_FAILURE:
            text = failure_text(event)
            if "DagsterAssetCheckFailedError" in text:
                return  # the red check was already reported
            self.is_interrupted = self.is_interrupted or INTERRUPTED in text
            self._fail(f"{artifact_id(name, self._partition)}: {text}")
            yield Progress("failed", name, self._partition, text)

    def _fail(self, text: str) -> None:
        self.has_failed = True
        if text not in self._result.failures:
            self._result.failures.append(text)


def _figures(metadata: Any) -> str:
    """Up to four numbers of a materialization's metadata, as one line."""
    plain = {}
    for name, value in metadata.items():
        number = getattr(value, "value", None)
        if isinstance(number, bool) or name in ("stored_bytes", "digest", "seed"):
            continue
        if isinstance(number, int | float):
            plain[name] = number
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in list(plain.items())[:4]
    )


def last_event(path: Path) -> dict[str, Any] | None:
    """The last event of a progress stream that has a position; None: no such event yet."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in reversed(lines[-8:]):
        try:
            event = dict(json.loads(line))
        except json.JSONDecodeError:
            continue
        if "steps" in event:
            return event
    return None


def now() -> float:
    """Monotonic seconds, for displays."""
    return time.monotonic()
