"""`export`: the latest build as a folder that `recheck` finds clean, or one line and no folder."""

import json
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.tables import write_table
from codelewm_assets.evaluation.score_files import score_lines
from codelewm_assets.store.store import ArtifactStore, CacheKey
from codelewm_assets.training.progress import event_line
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.defs.stored_world import TINY
from codelewm_assets_tests.factories import World, make_world
from codelewm_assets_tests.published.test_export import EVENTS, pool_rows


def _materialize(folder: Path, kind: str, partition: str | None, files: dict[str, bytes]) -> None:
    artifact = ArtifactStore(folder / "artifacts").write(CacheKey(kind, partition, {}, {}, "test"), files, {})
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        tags = {"dagster/data_version": artifact.digest}
        instance.report_runless_asset_event(dg.AssetMaterialization(kind, partition=partition, tags=tags))


def _build(folder: Path, world: World) -> None:
    from codelewm_assets.profiles.profile import load_profile

    sidecar = {
        "seed": 42, "folds": [0], "config": load_profile(TINY).training_config().model_dump(mode="json"),
        "execution_pack": "p", "problem_splits": "s", "tokenized_pack": "t", "preflight_report": "r",
        "tokenizer_sha256": {"0": "1" * 64}, "weights_sha256": {"0": "2" * 64}, "parameter_count": 1, "revision": "test",
        "versions": {}, "device": "cpu",
    }  # fmt: skip
    _materialize(folder, "execution_pack", None, {"pack.parquet": write_table(world.rows)})
    _materialize(folder, "problem_splits", None, {"splits.parquet": write_table(world.splits)})
    _materialize(folder, "semantic_decoys", None, {"decoys.parquet": write_table(world.decoys)})
    for seed in SEEDS:
        events = "".join(map(event_line, EVENTS)).encode()
        files = {"sidecar.json": pretty_json(sidecar | {"seed": seed}), "progress.jsonl": events}
        _materialize(folder, "checkpoint", str(seed), files)
        _materialize(folder, "heldout_scores", str(seed), {"score_rows.jsonl": score_lines(pool_rows(world, 0))})


@pytest.mark.slow
def test_the_latest_build_is_exported_and_recheck_finds_it_clean(run: Run, tmp_path: Path) -> None:
    _build(tmp_path, make_world(10))
    result = run("export", "--as", "codelewm-v1", "exported")
    assert (result.status, result.err) == (0, "")
    again = run("export", "--as", "codelewm-v1", "again", "--fold", "0", "--json")
    for name in json.loads(again.out)["files"]:
        assert (tmp_path / "exported" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    judged = json.loads(run("recheck", "exported", "--json").out)
    assert {entry["recomputes"] for entry in judged["manifests"]} == {True}
    assert False not in {entry["recomputes"] for entry in judged["reports"]}
    assert len(judged["score_rows"]) == 4  # two seeds, two benchmarks
    run("export", "--as", "codelewm-v1", "third", "--fold", "3").is_one_line_error("Fold 3 was not trained", "folds 0")
    run("export", "--as", "codelewm-v1", "exported").is_one_line_error("exported exists and is not empty")
    assert not (tmp_path / "third").exists()


def test_without_a_build_nothing_is_written(run: Run, tmp_path: Path) -> None:
    run("export", "--as", "codelewm-v1", "exported").is_one_line_error("heldout_scores has not been materialized")
    run("export", "--as", "other", "exported").is_one_line_error("invalid choice: 'other'", status=2)
    assert not (tmp_path / "exported").exists()
