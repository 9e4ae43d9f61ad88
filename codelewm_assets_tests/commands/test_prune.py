"""`prune`: a dry run unless it is told to execute."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from codelewm_assets.store import prune
from codelewm_assets.store.store import Artifact, ArtifactStore, CacheKey
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.commands.made import materialized, stored
from codelewm_assets_tests.defs.stored_world import QUIET


def _dead(folder: Path) -> Artifact:
    return ArtifactStore(folder / "artifacts").write(
        CacheKey("execution_pack", None, {}, {"old": True}, "test"), {"pack.parquet": b"old rows"}, {}
    )


def _takes_up(digest: str) -> dg.JobDefinition:
    """A run that makes this digest the latest of its asset."""

    @dg.asset
    def execution_pack() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion(digest))

    return dg.Definitions([execution_pack]).resolve_implicit_global_asset_job_def()


def test_prune_is_a_dry_run_that_says_what_would_go_and_execute_removes_it(run: Run, tmp_path: Path) -> None:
    live, dead = materialized(tmp_path, "execution_pack", {"pack.parquet": b"rows"}), _dead(tmp_path)
    found = run("prune")
    assert (found.status, found.err) == (0, "")
    assert found.out.splitlines() == [
        f"execution_pack\t{dead.digest}\t8\t{dead.manifest.created_at}",
        "dry run: 1 artifacts, 0 leftovers, 8 bytes can go, 1 artifacts stay. `prune --execute` removes them.",
    ]
    assert dead.folder.exists()
    assert run("prune", "--older-than", "1").out.startswith("dry run: 0 artifacts")
    assert (
        run("prune", "--execute").out.splitlines()[-1] == "removed 1 artifacts, 0 leftovers, 8 bytes; 1 artifacts stay."
    )
    assert (live.folder.exists(), dead.folder.exists()) == (True, False)
    assert run("verify").status == 0


def test_prune_gives_one_json_object(run: Run, tmp_path: Path) -> None:
    live, dead = materialized(tmp_path, "execution_pack", {"pack.parquet": b"rows"}), _dead(tmp_path)
    row = {"artifact_id": "execution_pack", "digest": dead.digest, "bytes": 8, "created_at": dead.manifest.created_at}
    said = json.loads(run("prune", "--json").out)
    assert said == {
        "is_executed": False, "kept_count": 1, "kept_bytes": live.manifest.files[0].bytes, "removable_bytes": 8,
        "removable": [row], "recipes": said["recipes"], "leftovers": [], "not_stored": [],
    }  # fmt: skip
    assert len(said["recipes"]) == 1
    assert json.loads(run("prune", "--json", "--execute").out) == said | {"is_executed": True}


def test_prune_refuses_while_a_run_is_in_progress_unless_it_is_known_to_be_dead(run: Run, tmp_path: Path) -> None:
    materialized(tmp_path, "execution_pack", {"pack.parquet": b"rows"})
    dead = _dead(tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        instance.add_run(dg.DagsterRun("refresh_data", status=dg.DagsterRunStatus.STARTED))
    run("prune", "--execute").is_one_line_error("runs are in progress: refresh_data", "--ignore-runs-silent-for HOURS")
    assert dead.folder.exists()
    dry = run("prune")
    assert (dry.status, dead.digest in dry.out) == (0, True)
    assert "runs are in progress" in dry.err and "This is a dry run." in dry.err
    assert run("prune", "--execute", "--ignore-runs-silent-for", "0").status == 0
    assert not dead.folder.exists()


def test_prune_removes_nothing_when_a_run_began_and_ended_between_plan_and_removal(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, dead = materialized(tmp_path, "execution_pack", {"pack.parquet": b"rows"}), _dead(tmp_path)
    plan = prune.plan_prune

    def plan_while_a_run_takes_up_an_old_artifact(*given: Any, **named: Any) -> Any:
        found = plan(*given, **named)
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            assert _takes_up(dead.digest).execute_in_process(instance=instance, run_config=QUIET).success
        return found

    monkeypatch.setattr(prune, "plan_prune", plan_while_a_run_takes_up_an_old_artifact)
    run("prune", "--execute").is_one_line_error("the newest run is", "and was none when", "Run prune again")
    assert (live.folder.exists(), dead.folder.exists()) == (True, True)
    assert (
        ArtifactStore(tmp_path / "artifacts").find(CacheKey("execution_pack", None, {}, {"old": True}, "test")) == dead
    )


def test_prune_of_a_store_that_is_another_instances_is_one_line_and_removes_nothing(run: Run, tmp_path: Path) -> None:
    pack = stored(tmp_path, "execution_pack", {"pack.parquet": b"rows"})
    run("prune", "--execute").is_one_line_error("none is the latest of any asset of this Dagster instance")
    assert pack.folder.exists()
