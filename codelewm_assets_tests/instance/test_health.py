"""What the doctor says of the Dagster instance, as wanted and not."""

import shutil
import sqlite3
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from codelewm_assets.doctor.finding import HealthFinding
from codelewm_assets.instance.health import MAX_SILENCE_S, daemons_finding, instance_findings

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the project's dagster.yaml, which is the working folder."""
    shutil.copy(PROJECT / "dagster.yaml", tmp_path / "dagster.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found_in(home: Path, later_s: float = 0.0, **environment: str) -> dict[str, HealthFinding]:
    rows = instance_findings(environment, home, now_s=time.time() + later_s)
    return {row.name: row for row in rows}


def test_a_fresh_instance_opens_with_the_schema_of_this_dagster_and_lacks_daemons_alone(home: Path) -> None:
    found = found_in(home)
    assert {name: row.state for name, row in found.items()} == {
        "dagster_home": "ok",
        "dagster_yaml": "ok",
        "storage_folder": "ok",
        "instance_storage": "ok",
        "instance_schema": "ok",
        "daemons": "warn",
        "runs": "ok",
    }


@pytest.mark.parametrize("named", ["relative", "/nonexistent/home"])
def test_a_home_that_is_not_a_folder_fails(home: Path, named: str) -> None:
    found = found_in(home, DAGSTER_HOME=named)
    assert {name: row.state for name, row in found.items()} == {"dagster_home": "fail"}


def test_a_home_without_dagster_yaml_fails_and_nothing_is_made_there(home: Path) -> None:
    (home / "dagster.yaml").unlink()
    found = found_in(home)
    assert (found["dagster_yaml"].state, list(found)) == ("fail", ["dagster_home", "dagster_yaml"])
    assert list(home.iterdir()) == []


def test_a_home_that_is_not_the_working_folder_warns_while_its_folders_are_relative(home: Path) -> None:
    (home / "elsewhere").mkdir()
    rows = instance_findings({"DAGSTER_HOME": str(home)}, home / "elsewhere", now_s=time.time())
    assert [row.state for row in rows if row.name == "storage_folder"] == ["warn"]
    text = (
        (home / "dagster.yaml").read_text(encoding="utf-8").replace("base_dir: .dagster", f"base_dir: {home}/.dagster")
    )
    (home / "dagster.yaml").write_text(text, encoding="utf-8")
    rows = instance_findings({"DAGSTER_HOME": str(home)}, home / "elsewhere", now_s=time.time())
    assert [row.state for row in rows if row.name == "storage_folder"] == ["ok"]


@pytest.mark.parametrize("text", ["storage: [", "nonsense_key: 1\n", "storage:\n  sqlite:\n    base: x\n"])
def test_a_configuration_that_does_not_open_fails(home: Path, text: str) -> None:
    (home / "dagster.yaml").write_text(text, encoding="utf-8")
    storage = found_in(home)["instance_storage"]
    assert storage.state == "fail" and "dagster.yaml" in storage.found + storage.remedy


def databases(home: Path) -> list[Path]:
    found_in(home)  # makes them
    paths = sorted(home.glob(".dagster/storage/**/*.db"))
    assert paths
    return paths


def test_a_storage_that_is_not_a_database_fails(home: Path) -> None:
    for path in databases(home):
        path.write_bytes(b"no database" * 1000)
    assert found_in(home)["instance_storage"].state == "fail"


def test_a_schema_of_another_dagster_fails_and_says_how_to_migrate(home: Path) -> None:
    for path in databases(home):
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '0123456789ab'")
    found = found_in(home)["instance_schema"]
    assert found.state == "fail" and "runs at 0123456789ab, wanted " in found.found
    assert "dagster instance migrate" in found.remedy


def test_daemons_that_beat_are_ok(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert daemons_finding(instance).state == "warn"
        for kind in instance.get_required_daemon_types():
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), kind, "id", []))
        assert daemons_finding(instance).state == "ok"
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - 24 * 3600, "SENSOR", "id", []))
        assert daemons_finding(instance).found == "no healthy heartbeat of SENSOR"


def test_a_run_that_is_silent_for_an_hour_warns_and_one_that_is_not_does_not(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run = instance.add_run(dg.DagsterRun("refresh_data", status=dg.DagsterRunStatus.STARTED))
    assert found_in(home)["runs"].state == "ok"
    found = found_in(home, later_s=MAX_SILENCE_S + 60)["runs"]
    assert found.state == "warn"
    assert found.found == f"refresh_data {run.run_id[:8]} (STARTED, silent 1.0 h)"
    assert "--ignore-runs-silent-for" in found.remedy
