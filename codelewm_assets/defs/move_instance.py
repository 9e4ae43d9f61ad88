"""`python -m codelewm_assets.defs.move_instance FROM TO`: an instance of Dagster from SQLite to PostgreSQL, or back.

Copied are runs, snapshots, backfills, events, checks, partitions, limits, schedules, sensors, ticks and cursors, row by row.
Events of assets, checks and run states keep their storage ids, which results of checks, cursors and cached states refer to.
The rest of a run's events get new ids, since SQLite numbers them once a run. The tables and connections are Dagster's own
(private names; 1.13.27 is pinned, and the tests of a move hold them to it).
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sql
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata

from codelewm_assets.core.errors import DeploymentError
from codelewm_assets.defs.housekeeping import NOT_ENDED

Connect = Callable[[], AbstractContextManager[sql.Connection]]
Row = dict[str, Any]
EVENTS = SqlEventLogStorageTable
ASSET_TYPES = sorted(kind.value for kind in ASSET_EVENTS)
OTHER_INDEXED_TYPES = sorted(kind.value for kind in (*ASSET_CHECK_EVENTS, *EVENT_TYPE_TO_PIPELINE_RUN_STATUS))
"""What SQLite keeps in its index of all runs too, with an id of its own; on PostgreSQL every event has but one id."""
LEFT_OUT = ("secondary_indexes", "instance_info", "daemon_heartbeats")  # a storage's own state, and who is alive on it
BATCH_ROWS = 1000
ALIVE_S = 60  # a daemon tells every 30 seconds that it is alive


class MoveError(DeploymentError):
    """The instance cannot be moved, or what arrived is not what was there."""


def move_instance(source: dg.DagsterInstance, target: dg.DagsterInstance) -> dict[str, int]:
    """Copy everything that `source` knows into the empty `target`, and compare what arrived with it.

    Returns: rows of each table that were copied; `event_logs` counts each event once.
    Raises: MoveError: both are of one kind, one's tables are of another version of Dagster, `source` is in use, `target` is
    not empty, or a row differs afterwards.
    """
    _refuse(source, target)
    copied: dict[str, int] = {}
    for (tables, read), (_, write) in zip(_storages(source), _storages(target), strict=True):
        for table in tables:
            copied[table.name] = _copy(table, read, write)
    events, arrived = source.event_log_storage, target.event_log_storage
    assert isinstance(events, SqlEventLogStorage) and isinstance(arrived, SqlEventLogStorage)  # refused above
    if isinstance(events, SqliteEventLogStorage):
        copied[EVENTS.name] = _gather(events, arrived)
    elif isinstance(arrived, SqliteEventLogStorage):
        copied[EVENTS.name] = _scatter(events, arrived)
    for tables, write in _storages(target):
        _number_from_here(write, tables)
    _number_from_here(arrived.index_connection, [EVENTS])
    return copied


def _storages(instance: dg.DagsterInstance) -> list[tuple[list[sql.Table], Connect]]:
    """Tables of each storage but that of events, parents of foreign keys first, and how to connect to them."""
    runs, events, schedules = instance.run_storage, instance.event_log_storage, instance.schedule_storage
    left_out = (*LEFT_OUT, EVENTS.name)
    return [
        ([table for table in metadata.sorted_tables if table.name not in left_out], connect)
        for metadata, connect in (
            (RunStorageSqlMetadata, runs.connect),  # type: ignore[attr-defined]
            (SqlEventLogStorageMetadata, events.index_connection),  # type: ignore[attr-defined]
            (ScheduleStorageSqlMetadata, schedules.connect),  # type: ignore[union-attr]
        )
    ]


def _refuse(source: dg.DagsterInstance, target: dg.DagsterInstance) -> None:
    """Raises: MoveError: see `move_instance`; everything that is in the way, a line each."""
    kinds = [type(instance.event_log_storage).__name__ for instance in (source, target)]
    if sorted(kinds) != ["PostgresEventLogStorage", "SqliteEventLogStorage"]:
        raise MoveError(
            f"The instances keep events in {' and '.join(kinds)}; wanted one on SQLite and one on PostgreSQL. "
            "To copy one on SQLite copy its folder; to copy one on PostgreSQL use pg_dump."
        )
    found = []
    for name, instance in (("source", source), ("target", target)):
        for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
            has, wanted = storage.alembic_version() or (None, None)  # type: ignore[union-attr]
            if has != wanted:
                found.append(
                    f"The {name}'s {type(storage).__name__} has tables of {has}, wanted {wanted}: `dagster instance migrate`."
                )
    running = source.get_runs_count(dg.RunsFilter(statuses=NOT_ENDED))
    if running:
        found.append(f"{running} runs of the source have not ended: wait for them, or cancel them.")
    now = time.time()
    for instance in (source, target):
        for kind, status in instance.get_daemon_heartbeats().items():
            if now - status.timestamp < ALIVE_S:
                found.append(
                    f"{kind} daemon told {now - status.timestamp:.0f} s ago that it is alive: end it, then wait a minute."
                )
    rows = {table.name: n for tables, connect in _storages(target) for table in tables if (n := _count(table, connect))}
    rows |= {EVENTS.name: n} if (n := _count(EVENTS, target.event_log_storage.index_connection)) else {}  # type: ignore[attr-defined]
    if rows:
        found.append(
            f"The target is not empty ({rows}): take a new database or folder, also after a move that broke off."
        )
    if found:
        raise MoveError("The instance was not moved.\n" + "\n".join(f"  {line}" for line in found))


def _copy(table: sql.Table, read: Connect, write: Connect, only: sql.ColumnElement[bool] | None = None) -> int:
    """Copy rows as they are, ids included, and compare them. Args: only: which. Returns: how many."""
    wanted = sql.select(table) if only is None else sql.select(table).where(only)
    with read() as source, write() as target:
        for rows in _batches(source, wanted, table):
            target.execute(table.insert(), rows)
    count = 0
    with read() as source, write() as target:
        both: Iterator[tuple[list[Row], list[Row]]] = zip_longest(
            _batches(source, wanted, table), _batches(target, sql.select(table), table), fillvalue=[]
        )
        for rows, arrived in both:
            different = [row["id"] for row, other in zip(rows, arrived, strict=False) if row != other]
            if different or len(rows) != len(arrived):
                counts = f"{len(rows)} and {len(arrived)} rows in a batch"
                raise MoveError(f"{table.name} differs after the move: {counts}, ids {different[:5]}.")
            count += len(rows)
    return count


def _batches(connection: sql.Connection, wanted: sql.Select[Any], table: sql.Table) -> Iterator[list[Row]]:
    """Rows by id, some at a time."""
    after = None
    while True:
        more = wanted if after is None else wanted.where(table.c.id > after)
        rows = _rows(connection, more.order_by(table.c.id).limit(BATCH_ROWS))
        if not rows:
            return
        yield rows
        after = rows[-1]["id"]


def _rows(connection: sql.Connection, wanted: sql.Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(wanted).mappings()]


def _count(table: sql.Table, connect: Connect, only: sql.ColumnElement[bool] | None = None) -> int:
    wanted = sql.select(sql.func.count()).select_from(table)
    with connect() as connection:
        return int(connection.execute(wanted if only is None else wanted.where(only)).scalar_one())


def _gather(source: SqliteEventLogStorage, target: SqlEventLogStorage) -> int:
    """Events of the index with their ids, then those of each run that the index lacks, with ids above. Returns: how many."""
    total = _copy(EVENTS, source.index_connection, target.index_connection)
    with source.index_connection() as connection:
        last = int(connection.execute(sql.select(sql.func.max(EVENTS.c.id))).scalar() or 0)
    runless = [""] if Path(source.path_for_shard("")).exists() else []  # events that no run told
    for run_id in (*runless, *sorted(source.get_all_run_ids())):
        with source.index_connection() as connection:
            indexed = Counter(connection.execute(sql.select(EVENTS.c.event).where(EVENTS.c.run_id == run_id)).scalars())
        in_index = indexed.total()
        with source.run_connection(run_id) as connection:
            rows = _rows(connection, sql.select(EVENTS).order_by(EVENTS.c.id))
        lacking = []
        for row in rows:
            if indexed[row["event"]]:
                indexed[row["event"]] -= 1
                continue
            last += 1
            # an asset's event that the index lacks was wiped there: no question for that asset may find it
            wiped: Mapping[str, None] = (
                {"asset_key": None, "partition": None} if row["dagster_event_type"] in ASSET_TYPES else {}
            )
            lacking.append(row | {"id": last, **wiped})
        _insert(target.run_connection(run_id), lacking)
        _compare_counts(
            run_id, in_index + len(lacking), _count(EVENTS, target.index_connection, EVENTS.c.run_id == run_id)
        )
        total += len(lacking)
    return total


def _scatter(source: SqlEventLogStorage, target: SqliteEventLogStorage) -> int:
    """What SQLite indexes into its index, with its ids; everything into the file of its run, by time. Returns: how many."""
    kind = EVENTS.c.dagster_event_type
    is_indexed = kind.in_(OTHER_INDEXED_TYPES) | (kind.in_(ASSET_TYPES) & EVENTS.c.asset_key.is_not(None))
    _copy(EVENTS, source.index_connection, target.index_connection, is_indexed)
    with source.index_connection() as connection:
        run_ids = sorted(connection.execute(sql.select(EVENTS.c.run_id).distinct()).scalars())
    total = 0
    for run_id in run_ids:
        with source.run_connection(run_id) as connection:
            of_run = sql.select(EVENTS).where(EVENTS.c.run_id == run_id)
            rows = _rows(connection, of_run.order_by(EVENTS.c.timestamp, EVENTS.c.id))
        _insert(target.run_connection(run_id), [{name: row[name] for name in row if name != "id"} for row in rows])
        _compare_counts(run_id, len(rows), _count(EVENTS, partial(target.run_connection, run_id)))
        total += len(rows)
    return total


def _insert(connect: AbstractContextManager[sql.Connection], rows: Sequence[Row]) -> None:
    with connect as connection:
        for start in range(0, len(rows), BATCH_ROWS):
            connection.execute(EVENTS.insert(), rows[start : start + BATCH_ROWS])


def _compare_counts(run_id: str, wanted: int, found: int) -> None:
    if wanted != found:
        raise MoveError(f"Run {run_id or 'of none'} has {found} events after the move, wanted {wanted}.")


def _number_from_here(connect: Connect, tables: Sequence[sql.Table]) -> None:
    """Let PostgreSQL number new rows after those that came with ids; SQLite does so by itself."""
    with connect() as connection:
        if connection.dialect.name != "postgresql":
            return
        for table in tables:
            last = connection.execute(sql.select(sql.func.max(table.c.id))).scalar()
            if last is not None:
                connection.execute(sql.select(sql.func.setval(sql.func.pg_get_serial_sequence(table.name, "id"), last)))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns: exit status; 2: the instance was not moved, and why is told on standard error."""
    parser = argparse.ArgumentParser(
        prog="python -m codelewm_assets.defs.move_instance", description=(__doc__ or "").splitlines()[0],
        epilog="Example: python -m codelewm_assets.defs.move_instance . deploy/postgres",
    )  # fmt: skip
    parser.add_argument("source", metavar="FROM", help="folder of the dagster.yaml of the instance to copy")
    parser.add_argument("target", metavar="TO", help="folder of the dagster.yaml of an instance that is empty")
    told = parser.parse_args(arguments)
    with ExitStack() as opened:
        try:
            folders = [Path(told.source), Path(told.target)]
            for folder in folders:
                if not (folder / "dagster.yaml").is_file():
                    raise MoveError(f"{folder} has no dagster.yaml; wanted the folder that DAGSTER_HOME names.")
            source, target = (opened.enter_context(dg.DagsterInstance.from_config(str(folder))) for folder in folders)
            copied = move_instance(source, target)
        except DeploymentError as error:
            print(error, file=sys.stderr)
            return 2
    for name, rows in sorted(copied.items()):
        print(f"{name}: {rows}")
    print(
        f"{told.target} now holds what {told.source} holds: events of assets, checks and run states compared row by row, others "
        "counted. Point DAGSTER_HOME to it."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
