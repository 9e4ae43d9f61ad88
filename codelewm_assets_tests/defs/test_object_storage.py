"""The graph on object storage: its data part gives the same data versions as in a folder, and commands work there."""

import json
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.defs.stored_world import TINY, StoredWorld
from codelewm_assets_tests.defs.test_data_part import DataPart, problems_of
from codelewm_assets_tests.object_storage import Bytes

LOCAL_ONLY = ("partial", "progress", "downloads", "data_docs", "cache")  # what lies in the working folder
PROBLEMS = 7


def _made(root: Path | str, folder: Path) -> dict[str, str]:
    """Artifact id → digest of the data part, from our own problems to the preflight report."""
    folder.mkdir()
    with dg.DagsterInstance.ephemeral() as instance:
        part = DataPart(StoredWorld(root, instance, work=folder / "work"), folder)
        for benchmark in BENCHMARKS:
            part.put_problems(benchmark, problems_of(benchmark, PROBLEMS))
        first = part.made()
        assert not any(shown["is_reused"] for shown in first.values())
        assert all(shown["is_reused"] for shown in part.made().values())
        assert {shown["folder"].startswith(str(root)) for shown in first.values()} == {True}
        part.stored.report(part.stored.store.load("execution_pack", first["execution_pack"]["digest"]))
        found = part.stored.run_check("execution_pack", "pack_keeps_its_contract")
        page = Path(found.metadata["data_docs"].value)
        assert (found.passed, page.is_file(), page.parents[4]) == (True, True, part.stored.store.work)
        assert found.metadata["manifest"].value.startswith(f"{root}/execution_pack/all/")
    return {name: shown["digest"] for name, shown in first.items()}


@pytest.mark.slow
def test_the_data_part_on_object_storage_gives_the_data_versions_of_a_folder_and_verifies(
    s3_root: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = _made(s3_root, tmp_path / "remote")
    assert digests == _made(tmp_path / "store", tmp_path / "local")
    stored = Bytes(s3_root)
    assert not [name for name in stored.names() if name.startswith(LOCAL_ONLY)]
    monkeypatch.setenv("CODELEWM_ARTIFACTS", s3_root)
    monkeypatch.setenv("CODELEWM_WORK", str(tmp_path / "remote" / "work"))
    assert run("verify").out == f"{len(digests) + 2} artifacts verified, 0 mismatches.\n"
    damaged = f"execution_pack/all/{digests['execution_pack']}/pack.parquet"
    stored.alter(damaged)
    stored.remove(f"rerank_pools/all/{digests['rerank_pools']}/manifest.json")
    found = run("verify")
    assert found.status == 1
    assert f"execution_pack {digests['execution_pack'][:12]}\tpack.parquet\tfound " in found.out
    assert f"leftover\t{s3_root}/rerank_pools/all/{digests['rerank_pools']}\t" in found.out


def test_commands_work_on_object_storage(
    s3_root: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODELEWM_ARTIFACTS", s3_root)
    built = run("build", "--profile", TINY, "--select", "key:benchmark_problems")
    assert built.status == 0, built.out + built.err
    assert run("verify").out == "1 artifacts verified, 0 mismatches.\n"
    assert [row["asset"] for row in json.loads(run("status", "--json").out)["assets"]] == ["benchmark_problems"]
    assert (tmp_path / "work" / "progress" / "build_timings.json").is_file()
    assert not (tmp_path / "artifacts").exists()
    again = run("build", "--profile", TINY, "--select", "key:benchmark_problems")
    assert "1 artifacts, 1 of them reused." in again.out
    run("publish").is_one_line_error("hub_release has not been materialized")


def test_a_store_that_cannot_be_reached_is_one_line(run: Run, s3_root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODELEWM_ARTIFACTS", s3_root.replace("codelewm-", "codelewm-no-"))
    run("verify").is_one_line_error("there is no such bucket", "correct CODELEWM_ARTIFACTS, then run again")
