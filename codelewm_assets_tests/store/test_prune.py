"""A prune keeps what is live and all that it was made from, removes the rest, and may be killed at any moment."""

import errno
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codelewm_assets.core.errors import ManifestError, StoreAccessError, StoreError
from codelewm_assets.store import local_backend
from codelewm_assets.store.local_backend import LocalBackend
from codelewm_assets.store.orphans import ABANDONED_AFTER_S
from codelewm_assets.store.prune import plan_prune, prune
from codelewm_assets.store.store import Artifact, ArtifactStore, CacheKey
from codelewm_assets_tests.core.test_cleanup import nested

LATER = datetime.now(UTC) + timedelta(hours=1)


class Killed(BaseException):
    """Nothing of the project may catch it."""


def put(store: ArtifactStore, kind: str, *parents: Artifact, partition: str | None = None, **metadata: str) -> Artifact:
    cache_key = CacheKey(kind, partition, {parent.manifest.artifact_id: parent.digest for parent in parents}, {}, "1")
    return store.write(cache_key, {"rows.txt": kind.encode()}, metadata)


def digests(store: ArtifactStore) -> set[str]:
    return {digest for _, _, digest in store.artifacts()}


def is_whole(store: ArtifactStore) -> bool:
    return store.verify_all()[1] == []


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path)


def test_a_live_artifact_stays_with_its_parents_and_the_rest_goes_with_its_cache_key(store: ArtifactStore) -> None:
    pack, old = put(store, "pack"), put(store, "pack", partition="old")
    splits = put(store, "splits", pack)
    report = put(store, "report", old)
    plan = plan_prune(store, {splits.digest}, now=LATER)
    assert {row.digest for row in plan.kept} == {pack.digest, splits.digest}
    assert [row.digest for row in plan.removable] == [report.digest, old.digest]  # what refers to it goes first
    assert plan.bytes == len(b"report") + len(b"pack")
    assert digests(store) == {pack.digest, old.digest, splits.digest, report.digest}  # a plan removes nothing
    prune(store, plan)
    assert digests(store) == {pack.digest, splits.digest}
    assert store.find(CacheKey("pack", "old", {}, {}, "1")) is None
    assert store.find(CacheKey("pack", None, {}, {}, "1")) == pack
    assert {digest for _, _, digest in store.cache_entries()} == {pack.digest, splits.digest}


def test_what_a_live_manifest_names_in_its_metadata_stays(store: ArtifactStore) -> None:
    judged = put(store, "pack")
    checkpoint = put(store, "checkpoint", judged_pack=judged.digest)
    assert plan_prune(store, {checkpoint.digest}, now=LATER).removable == ()


def test_an_artifact_younger_than_asked_stays_with_its_parents(store: ArtifactStore) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)  # not LATER: the suite may have begun an hour ago
    live, old = put(store, "live"), put(store, "pack")
    young = put(store, "splits", old)
    assert {row.digest for row in plan_prune(store, {live.digest}, now=later).removable} == {old.digest, young.digest}
    asked = plan_prune(store, {live.digest}, now=later, min_age=timedelta(hours=2))
    assert asked.removable == ()
    asked = plan_prune(store, {live.digest}, now=later, min_age=timedelta(minutes=30))
    assert len(asked.removable) == 2


def test_a_store_that_is_not_the_instances_is_refused(store: ArtifactStore) -> None:
    put(store, "pack")
    with pytest.raises(StoreError, match=r"none is the latest of any asset .* \(1 known\).*DAGSTER_HOME"):
        plan_prune(store, {"0" * 64}, now=LATER)
    with pytest.raises(StoreError, match="none is the latest"):
        plan_prune(store, (), now=LATER)


def test_an_empty_store_has_nothing_to_remove_and_a_live_artifact_that_is_missing_is_named(tmp_path: Path) -> None:
    plan = plan_prune(ArtifactStore(tmp_path / "absent"), {"0" * 64}, now=LATER)
    assert (plan.kept, plan.removable, plan.orphans, plan.not_stored) == ((), (), (), ("0" * 64,))


def test_a_damaged_manifest_stops_the_plan_where_it_is_needed_and_goes_where_it_is_not(store: ArtifactStore) -> None:
    live, dead = put(store, "live"), put(store, "pack")
    (dead.folder / "manifest.json").write_text("{", encoding="utf-8")
    plan = plan_prune(store, {live.digest}, now=LATER)
    assert [(row.digest, row.bytes) for row in plan.removable] == [(dead.digest, None)]
    with pytest.raises(ManifestError, match=r"pack/.*manifest\.json"):
        plan_prune(store, {live.digest, dead.digest}, now=LATER)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO, errno.ESTALE, errno.EACCES])
def test_one_read_that_fails_stops_the_plan_and_parents_of_what_is_live_stay(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    parent = put(store, "pack")
    live = put(store, "splits", parent)
    manifest, read, is_failing = live.folder / "manifest.json", Path.read_bytes, True

    def fail_once(path: Path) -> bytes:
        nonlocal is_failing
        if path == manifest and is_failing:
            is_failing = False
            raise OSError(code, os.strerror(code))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", fail_once)
    with pytest.raises(
        StoreAccessError, match=rf"manifest\.json cannot be read \({os.strerror(code)}\); expected .* run again"
    ):
        plan_prune(store, {live.digest}, now=LATER)
    assert {row.digest for row in plan_prune(store, {live.digest}, now=LATER).kept} == {live.digest, parent.digest}


def test_partial_work_stays_of_a_run_that_begins_when_the_last_artifact_is_gone(store: ArtifactStore) -> None:
    live, dead = put(store, "pack"), put(store, "pack", partition="old")
    kept = store.work / "partial" / "checkpoint-42" / "1.state"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"state")

    def before_each() -> None:
        if dead.digest not in digests(store):
            raise StoreError("a run began")

    plan = plan_prune(store, {live.digest}, now=LATER + timedelta(seconds=ABANDONED_AFTER_S))
    assert [row.path for row in plan.orphans] == ["partial/checkpoint-42"]
    with pytest.raises(StoreError, match="a run began"):
        prune(store, plan, before_each=before_each)
    assert kept.read_bytes() == b"state"


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_folder_that_cannot_be_listed_stops_the_plan_and_all_else_that_counts_artifacts(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, depth: int
) -> None:
    live = put(store, "splits", put(store, "pack"))
    locked, scandir = [live.folder.parents[2], live.folder.parents[1], live.folder.parent][depth], os.scandir

    def refused(path: Path) -> Any:
        if path == locked:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return scandir(path)

    monkeypatch.setattr(local_backend.os, "scandir", refused)
    for call in (
        lambda: plan_prune(store, {live.digest}, now=LATER),
        lambda: list(store.artifacts()),
        store.verify_all,
    ):
        with pytest.raises(
            StoreAccessError, match=r"cannot be listed \(Permission denied\); expected a readable folder"
        ):
            call()


def test_a_damaged_manifest_stops_the_plan_also_when_it_is_whole_again_a_moment_later(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = put(store, "splits", put(store, "pack"))
    manifest, read, reads = live.folder / "manifest.json", Path.read_bytes, 0

    def cut_at_first(path: Path) -> bytes:
        nonlocal reads
        reads += path == manifest
        return b"{" if path == manifest and reads == 1 else read(path)

    monkeypatch.setattr(Path, "read_bytes", cut_at_first)
    with pytest.raises(ManifestError, match=r"splits/.*manifest\.json"):
        plan_prune(store, {live.digest}, now=LATER)


def test_a_manifest_that_says_no_time_is_named(store: ArtifactStore) -> None:
    live = put(store, "live")
    path = live.folder / "manifest.json"
    path.write_text(
        path.read_text().replace(live.manifest.created_at, "yesterday"), encoding="utf-8"
    )  # not in the digest
    with pytest.raises(StoreError, match="created_at is 'yesterday'; expected an ISO 8601 time"):
        plan_prune(store, {live.digest}, now=LATER)


def test_a_cache_key_that_cannot_be_read_is_forgotten(store: ArtifactStore) -> None:
    live = put(store, "live")
    (store.root / "recipes" / "cut-off.json").write_text("{", encoding="utf-8")
    plan = plan_prune(store, {live.digest}, now=LATER)
    assert plan.cache_keys == ("cut-off",)
    prune(store, plan)
    assert len(list(store.cache_entries())) == 1


def test_leftovers_go_when_they_are_old_and_pages_when_their_artifact_is_not_stored(store: ArtifactStore) -> None:
    live, dead, now = put(store, "live"), put(store, "pack"), LATER.timestamp()
    day_s = 24 * 3600
    ages = {
        "live/all/.writing-old/half.txt": day_s + 60,
        "live/all/.writing-new/half.txt": day_s - 7200,
        "recipes/.writing-old": day_s + 60,
        "live/all/.removed-x/rows.txt": 0,
        "partial/checkpoint-42/key/states/1.pt": 7 * day_s + 60,
        "partial/checkpoint-1729/key/states/1.pt": 7 * day_s - 7200,
        f"data_docs/pack/all/{dead.digest}/index.html": 0,
        f"data_docs/live/all/{live.digest}/index.html": 0,
        "progress/checkpoint-42.jsonl": 8 * day_s,
        "notifications/0123.log.begun": 8 * day_s,
    }
    for name, age in ages.items():
        path = store.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("12345", encoding="utf-8")
        for part in (path, path.parent, path.parent.parent, path.parent.parent.parent):
            os.utime(part, (now - age, now - age))
    plan = plan_prune(store, {live.digest}, now=LATER)
    assert [(row.path, row.bytes) for row in plan.orphans] == [
        (f"data_docs/pack/all/{dead.digest}", 5),
        ("live/all/.removed-x", 5),
        ("live/all/.writing-old", 5),
        ("partial/checkpoint-42", 5),
        ("recipes/.writing-old", 5),
    ]
    prune(store, plan)
    left = {name for name in ages if (store.root / name).exists()}
    assert left == {
        "live/all/.writing-new/half.txt",
        "partial/checkpoint-1729/key/states/1.pt",
        f"data_docs/live/all/{live.digest}/index.html",
        "progress/checkpoint-42.jsonl",
        "notifications/0123.log.begun",  # a delivery that is tried again
    }


@pytest.mark.parametrize("vanishing", ["live/all/.writing-x", "live/all/.writing-x/half.txt", "recipes/.writing-y"])
def test_what_is_renamed_or_deleted_while_leftovers_are_looked_for_is_excluded(
    vanishing: str, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, lstat = put(store, "live"), Path.lstat
    gone = store.root / vanishing
    for name in ("live/all/.writing-x/half.txt", "recipes/.writing-y"):
        (store.root / name).parent.mkdir(parents=True, exist_ok=True)
        (store.root / name).write_text("12345", encoding="utf-8")

    def lstat_too_late(path: Path) -> os.stat_result:
        if path == gone:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", lstat_too_late)
    found = plan_prune(store, {live.digest}, now=LATER + timedelta(days=2)).orphans
    left = {"live/all/.writing-x": 0 if vanishing.endswith("half.txt") else 5, "recipes/.writing-y": 5}
    assert {row.path: row.bytes for row in found} == {name: size for name, size in left.items() if name != vanishing}


@pytest.mark.parametrize("mode", [0o700, 0o000], ids=oct)
def test_a_leftover_deeper_than_any_path_or_closed_goes_and_what_it_links_to_stays(
    mode: int, store: ArtifactStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    live, elsewhere = put(store, "live"), tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "kept").write_text("kept", encoding="utf-8")
    left = store.root / "live/all/.removed-x"
    left.mkdir()
    (left / "link").symlink_to(elsewhere)
    nested(left, 3000, mode)
    plan = plan_prune(store, {live.digest}, now=LATER)
    assert [row.path for row in plan.orphans] == ["live/all/.removed-x"]
    prune(store, plan)
    assert not left.exists() and (elsewhere / "kept").exists() and digests(store) == {live.digest}


def test_a_leftover_that_is_gone_already_is_not_a_fault(store: ArtifactStore) -> None:
    live = put(store, "live")
    (store.root / "live/all/.removed-x").mkdir()
    plan = plan_prune(store, {live.digest}, now=LATER)
    assert [row.path for row in plan.orphans] == ["live/all/.removed-x"]
    (store.root / "live/all/.removed-x").rmdir()
    prune(store, plan)


def test_a_removed_artifact_cannot_be_removed_again(store: ArtifactStore) -> None:
    pack = put(store, "pack")
    store.remove("pack", pack.digest)
    with pytest.raises(StoreError, match=r"is not in the store\. Another prune may be at work"):
        store.remove("pack", pack.digest)


def test_a_kill_after_the_manifest_leaves_what_a_prune_a_day_later_deletes(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, dead = put(store, "live"), put(store, "pack")
    delete = LocalBackend.delete

    def killed(backend: LocalBackend, name: str) -> None:
        if name == f"{dead.name}/rows.txt":
            raise Killed
        delete(backend, name)

    with monkeypatch.context() as patch:
        patch.setattr(LocalBackend, "delete", killed)
        with pytest.raises(Killed):
            prune(store, plan_prune(store, {live.digest}, now=LATER))
    assert digests(store) == {live.digest} and is_whole(store)
    assert store.unfinished() == [dead.address]
    assert plan_prune(store, {live.digest}, now=LATER).incomplete == ()
    rest = plan_prune(store, {live.digest}, now=LATER + timedelta(days=1))
    assert [(row.path, row.bytes) for row in rest.incomplete] == [(dead.address, 4)]
    prune(store, rest)
    assert not dead.folder.exists() and store.unfinished() == []


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(data=st.data(), count=st.integers(min_value=1, max_value=9))
def test_after_a_prune_and_after_a_kill_the_store_verifies_and_live_artifacts_load_with_all_they_were_made_from(
    data: st.DataObject, count: int
) -> None:
    with TemporaryDirectory() as folder:
        store, made = ArtifactStore(Path(folder)), list[Artifact]()
        for number in range(count):
            parents = data.draw(st.lists(st.sampled_from(made), unique_by=id)) if made else []
            partition = data.draw(st.sampled_from([None, "humaneval|42"]))
            made.append(put(store, f"kind{number}", *parents, partition=partition))
        live = data.draw(st.lists(st.sampled_from(made), min_size=1, unique_by=id))
        wanted = {digest for artifact in live for digest in store.lineage(artifact)}
        left = data.draw(st.integers(min_value=0, max_value=count))

        def kill_later() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed

        named = {artifact.digest for artifact in live}
        try:
            prune(store, plan_prune(store, named, now=LATER), before_each=kill_later)
        except Killed:
            assert wanted < digests(store) or len(wanted) == len(digests(store))
        assert is_whole(store)
        prune(store, plan_prune(store, named, now=LATER))
        assert digests(store) == wanted
        assert is_whole(store)
        for artifact in live:
            assert store.lineage(store.load(artifact.manifest.artifact_kind, artifact.digest,
                                            partition=data_partition(artifact)))  # fmt: skip


def data_partition(artifact: Artifact) -> str | None:
    """The partition in an artifact's id."""
    _, found, partition = artifact.manifest.artifact_id.removesuffix("]").partition("[")
    return partition if found else None
