"""Bad input ends in one clear error; nothing is half-written, and what was stored before still verifies."""

import errno
import gzip
import os
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.benchmarks.pins import EVALPLUS_FILES
from codelewm_assets.defs.benchmarks import benchmark_problems
from codelewm_assets.defs.dataset import execution_pack
from codelewm_assets.defs.resources import ProfileResource
from codelewm_assets_tests.defs.stored_world import QUIET, StoredWorld
from codelewm_assets_tests.factories import World

VARIABLES = [name for pin in EVALPLUS_FILES.values() for name in (pin.environment, pin.revision_environment)]


def _failure(stored: StoredWorld, asset: dg.AssetsDefinition, profile: str | None = None) -> str:
    resources = dict(stored.resources)
    if profile:
        resources["profile"] = ProfileResource(name=profile)
    result = dg.materialize(
        [asset],
        instance=stored.instance,
        resources=resources,
        run_config=QUIET,
        raise_on_error=False,
    )
    assert not result.success
    data = result.get_step_failure_events()[0].step_failure_data
    assert data.user_failure_data is not None, data.error
    return str(data.user_failure_data.description)


def _leftovers(stored: StoredWorld) -> list[str]:
    return [path.name for path in stored.store.root.rglob(".writing-*")]


def test_a_missing_file_names_the_three_ways(
    stored: StoredWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CODELEWM_HUMANEVAL_PLUS_FILE", str(tmp_path / "absent.jsonl.gz"))
    text = _failure(stored, benchmark_problems, "full_capped")
    assert "is not a file" in text and "Provide one of three" in text
    assert not list(stored.store.artifacts())


def test_a_truncated_source_is_refused_and_earlier_artifacts_verify(
    stored: StoredWorld, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stored.put_data(world)
    before = list(stored.store.artifacts())
    cut = tmp_path / "HumanEvalPlus.jsonl.gz"
    cut.write_bytes(gzip.compress(b'{"task_id": "HumanEval/2"}\n' * 50)[:40])
    monkeypatch.setenv("CODELEWM_HUMANEVAL_PLUS_FILE", str(cut))
    assert "sha256 is" in _failure(stored, benchmark_problems, "full_capped")
    assert list(stored.store.artifacts()) == before
    assert stored.store.verify_all() == (len(before), [])


def test_a_full_disk_leaves_nothing_half_written(
    stored: StoredWorld, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.put_data(world)
    before = list(stored.store.artifacts())

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        text = _failure(stored, execution_pack)
    assert "Could not store execution_pack: No space left on device" in text
    assert _leftovers(stored) == [] and list(stored.store.artifacts()) == before
    assert stored.store.verify_all() == (len(before), [])


def test_an_unwritable_store_is_one_error(stored: StoredWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    stored.store.root.parent.mkdir(parents=True, exist_ok=True)
    stored.store.root.write_text("a file where the store's folder should be")
    text = _failure(stored, benchmark_problems)
    assert "Could not store benchmark_problems" in text or "Not a directory" in text


def test_a_missing_parent_names_what_to_materialize(stored: StoredWorld) -> None:
    assert "benchmark_problems has not been materialized" in _failure(stored, execution_pack)


def test_an_unknown_profile_key_is_named(stored: StoredWorld, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((Path(__file__).parents[1] / "tiny.yaml").read_text() + "\nunknown_key: 1\n")
    text = _failure(stored, benchmark_problems, str(path))
    assert "unknown_key" in text
