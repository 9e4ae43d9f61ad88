"""The instance on a real PostgreSQL server: the guard judges as it does on SQLite, also across a crash of the server."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
import yaml

from codelewm_assets.cli import main
from codelewm_assets.core.tables import write_table
from codelewm_assets.defs.guards import BLOCKING_CHECKS, blocking_statuses, require_clear
from codelewm_assets.defs.training import checkpoint
from codelewm_assets_tests.defs.stored_world import QUIET, StoredWorld
from codelewm_assets_tests.deploy.conftest import ROOT
from codelewm_assets_tests.deploy.postgres_server import DATABASE, PostgresServer
from codelewm_assets_tests.factories import World


@pytest.fixture
def stored(tmp_path: Path, instance: dg.DagsterInstance) -> StoredWorld:
    """An empty store, and an instance on the server."""
    return StoredWorld(tmp_path / "artifacts", instance)


def _clear(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    stored.put_preflight()
    stored.put_tokens(world)
    stored.run_all_gating_checks()


def _train(stored: StoredWorld) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [checkpoint], instance=stored.instance, partition_key="42", resources=stored.resources, run_config=QUIET,
        raise_on_error=False,
    )  # fmt: skip


def _states(instance: dg.DagsterInstance) -> dict[str, str]:
    return {status.name: status.state for status in blocking_statuses(instance)}


def test_both_instances_agree_in_everything_but_storage() -> None:
    sqlite, postgres = (
        yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
        for path in ("dagster.yaml", "deploy/postgres/dagster.yaml")
    )
    assert sqlite.pop("storage") == {"sqlite": {"base_dir": ".dagster/storage"}}
    assert set(postgres.pop("storage")) == {"postgres"}
    assert postgres == sqlite


def test_the_file_names_where_to_find_the_server_and_holds_no_value() -> None:
    found = yaml.safe_load((ROOT / "deploy/postgres/dagster.yaml").read_text(encoding="utf-8"))["storage"]["postgres"]
    settings = found["postgres_db"]
    assert settings.pop("scheme") == "postgresql+psycopg2"
    assert settings.pop("params") == {"options": "-c timezone=UTC"}
    assert {name: list(value) for name, value in settings.items()} == {name: ["env"] for name in settings}
    assert {"hostname", "port", "db_name", "username", "password"} == set(settings)


def test_without_the_password_the_instance_names_the_variable(
    on_postgres: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CODELEWM_POSTGRES_PASSWORD")
    with pytest.raises(Exception, match="CODELEWM_POSTGRES_PASSWORD"):
        dg.DagsterInstance.from_config(str(on_postgres)).get_runs_count()


def test_a_wrong_password_is_refused_by_the_server(on_postgres: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODELEWM_POSTGRES_PASSWORD", "another")
    monkeypatch.setattr("dagster_postgres.utils.calculate_delay", lambda **_: 0.0)
    with pytest.raises(Exception, match="too many retries") as refused:
        dg.DagsterInstance.from_config(str(on_postgres)).get_runs_count()
    assert isinstance(refused.value.__cause__, sqlalchemy.exc.OperationalError)
    assert "password authentication failed" in str(refused.value.__cause__)


def test_a_run_that_failed_now_is_found_by_its_time_also_where_the_server_has_another_zone(
    on_postgres: Path, postgres: PostgresServer
) -> None:
    """What tells failures asks for runs that were updated lately. Dagster stores times without their zone."""
    with sqlalchemy.create_engine(postgres.url()).begin() as connection:
        connection.execute(sqlalchemy.text(f"ALTER DATABASE {DATABASE} SET timezone = 'America/New_York'"))
    before = datetime.now(UTC) - timedelta(minutes=1)
    with dg.DagsterInstance.from_config(str(on_postgres)) as instance:
        run = instance.create_run_for_job(dg.GraphDefinition(name="nothing").to_job())
        instance.report_run_failed(run, "the worker is gone")
        (found,) = instance.get_run_records(dg.RunsFilter(updated_after=before))
    assert abs(found.update_timestamp.timestamp() - time.time()) < 600
    assert abs(found.create_timestamp.timestamp() - time.time()) < 600


def test_an_empty_instance_refuses_training(stored: StoredWorld) -> None:
    assert set(_states(stored.instance).values()) == {"MISSING"}
    assert not _train(stored).success


def test_the_command_line_asks_the_server(
    on_postgres: Path, stored: StoredWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With DAGSTER_HOME at the folder of deploy/postgres/dagster.yaml nothing else is to be set."""
    stored.instance.report_runless_asset_event(dg.AssetMaterialization("problem_splits"))
    monkeypatch.setenv("DAGSTER_HOME", str(on_postgres))
    assert main(["status", "--json"]) == 0
    found = {row["check"]: row["detail"] for row in json.loads(capsys.readouterr().out)["checks"]}
    assert found["no_problem_crosses_folds"] == "the check has not been run"
    assert found["licences_are_known"] == "the asset has not been materialized"


@pytest.mark.slow
def test_green_trains_and_stale_and_red_are_refused_also_after_a_crash_of_the_server(
    stored: StoredWorld, world: World, started: list[str], postgres: PostgresServer
) -> None:
    """One world for all three, since it is slow to make; the crash is between the checks and what asks for them."""
    _clear(stored, world)
    before = _states(stored.instance)
    assert set(before.values()) == {"GREEN"}

    postgres.stop("immediate")
    with pytest.raises(Exception, match=r"too many retries|refused|terminated"):
        stored.instance.get_runs_count()
    postgres.start()

    assert _states(stored.instance) == before
    assert _train(stored).success
    assert started == ["42"]

    stored.put("problem_splits", {"splits.parquet": write_table(world.splits[1:])}, {}, parents=("execution_pack",))
    stale = _states(stored.instance)
    assert {name for name, state in stale.items() if state == "STALE"} == {
        n for n in stale if n.startswith("problem_splits:")
    }
    with pytest.raises(dg.Failure, match="problem_splits:no_problem_crosses_folds STALE"):
        require_clear(stored.instance)

    stored.run_checks("problem_splits")
    with pytest.raises(dg.Failure, match="problem_splits:no_problem_crosses_folds RED"):
        require_clear(stored.instance)
    assert not _train(stored).success
    assert started == ["42"]


def test_the_history_of_a_check_is_kept_in_order(stored: StoredWorld, world: World) -> None:
    asset, check = next(gate for gate in BLOCKING_CHECKS if gate[0] == "problem_splits")
    stored.put_data(world)
    for _ in range(2):
        stored.run_check(asset, check)
    history = stored.instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey(asset), check), limit=5
    )
    assert len(history) == 2
    assert history[0].id > history[1].id
    assert {record.run_id for record in history} == {run.run_id for run in stored.instance.get_runs()}
    assert DATABASE in stored.instance.event_log_storage.postgres_url  # the server holds it, not a file
