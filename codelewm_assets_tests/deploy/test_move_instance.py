"""An instance that is moved from SQLite to PostgreSQL and back knows the same, and its guard judges the same."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
from dagster._daemon.types import DaemonHeartbeat

from codelewm_assets.core.tables import write_table
from codelewm_assets.defs.guards import CheckStatus, gate_statuses
from codelewm_assets.defs.housekeeping import NOT_ENDED
from codelewm_assets.defs.move_instance import MoveError, main, move_instance
from codelewm_assets.defs.plumbing import latest_version
from codelewm_assets_tests.defs.stored_world import StoredWorld
from codelewm_assets_tests.deploy.conftest import ROOT
from codelewm_assets_tests.factories import World

SPLITS = dg.AssetCheckKey(dg.AssetKey("problem_splits"), "no_problem_crosses_folds")


def _sqlite(folder: Path) -> dg.DagsterInstance:
    folder.mkdir()
    return dg.DagsterInstance.local_temp(str(folder))


@pytest.fixture
def source(worlds: dict[str, Path], tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance on SQLite in which every check is green."""
    with dg.DagsterInstance.local_temp(str(shutil.copytree(worlds["green"], tmp_path / "green") / "home")) as found:
        yield found


@pytest.fixture
def small(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance on SQLite with one run."""
    with _sqlite(tmp_path / "small") as found:
        dg.materialize([thing], instance=found)
        yield found


@dg.asset
def thing(context: dg.AssetExecutionContext) -> None:
    """What one run makes."""
    context.log.info("made")


def _world(tmp_path: Path, instance: dg.DagsterInstance) -> StoredWorld:
    stored = StoredWorld(tmp_path / "green" / "artifacts", instance)
    for kind, partition, digest in stored.store.artifacts():
        if latest_version(instance, kind, partition) == digest:
            artifact = stored.store.load(kind, digest, partition=partition)
            stored.latest[artifact.manifest.artifact_id] = artifact
    return stored


def _statuses(instance: dg.DagsterInstance) -> dict[str, CheckStatus]:
    return {status.name: status for status in gate_statuses(instance)}


def _logs(instance: dg.DagsterInstance) -> dict[str, list[str]]:
    """Run → its events as they were told, in order."""
    return {run.run_id: [repr(entry) for entry in instance.all_logs(run.run_id)] for run in instance.get_runs()}


def _history(instance: dg.DagsterInstance) -> list[tuple[int, str, str]]:
    found = instance.event_log_storage.get_asset_check_execution_history(SPLITS, limit=10)
    return [(record.id, record.run_id, record.status.value) for record in found]


def _storage_ids(instance: dg.DagsterInstance) -> dict[str, list[int]]:
    """Asset → storage ids of its materializations."""
    return {
        key.to_user_string(): [record.storage_id for record in instance.fetch_materializations(key, limit=100).records]
        for key in instance.all_asset_keys()
    }


def test_there_and_back_green_red_and_stale_stay_and_so_does_all_else(
    source: dg.DagsterInstance, instance: dg.DagsterInstance, tmp_path: Path, world: World
) -> None:
    before = _world(tmp_path, source)
    fewer = write_table(world.splits[1:])
    before.put("problem_splits", {"splits.parquet": fewer}, {}, parents=("execution_pack",))
    before.run_check("problem_splits", SPLITS.name)  # red; the other checks of the asset are stale now
    source.event_log_storage.set_concurrency_slots("gpu", 3)
    statuses = _statuses(source)
    assert {status.state for status in statuses.values()} == {"GREEN", "RED", "STALE"}

    copied = move_instance(source, instance)

    assert copied["runs"] == source.get_runs_count() > 10
    assert _statuses(instance) == statuses
    assert _history(instance) == _history(source)
    assert _storage_ids(instance) == _storage_ids(source)
    assert instance.event_log_storage.get_concurrency_info("gpu").slot_count == 3
    assert {run: sorted(log) for run, log in _logs(instance).items()} == {
        run: sorted(log) for run, log in _logs(source).items()
    }
    assert copied["event_logs"] > sum(map(len, _logs(source).values()))  # events that no run told are among them

    with _sqlite(tmp_path / "back") as back:
        assert move_instance(instance, back) == copied
        assert _statuses(back) == statuses
        assert _history(back) == _history(source)
        assert _storage_ids(back) == _storage_ids(source)
        assert _logs(back) == _logs(source)  # in their order again


def test_a_moved_instance_goes_on_with_ids_above_those_that_came(
    source: dg.DagsterInstance, instance: dg.DagsterInstance, tmp_path: Path, world: World
) -> None:
    move_instance(source, instance)
    newest = _history(instance)[0][0]
    moved = _world(tmp_path, instance)
    moved.put("problem_splits", {"splits.parquet": write_table(world.splits[1:])}, {}, parents=("execution_pack",))
    stale = _statuses(instance)["problem_splits:no_problem_crosses_folds"]
    moved.run_check("problem_splits", SPLITS.name)
    assert (stale.state, _statuses(instance)[stale.name].state) == ("STALE", "RED")
    assert _history(instance)[0][0] > newest


def test_a_target_that_is_not_empty_is_refused_and_left_alone(
    small: dg.DagsterInstance, instance: dg.DagsterInstance
) -> None:
    dg.materialize([thing], instance=instance)
    (run,) = instance.get_runs()
    with pytest.raises(MoveError, match=r"target is not empty .*'runs': 1.*take a new database"):
        move_instance(small, instance)
    assert [found.run_id for found in instance.get_runs()] == [run.run_id]


def test_a_run_that_only_waits_is_refused_since_it_would_start_on_both(
    small: dg.DagsterInstance, instance: dg.DagsterInstance
) -> None:
    """A queued run is asked for in the same question; one cannot be made without a code server."""
    small.create_run_for_job(dg.Definitions([thing]).resolve_implicit_global_asset_job_def())  # it has not been started
    assert dg.DagsterRunStatus.QUEUED in NOT_ENDED
    with pytest.raises(MoveError, match="1 runs of the source have not ended"):
        move_instance(small, instance)


def test_a_source_that_is_in_use_is_refused(small: dg.DagsterInstance, instance: dg.DagsterInstance) -> None:
    small.create_run_for_job(dg.Definitions([thing]).resolve_implicit_global_asset_job_def())
    (run,) = small.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.NOT_STARTED]))
    small.report_run_canceling(run)
    small.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "here", []))
    with pytest.raises(MoveError) as refused:
        move_instance(small, instance)
    assert "1 runs of the source have not ended" in str(refused.value)
    assert "SENSOR daemon told" in str(refused.value)
    assert instance.get_runs_count() == 0


def test_two_instances_of_one_kind_are_refused(small: dg.DagsterInstance, tmp_path: Path) -> None:
    with (
        _sqlite(tmp_path / "other") as other,
        pytest.raises(MoveError, match="SqliteEventLogStorage and SqliteEventLogStorage; wanted one on SQLite and one"),
    ):
        move_instance(small, other)


def test_the_command_moves_between_two_folders(
    on_postgres: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(ROOT / "dagster.yaml", tmp_path / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(tmp_path)) as found:
        run_id = dg.materialize([thing], instance=found).run_id
    assert main([str(tmp_path), str(on_postgres)]) == 0
    assert "runs: 1\n" in capsys.readouterr().out
    with dg.DagsterInstance.from_config(str(on_postgres)) as moved:
        assert [run.run_id for run in moved.get_runs()] == [run_id]
    assert main([str(tmp_path), str(on_postgres)]) == 2
    assert "The target is not empty" in capsys.readouterr().err
    assert main([str(tmp_path), str(tmp_path / "nowhere")]) == 2
    assert "nowhere has no dagster.yaml" in capsys.readouterr().err


def test_a_row_that_arrives_changed_is_named(small: dg.DagsterInstance, instance: dg.DagsterInstance) -> None:
    with instance.run_storage.connect() as connection:
        connection.execute(
            sqlalchemy.text(
                "CREATE FUNCTION change() RETURNS trigger AS $$ BEGIN NEW.pipeline_name := 'another'; RETURN NEW; END $$ "
                "LANGUAGE plpgsql; CREATE TRIGGER change BEFORE INSERT ON runs FOR EACH ROW EXECUTE FUNCTION change()"
            )
        )
    with pytest.raises(MoveError, match=r"runs differs after the move: 1 and 1 rows in a batch, ids \[1\]"):
        move_instance(small, instance)


def test_an_event_that_does_not_arrive_is_missed(small: dg.DagsterInstance, instance: dg.DagsterInstance) -> None:
    (run,) = small.get_runs()
    events = len(small.all_logs(run.run_id))
    with instance.event_log_storage.index_connection() as connection:
        connection.execute(
            sqlalchemy.text(
                "CREATE RULE lose AS ON INSERT TO event_logs WHERE NEW.dagster_event_type = 'STEP_START' "
                "DO INSTEAD NOTHING"
            )
        )
    with pytest.raises(MoveError, match=f"Run {run.run_id} has {events - 1} events after the move, wanted {events}"):
        move_instance(small, instance)


def test_tables_of_another_version_are_refused(small: dg.DagsterInstance, instance: dg.DagsterInstance) -> None:
    with small.run_storage.connect() as connection:
        connection.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = '5e139331e376'"))
    told = r"source's SqliteRunStorage has tables of 5e139331e376, wanted .*dagster instance migrate"
    with pytest.raises(MoveError, match=told):
        move_instance(small, instance)
