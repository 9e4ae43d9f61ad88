"""What the store promises wherever it lies: in a folder, on a server that speaks S3, and behind another kind of fsspec URL."""

import errno
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.core.errors import ManifestError, StoreAccessError, StoreError
from codelewm_assets.store import local_backend
from codelewm_assets.store.object_backend import ObjectBackend
from codelewm_assets.store.prune import plan_prune, prune
from codelewm_assets.store.recipe import Recipe
from codelewm_assets.store.store import Artifact, ArtifactStore, open_store
from codelewm_assets_tests.object_storage import Bytes

FILES: dict[str, bytes | Path] = {"rows.json": b"[1, 2]", "figures/lift.txt": b"up"}


def recipe(kind: str = "pack", partition: str | None = "humaneval|42", **changes: Any) -> Recipe:
    """A recipe; by default one of a partition and without parents."""
    fields: dict[str, Any] = {"parents": {}, "config": {"rows": 3}, "code_version": "1"}
    return Recipe(kind, partition, **fields | changes)


class Place:
    """Where a store lies, and the bytes there."""

    def __init__(self, root: str, work: Path) -> None:
        self.root, self.work, self.bytes = root, work, Bytes(root)

    def store(self, command: str = "") -> ArtifactStore:
        """The store anew, as another process would open it."""
        return open_store(self.root, work=self.work, command=command)

    def before_the_manifest(self, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
        """At the next write, do this when all files are there and nothing is published yet."""
        rename, create = local_backend._rename, ObjectBackend._create

        def renamed(*arguments: Any) -> None:
            monkeypatch.undo()
            act()
            rename(*arguments)

        def created(*arguments: Any) -> None:
            monkeypatch.undo()
            act()
            create(*arguments)

        monkeypatch.setattr(local_backend, "_rename", renamed)
        monkeypatch.setattr(ObjectBackend, "_create", created)


@pytest.fixture(params=["folder", "s3", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of each kind."""
    if request.param == "folder":
        return Place(str(tmp_path / "store"), tmp_path / "work")
    if request.param == "s3":
        return Place(request.getfixturevalue("s3_root"), tmp_path / "work")
    return Place(f"memory://{uuid.uuid4().hex}/part", tmp_path / "work")


def name_of(artifact: Artifact, file: str) -> str:
    """Name of an artifact's file below the root."""
    return f"{artifact.name}/{file}"


def test_what_was_written_is_found_by_its_recipe_and_loaded_by_its_digest(place: Place) -> None:
    written = place.store("build").write(recipe(), FILES, {"rows": 2})
    store = place.store()
    assert store.find(recipe()) == written
    assert store.load("pack", written.digest, partition="humaneval|42") == written
    assert written.read_json("rows.json") == [1, 2]
    assert written.path("figures/lift.txt").read_bytes() == b"up"
    assert (written.manifest.command, written.manifest.metadata) == ("build", {"rows": 2})
    assert list(store.verify(written)) == []


def test_an_artifact_lies_under_kind_partition_and_digest_and_its_recipe_beside(place: Place) -> None:
    one, whole = (place.store().write(r, FILES, {}) for r in (recipe(), recipe(kind="report", partition=None)))
    assert one.address == f"{place.root}/pack/humaneval+42/{one.digest}"
    assert place.bytes.names() == sorted(
        [f"{folder}/{name}" for folder in (f"pack/humaneval+42/{one.digest}", f"report/all/{whole.digest}")
         for name in ("figures/lift.txt", "manifest.json", "rows.json")]
        + [f"recipes/{r.key}.json" for r in (recipe(), recipe(kind="report", partition=None))]
    )  # fmt: skip
    assert list(place.store().artifacts()) == [("pack", "humaneval|42", one.digest), ("report", None, whole.digest)]


def test_every_place_gets_the_same_bytes_but_for_when_it_was_made(place: Place, tmp_path: Path) -> None:
    beside = Place(str(tmp_path / "beside"), tmp_path / "work")
    first, second = (p.store().write(recipe(), FILES, {"rows": 2}) for p in (beside, place))
    assert first.digest == second.digest
    assert place.bytes.names() == beside.bytes.names()
    for name in place.bytes.names():
        theirs, ours = beside.bytes.read(name), place.bytes.read(name)
        for artifact, text in ((first, theirs), (second, ours)):
            assert name.endswith("manifest.json") == (artifact.manifest.created_at.encode() in text)
        assert ours.replace(second.manifest.created_at.encode(), first.manifest.created_at.encode()) == theirs


def test_a_file_is_copied_in_from_a_path(place: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside.bin"
    outside.write_bytes(b"weights")
    assert place.store().write(recipe(), {"model.bin": outside}, {}).path("model.bin").read_bytes() == b"weights"
    assert outside.exists()


def test_writing_the_same_twice_keeps_the_first(place: Place) -> None:
    first = place.store("first").write(recipe(), FILES, {})
    again = place.store("second").write(recipe(), FILES, {})
    assert (again.digest, again.manifest.command) == (first.digest, "first")


def test_an_empty_store_holds_nothing_and_has_no_faults(place: Place) -> None:
    store = place.store()
    assert store.find(recipe()) is None
    assert (list(store.artifacts()), store.verify_all(), store.leftovers()) == ([], (0, []), [])
    with pytest.raises(StoreError, match=r"pack\[humaneval\|42\] 0{12} is not in the store. Materialize pack again"):
        store.load("pack", "0" * 64, partition="humaneval|42")


def test_an_artifact_whose_manifest_was_deleted_is_not_found(place: Place) -> None:
    written = place.store().write(recipe(), FILES, {})
    place.bytes.remove(name_of(written, "manifest.json"))
    assert place.store().find(recipe()) is None


@pytest.mark.parametrize("file", ["manifest.json", "recipe"])
def test_in_a_folder_what_cannot_be_read_is_not_taken_for_missing(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(recipe(), FILES, {})
    locked = tmp_path / "recipes" / f"{recipe().key}.json" if file == "recipe" else written.folder / file
    read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path == locked:
            raise PermissionError(errno.EACCES, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    calls: list[Callable[[], object]] = [lambda: store.find(recipe())]
    if file == "manifest.json":
        calls += [lambda: store.load("pack", written.digest, partition="humaneval|42"), store.verify_all]
    for call in calls:
        with pytest.raises(StoreAccessError, match=r"cannot be read \(Permission denied\); wanted .*permissions"):
            call()


def test_a_damaged_artifact_is_not_taken_for_the_one_that_is_written(place: Place) -> None:
    written = place.store().write(recipe(), FILES, {})
    place.bytes.alter(name_of(written, "rows.json"), 3)
    place.store().forget(recipe().key)
    with pytest.raises(ManifestError, match=r"is damaged: rows\.json is .*Delete .* and build again"):
        place.store().write(recipe(), FILES, {})
    assert [key for key, _ in place.store().recipes()] == []


def test_an_altered_byte_is_named_and_the_artifact_is_refused_with_what_to_delete(place: Place) -> None:
    written = place.store().write(recipe(), FILES, {})
    place.bytes.alter(name_of(written, "rows.json"), 3)
    (fault,) = place.store().verify(written)
    assert (fault.artifact, fault.file) == (f"pack[humaneval|42] {written.digest[:12]}", "rows.json")
    assert fault.found != fault.wanted
    assert place.store().verify_all() == (1, [fault])
    with pytest.raises(ManifestError) as refused:
        place.store().find(recipe())
    assert f"rows.json is {fault.found}, wanted {fault.wanted}. Delete {written.address} and" in str(refused.value)


def test_a_missing_file_and_a_stranger_are_found_together(place: Place) -> None:
    written = place.store().write(recipe(), FILES, {})
    place.bytes.remove(name_of(written, "rows.json"))
    place.bytes.put(name_of(written, "figures/extra.txt"), b"?")
    assert [(f.file, f.found) for f in place.store().verify(written)] == [
        ("rows.json", "missing"),
        ("figures/extra.txt", "present"),
    ]


def test_an_altered_manifest_is_found_and_stops_no_other_check(place: Place) -> None:
    written, other = (place.store().write(recipe(kind=kind), FILES, {}) for kind in ("pack", "report"))
    place.bytes.alter(name_of(other, "rows.json"))
    place.bytes.alter(name_of(written, "manifest.json"), 5)
    checked, faults = place.store().verify_all()
    assert (checked, [fault.file for fault in faults]) == (2, ["manifest.json", "rows.json"])


def test_a_parent_that_is_not_stored_is_found(place: Place) -> None:
    parent = place.store().write(recipe(kind="problems"), FILES, {})
    child = recipe(parents={"problems[humaneval|42]": parent.digest, "profile": "7" * 64})
    written = place.store().write(child, FILES, {})
    assert set(place.store().lineage(parent)) == {parent.digest}
    checked, (fault,) = place.store().verify_all(frozenset({written.digest[:8]}))
    assert (checked, fault.file, fault.found, fault.wanted) == (2, "parent profile", "missing", "7" * 64)


@pytest.mark.parametrize("name", ["../outside", "/outside", "figures/../../outside"])
def test_a_file_outside_the_artifacts_folder_is_refused_and_nothing_is_written(name: str, place: Place) -> None:
    with pytest.raises(StoreError, match="leaves the artifact's folder"):
        place.store().write(recipe(), {name: b"escaped"}, {})
    assert place.bytes.names() == []


def test_a_file_to_copy_that_is_missing_is_named_and_nothing_is_written(place: Place, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"Could not store pack\[humaneval\|42\]: No such file or directory"):
        place.store().write(recipe(), {"a": b"1", "model.bin": tmp_path / "missing"}, {})
    assert place.bytes.names() == []


def test_a_reader_sees_nothing_of_an_artifact_until_it_is_whole(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = open_store(place.work / "elsewhere").write(recipe(), FILES, {}).digest
    seen: list[object] = []

    def look() -> None:
        reader = place.store()
        seen.extend([reader.find(recipe()), list(reader.artifacts()), reader.verify_all(), len(reader.leftovers())])
        with pytest.raises(StoreError, match="is not in the store"):
            reader.load("pack", digest, partition="humaneval|42")

    place.before_the_manifest(monkeypatch, look)
    written = place.store().write(recipe(), FILES, {})
    assert written.digest == digest
    assert seen == [None, [], (0, []), 1]  # what is being written is a leftover, were it to end now
    assert place.store().leftovers() == []
    assert place.store().find(recipe()) == written


def test_of_two_writers_at_once_the_first_manifest_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.before_the_manifest(monkeypatch, lambda: void(place.store("first").write(recipe(), FILES, {})))
    later = place.store("second").write(recipe(), FILES, {})
    assert later.manifest.command == "first"
    assert place.store().verify_all() == (1, [])


def void(_value: object) -> None:
    """Nothing, of anything."""


def test_a_writer_that_dies_leaves_nothing_visible_and_a_later_one_completes_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def die() -> None:
        raise Died

    place.before_the_manifest(monkeypatch, die)
    with pytest.raises(Died):
        place.store().write(recipe(), FILES, {})
    assert (place.store().find(recipe()), place.store().verify_all()) == (None, (0, []))
    assert place.store().write(recipe(), FILES, {}) == place.store().find(recipe())
    assert (place.store().verify_all(), place.store().leftovers()) == ((1, []), [])


OTHER_PROCESS = """
import os, signal, sys
from codelewm_assets.store import local_backend
from codelewm_assets.store.object_backend import ObjectBackend
from codelewm_assets.store.store import open_store
from codelewm_assets.store.recipe import Recipe

root, work, what = sys.argv[1:]
if what == "die":
    local_backend._rename = ObjectBackend._create = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
for number in range(10):
    recipe = Recipe("pack", "humaneval|42", {}, {"number": number}, "1")
    written = open_store(root, work=work, command=what).write(recipe, {"a": b"1" * 100_000, "b/c": b"2"}, {})
    assert written.path("b/c").read_bytes() == b"2"
"""


def other_process(place: Place, what: str) -> subprocess.Popen[str]:
    """A process that writes ten artifacts, or is killed before the first manifest."""
    arguments = [sys.executable, "-c", OTHER_PROCESS, place.root, str(place.work), what]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


@pytest.mark.parametrize("place", ["folder", "s3"], indirect=True)
def test_a_killed_process_leaves_what_verify_names_and_no_reader_sees(place: Place) -> None:
    process = other_process(place, "die")
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said
    store = place.store()
    assert (list(store.artifacts()), store.verify_all()) == ([], (0, []))
    (leftover,) = store.leftovers()
    assert leftover.startswith(f"{place.root}/pack/humaneval+42/")
    again = Recipe("pack", "humaneval|42", {}, {"number": 0}, "1")
    assert store.find(again) is None
    store.write(again, {"a": b"1" * 100_000, "b/c": b"2"}, {})
    assert store.verify_all() == (1, [])
    # in a folder the dead writer's temporary folder stays, on object storage its files are the artifact's now
    assert store.leftovers() == ([leftover] if not place.root.startswith("s3:") else [])


@pytest.mark.parametrize("place", ["folder", "s3"], indirect=True)
def test_two_processes_that_write_the_same_artifacts_at_once_both_succeed(place: Place) -> None:
    processes = [other_process(place, what) for what in ("one", "two")]
    for process in processes:
        _, said = process.communicate()
        assert process.returncode == 0, said
    assert place.store().verify_all() == (10, [])
    assert place.store().leftovers() == []


def test_the_files_of_an_artifact_make_it_whole_in_another_store(place: Place, tmp_path: Path) -> None:
    written = place.store().write(recipe(), FILES, {"rows": 2})
    for name, path in place.store().local_files(written).items():
        target = tmp_path / "sent" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    assert open_store(tmp_path / "sent").verify_all() == (1, [])


def test_a_removed_artifact_is_gone_with_its_files_and_its_recipe_can_be_forgotten(place: Place) -> None:
    store = place.store()
    gone, kept = store.write(recipe(), FILES, {}), store.write(recipe("splits", None), FILES, {})
    assert [(key, digest) for key, digest in store.recipes()] == sorted(
        [(recipe().key, gone.digest), (recipe("splits", None).key, kept.digest)]
    )
    store.forget(recipe().key)
    store.forget(recipe().key)  # it may be gone already
    store.remove("pack", gone.digest, partition="humaneval|42")
    assert list(place.store().artifacts()) == [("splits", None, kept.digest)]
    assert [key for key, _ in store.recipes()] == [recipe("splits", None).key]
    assert store.leftovers() == [] and store.verify_all() == (1, [])
    with pytest.raises(StoreError, match="not in the store"):
        store.remove("pack", gone.digest, partition="humaneval|42")


def test_a_recipe_whose_note_is_damaged_is_listed_without_a_digest(place: Place) -> None:
    store = place.store()
    store.write(recipe(), FILES, {})
    place.bytes.put(f"recipes/{recipe().key}.json", b"{")
    assert list(store.recipes()) == [(recipe().key, None)]


def test_a_removal_that_is_cut_off_leaves_nothing_that_a_reader_sees(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder the files are not deleted yet; on object storage the manifest is gone and the files are not."""
    store = place.store()
    written = store.write(recipe(), FILES, {})
    deleted: list[str] = []
    delete = ObjectBackend.delete

    def cut_off(own: ObjectBackend, name: str) -> None:
        if deleted:
            raise KeyboardInterrupt
        deleted.append(name)
        delete(own, name)

    def cut_off_too(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ObjectBackend, "delete", cut_off)
        patch.setattr(local_backend, "remove_tree", cut_off_too)
        with pytest.raises(KeyboardInterrupt):
            store.remove("pack", written.digest, partition="humaneval|42")
    assert list(store.artifacts()) == [] and store.verify_all() == (0, [])
    assert store.write(recipe(), FILES, {}).digest == written.digest  # and can be written again
    assert store.verify_all() == (1, [])


def test_what_else_lies_below_the_root_is_no_artifact_and_no_leftover_and_stays_in_a_prune(
    place: Place, tmp_path: Path
) -> None:
    """Another store, logs, a stranger's manifest: only a folder named by a digest is an artifact's."""
    live = place.store().write(recipe(), FILES, {})
    other = open_store(f"{place.root}/team", work=tmp_path / "team")
    other.write(recipe(), {"rows.json": b"[3]"}, {})
    for name in ("dagster/storage/run/compute.err", "models/base/latest/manifest.json"):
        if "://" not in place.root:
            (Path(place.root) / name).parent.mkdir(parents=True)
        place.bytes.put(name, b"{}")
    before, store = place.bytes.names(), place.store()
    assert (len(list(store.artifacts())), store.verify_all(), store.leftovers()) == (1, (1, []), [])
    plan = plan_prune(store, {live.digest}, now=datetime.now(UTC) + timedelta(days=2))
    assert (plan.removable, plan.cut_off) == ((), ())
    prune(store, plan)
    assert place.bytes.names() == before and other.verify_all() == (1, [])
