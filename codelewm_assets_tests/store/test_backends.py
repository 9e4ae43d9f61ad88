"""What the store promises wherever it lies: in a folder, on a server that speaks S3, and behind another kind of fsspec URL."""

import errno
import json
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

from codelewm_assets.core.errors import StoreAccessError, StoreError
from codelewm_assets.store.cache_key import CacheKey
from codelewm_assets.store.local_backend import LocalBackend
from codelewm_assets.store.object_backend import ObjectBackend
from codelewm_assets.store.prune import plan_prune, prune
from codelewm_assets.store.store import Artifact, ArtifactStore, open_store
from codelewm_assets_tests.object_storage import Bytes

FILES: dict[str, bytes | Path] = {"rows.json": b"[1, 2]", "figures/lift.txt": b"up"}


def cache_key(kind: str = "pack", partition: str | None = "humaneval|42", **changes: Any) -> CacheKey:
    """A recipe; by default one of a partition and without parents."""
    fields: dict[str, Any] = {"parents": {}, "config": {"rows": 3}, "code_version": "1"}
    return CacheKey(kind, partition, **fields | changes)


class Place:
    """Where a store lies, and the bytes there."""

    def __init__(self, root: str, work: Path) -> None:
        self.root, self.work, self.bytes = root, work, Bytes(root)

    def store(self, command: str = "") -> ArtifactStore:
        """The store anew, as another process would open it."""
        return open_store(self.root, work=self.work, command=command)

    def before_the_manifest(self, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
        """At the next write, do this when all files are there and nothing is published yet."""
        for backend in (LocalBackend, ObjectBackend):
            create = backend.create

            def created(own: Any, name: str, data: bytes, create: Callable[..., None] = create) -> None:
                monkeypatch.undo()
                act()
                create(own, name, data)

            monkeypatch.setattr(backend, "create", created)


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow), "memory"])
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


def test_what_was_written_is_found_by_its_cache_key_and_loaded_by_its_digest(place: Place) -> None:
    written = place.store("build").write(cache_key(), FILES, {"rows": 2})
    store = place.store()
    assert store.find(cache_key()) == written
    assert store.load("pack", written.digest, partition="humaneval|42") == written
    assert written.read_json("rows.json") == [1, 2]
    assert written.path("figures/lift.txt").read_bytes() == b"up"
    assert (written.manifest.command, written.manifest.metadata) == ("build", {"rows": 2})
    assert list(store.verify(written)) == []


def test_an_artifact_lies_under_kind_partition_and_digest_and_its_cache_key_beside(place: Place) -> None:
    one, whole = (place.store().write(r, FILES, {}) for r in (cache_key(), cache_key(kind="report", partition=None)))
    assert one.address == f"{place.root}/pack/humaneval+42/{one.digest}"
    assert place.bytes.names() == sorted(
        [f"{folder}/{name}" for folder in (f"pack/humaneval+42/{one.digest}", f"report/all/{whole.digest}")
         for name in ("figures/lift.txt", "manifest.json", "rows.json")]
        + [f"recipes/{r.digest}.json" for r in (cache_key(), cache_key(kind="report", partition=None))]
    )  # fmt: skip
    assert list(place.store().artifacts()) == [("pack", "humaneval|42", one.digest), ("report", None, whole.digest)]


def test_every_place_gets_the_same_bytes_but_for_when_it_was_made(place: Place, tmp_path: Path) -> None:
    beside = Place(str(tmp_path / "beside"), tmp_path / "work")
    first, second = (p.store().write(cache_key(), FILES, {"rows": 2}) for p in (beside, place))
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
    assert place.store().write(cache_key(), {"model.bin": outside}, {}).path("model.bin").read_bytes() == b"weights"
    assert outside.exists()


def test_writing_the_same_twice_keeps_the_first(place: Place) -> None:
    first = place.store("first").write(cache_key(), FILES, {})
    again = place.store("second").write(cache_key(), FILES, {})
    assert (again.digest, again.manifest.command) == (first.digest, "first")


def test_a_store_that_does_not_exist_holds_nothing_and_is_a_fault(place: Place) -> None:
    store = place.store()
    assert store.find(cache_key()) is None
    assert (list(store.artifacts()), store.unfinished()) == ([], [])
    checked, (fault,) = store.verify_all()
    assert (checked, fault.file, fault.found, fault.wanted) == (0, place.root, "missing", "an artifact store")
    with pytest.raises(StoreError, match=r"pack\[humaneval\|42\] 0{12} is not in the store. Materialize pack again"):
        store.load("pack", "0" * 64, partition="humaneval|42")


def rebuilt(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """What a build does: the recipe is looked for in vain, which is logged, then its artifact is made again and whole."""
    assert place.store().find(cache_key()) is None
    assert "is rebuilt" in caplog.text
    again = place.store().write(cache_key(), FILES, {})
    assert place.store().find(cache_key()) == again
    assert (place.store().verify_all(), place.store().unfinished()) == ((1, []), [])


def test_an_artifact_whose_manifest_is_missing_is_named_and_built_again(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    written = place.store().write(cache_key(), FILES, {})
    place.bytes.remove(name_of(written, "manifest.json"))
    checked, (fault,) = place.store().verify_all()
    assert (checked, fault.artifact) == (0, f"pack[humaneval|42] {written.digest[:12]}")
    assert (fault.file, fault.found) == ("manifest.json", "missing")
    assert fault.wanted == f"the artifact that recipes/{cache_key().digest}.json names"
    assert place.store().missing() == [fault]
    rebuilt(place, caplog)


def test_an_artifact_that_is_gone_though_its_cache_key_note_is_there_is_named_and_built_again(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    written = place.store().write(cache_key(), FILES, {})
    for name in ("manifest.json", *FILES):
        place.bytes.remove(name_of(written, name))
    assert [(f.file, f.found) for f in place.store().verify_all()[1]] == [("manifest.json", "missing")]
    rebuilt(place, caplog)


@pytest.mark.parametrize("name", ["rows.json", "manifest.json"])
def test_a_damaged_artifact_is_replaced_by_the_next_build(
    name: str, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    written = place.store().write(cache_key(), FILES, {})
    place.bytes.alter(name_of(written, name), 3)
    place.bytes.put(name_of(written, "figures/extra.txt"), b"?")
    assert place.store().verify_all()[1] != []
    rebuilt(place, caplog)


def test_a_note_that_names_the_artifact_of_another_cache_key_is_named_and_not_believed(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    store, other = place.store(), cache_key(config={"rows": 4})
    store.write(cache_key(), FILES, {})
    store.write(other, FILES, {})
    place.bytes.put(f"recipes/{cache_key().digest}.json", place.bytes.read(f"recipes/{other.digest}.json"))
    checked, (fault,) = store.verify_all()
    assert (checked, fault.file, fault.found) == (2, f"recipes/{cache_key().digest}.json", other.digest)
    assert store.find(cache_key()) is None and "is rebuilt" in caplog.text
    assert store.find(other) is not None
    store.write(cache_key(), FILES, {})
    assert store.verify_all() == (2, [])


@pytest.mark.parametrize("note", [b"{", b"[]", b'{"digest": "../../outside", "artifact_id": "pack"}'])
def test_a_damaged_note_is_named_and_its_artifact_built_again(
    note: bytes, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.store().write(cache_key(), FILES, {})
    place.bytes.put(f"recipes/{cache_key().digest}.json", note)
    assert [(f.file, f.found) for f in place.store().verify_all()[1]] == [
        (f"recipes/{cache_key().digest}.json", "damaged")
    ]
    rebuilt(place, caplog)


@pytest.mark.parametrize(
    "name", ["pack/humaneval+42/notes.txt", "pack/humaneval+42/old/rows.json", "recipes/notes.txt"]
)
def test_a_file_beside_artifacts_or_notes_that_no_manifest_lists_is_named(name: str, place: Place) -> None:
    place.store().write(cache_key(), FILES, {})
    if "://" not in place.root:
        (Path(place.root) / name).parent.mkdir(exist_ok=True)
    place.bytes.put(name, b"?")
    checked, (fault,) = place.store().verify_all()
    assert checked == 1 and name in (fault.file, f"{fault.artifact}/{fault.file}")
    assert fault.wanted in ("in no manifest", "a cache entry")


@pytest.mark.parametrize(
    ("field", "value", "form"),
    [
        ("created_at", "yesterday", "an ISO 8601 time in UTC"),
        ("created_at", "2020-01-02T03:04:05", "an ISO 8601 time in UTC"),
        ("created_at", "2020-01-02T03:04:05+02:00", "an ISO 8601 time in UTC"),
        ("source_git_sha", "abc", "a commit of 40 hexadecimal digits, or unknown"),
        ("command", "build\u001b[2J", "one line of printable text"),
    ],
)
def test_a_field_outside_the_digest_with_the_wrong_form_is_named(
    field: str, value: str, form: str, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    written = place.store().write(cache_key(), FILES, {})
    manifest = json.loads(place.bytes.read(name_of(written, "manifest.json")))
    place.bytes.put(name_of(written, "manifest.json"), json.dumps(manifest | {field: value}).encode())
    (fault,) = place.store().verify(written := place.store().load("pack", written.digest, partition="humaneval|42"))
    assert (fault.file, fault.found, fault.wanted) == (f"manifest.json {field}", repr(value), form)
    rebuilt(place, caplog)


def test_an_artifact_in_the_folder_of_another_is_named(place: Place) -> None:
    written = place.store().write(cache_key(), FILES, {})
    for name in ("manifest.json", *FILES):
        moved = f"pack/mbpp_plus/{written.digest}/{name}"
        if "://" not in place.root:
            (Path(place.root) / moved).parent.mkdir(parents=True, exist_ok=True)
        place.bytes.put(moved, place.bytes.read(name_of(written, name)))
    checked, (fault,) = place.store().verify_all()
    assert (checked, fault.artifact) == (2, f"pack[mbpp_plus] {written.digest[:12]}")
    assert "holds pack[humaneval|42]. Delete it" in fault.found


@pytest.mark.parametrize("file", ["manifest.json", "recipe"])
def test_in_a_folder_what_cannot_be_read_is_not_taken_for_missing(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), FILES, {})
    locked = tmp_path / "recipes" / f"{cache_key().digest}.json" if file == "recipe" else written.folder / file
    read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path == locked:
            raise PermissionError(errno.EACCES, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    calls: list[Callable[[], object]] = [lambda: store.find(cache_key())]
    if file == "manifest.json":
        calls += [lambda: store.load("pack", written.digest, partition="humaneval|42"), store.verify_all]
    for call in calls:
        with pytest.raises(StoreAccessError, match=r"cannot be read \(Permission denied\); expected .*permissions"):
            call()


def test_an_altered_byte_is_named(place: Place) -> None:
    written = place.store().write(cache_key(), FILES, {})
    place.bytes.alter(name_of(written, "rows.json"), 3)
    (fault,) = place.store().verify(written)
    assert (fault.artifact, fault.file) == (f"pack[humaneval|42] {written.digest[:12]}", "rows.json")
    assert fault.found != fault.wanted
    assert place.store().verify_all() == (1, [fault])


def test_a_missing_file_and_a_stranger_are_found_together(place: Place) -> None:
    written = place.store().write(cache_key(), FILES, {})
    place.bytes.remove(name_of(written, "rows.json"))
    place.bytes.put(name_of(written, "figures/extra.txt"), b"?")
    assert [(f.file, f.found) for f in place.store().verify(written)] == [
        ("rows.json", "missing"),
        ("figures/extra.txt", "present"),
    ]


def test_an_altered_manifest_is_found_and_stops_no_other_check(place: Place) -> None:
    written, other = (place.store().write(cache_key(kind=kind), FILES, {}) for kind in ("pack", "report"))
    place.bytes.alter(name_of(other, "rows.json"))
    place.bytes.alter(name_of(written, "manifest.json"), 5)
    checked, faults = place.store().verify_all()
    assert (checked, [fault.file for fault in faults]) == (2, ["manifest.json", "rows.json"])


def test_a_parent_that_is_not_stored_is_found(place: Place) -> None:
    parent = place.store().write(cache_key(kind="problems"), FILES, {})
    child = cache_key(parents={"problems[humaneval|42]": parent.digest, "profile": "7" * 64})
    written = place.store().write(child, FILES, {})
    assert set(place.store().lineage(parent)) == {parent.digest}
    checked, (fault,) = place.store().verify_all(frozenset({written.digest[:8]}))
    assert (checked, fault.file, fault.found, fault.wanted) == (2, "parent profile", "missing", "7" * 64)


@pytest.mark.parametrize("name", ["../outside", "/outside", "figures/../../outside"])
def test_a_file_outside_the_artifacts_folder_is_refused_and_nothing_is_written(name: str, place: Place) -> None:
    with pytest.raises(StoreError, match="leaves the artifact's folder"):
        place.store().write(cache_key(), {name: b"escaped"}, {})
    assert place.bytes.names() == []


def test_a_file_to_copy_that_is_missing_is_named_and_nothing_is_written(place: Place, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"Could not store pack\[humaneval\|42\]: No such file or directory"):
        place.store().write(cache_key(), {"a": b"1", "model.bin": tmp_path / "missing"}, {})
    assert place.bytes.names() == []


def test_a_reader_sees_nothing_of_an_artifact_until_it_is_whole(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = open_store(place.work / "elsewhere").write(cache_key(), FILES, {}).digest
    seen: list[object] = []

    def look() -> None:
        reader = place.store()
        seen.extend([reader.find(cache_key()), list(reader.artifacts()), reader.verify_all(), len(reader.unfinished())])
        with pytest.raises(StoreError, match="is not in the store"):
            reader.load("pack", digest, partition="humaneval|42")

    place.before_the_manifest(monkeypatch, look)
    written = place.store().write(cache_key(), FILES, {})
    assert written.digest == digest
    assert seen == [None, [], (0, []), 1]  # what is being written is a leftover, were it to end now
    assert place.store().unfinished() == []
    assert place.store().find(cache_key()) == written


def test_of_two_writers_at_once_the_first_manifest_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.before_the_manifest(monkeypatch, lambda: void(place.store("first").write(cache_key(), FILES, {})))
    later = place.store("second").write(cache_key(), FILES, {})
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
        place.store().write(cache_key(), FILES, {})
    assert (place.store().find(cache_key()), place.store().verify_all()) == (None, (0, []))
    assert place.store().write(cache_key(), FILES, {}) == place.store().find(cache_key())
    assert (place.store().verify_all(), place.store().unfinished()) == ((1, []), [])


OTHER_PROCESS = """
import os, signal, sys
from codelewm_assets.store.local_backend import LocalBackend
from codelewm_assets.store.object_backend import ObjectBackend
from codelewm_assets.store.store import open_store
from codelewm_assets.store.cache_key import CacheKey

root, work, what = sys.argv[1:]
if what == "die":
    LocalBackend.create = ObjectBackend.create = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
for number in range(10):
    recipe = CacheKey("pack", "humaneval|42", {}, {"number": number}, "1")
    written = open_store(root, work=work, command=what).write(recipe, {"a": b"1" * 100_000, "b/c": b"2"}, {})
    assert written.path("b/c").read_bytes() == b"2"
"""


def other_process(place: Place, what: str) -> subprocess.Popen[str]:
    """A process that writes ten artifacts, or is killed before the first manifest."""
    arguments = [sys.executable, "-c", OTHER_PROCESS, place.root, str(place.work), what]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


@pytest.mark.slow
@pytest.mark.parametrize("place", ["folder", "s3"], indirect=True)
def test_a_killed_process_leaves_what_verify_names_and_no_reader_sees(place: Place) -> None:
    process = other_process(place, "die")
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said
    store = place.store()
    assert (list(store.artifacts()), store.verify_all()) == ([], (0, []))
    (leftover,) = store.unfinished()
    assert leftover.startswith(f"{place.root}/pack/humaneval+42/")
    again = CacheKey("pack", "humaneval|42", {}, {"number": 0}, "1")
    assert store.find(again) is None
    store.write(again, {"a": b"1" * 100_000, "b/c": b"2"}, {})
    assert store.verify_all() == (1, [])
    assert store.unfinished() == []  # the dead writer's files are the artifact's now


@pytest.mark.slow
@pytest.mark.parametrize("place", ["folder", "s3"], indirect=True)
def test_two_processes_that_write_the_same_artifacts_at_once_both_succeed(place: Place) -> None:
    processes = [other_process(place, what) for what in ("one", "two")]
    for process in processes:
        _, said = process.communicate()
        assert process.returncode == 0, said
    assert place.store().verify_all() == (10, [])
    assert place.store().unfinished() == []


def test_the_files_of_an_artifact_make_it_whole_in_another_store(place: Place, tmp_path: Path) -> None:
    written = place.store().write(cache_key(), FILES, {"rows": 2})
    for name, path in place.store().local_files(written).items():
        target = tmp_path / "sent" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    assert open_store(tmp_path / "sent").verify_all() == (1, [])


def test_a_removed_artifact_is_gone_with_its_files_and_its_cache_key_can_be_forgotten(place: Place) -> None:
    store = place.store()
    gone, kept = store.write(cache_key(), FILES, {}), store.write(cache_key("splits", None), FILES, {})
    assert [(key, digest) for key, _, digest in store.cache_entries()] == sorted(
        [(cache_key().digest, gone.digest), (cache_key("splits", None).digest, kept.digest)]
    )
    store.invalidate(cache_key().digest)
    store.invalidate(cache_key().digest)  # it may be gone already
    store.remove("pack", gone.digest, partition="humaneval|42")
    assert list(place.store().artifacts()) == [("splits", None, kept.digest)]
    assert [key for key, *_ in store.cache_entries()] == [cache_key("splits", None).digest]
    assert store.unfinished() == [] and store.verify_all() == (1, [])
    with pytest.raises(StoreError, match="not in the store"):
        store.remove("pack", gone.digest, partition="humaneval|42")


def test_a_cache_key_whose_note_is_damaged_is_listed_without_a_digest(place: Place) -> None:
    store = place.store()
    store.write(cache_key(), FILES, {})
    place.bytes.put(f"recipes/{cache_key().digest}.json", b"{")
    assert list(store.cache_entries()) == [(cache_key().digest, None, None)]


def test_a_removal_that_is_interrupted_leaves_nothing_that_a_reader_sees(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is gone and the files are not."""
    store = place.store()
    written = store.write(cache_key(), FILES, {})
    store.invalidate(cache_key().digest)
    deleted: list[str] = []
    for backend in (LocalBackend, ObjectBackend):
        delete = backend.delete

        def interrupted(own: Any, name: str, delete: Callable[..., None] = delete) -> None:
            if deleted:
                raise KeyboardInterrupt
            deleted.append(name)
            delete(own, name)

        monkeypatch.setattr(backend, "delete", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.remove("pack", written.digest, partition="humaneval|42")
    monkeypatch.undo()
    assert deleted == [name_of(written, "manifest.json")] and store.unfinished() == [written.address]
    assert list(store.artifacts()) == [] and store.verify_all() == (0, [])
    assert store.write(cache_key(), FILES, {}).digest == written.digest  # and can be written again
    assert store.verify_all() == (1, [])


def test_what_else_lies_below_the_root_is_not_an_artifact_and_no_leftover_and_stays_in_a_prune(
    place: Place, tmp_path: Path
) -> None:
    """Another store, logs, a stranger's manifest: only a folder named by a digest is an artifact's."""
    live = place.store().write(cache_key(), FILES, {})
    other = open_store(f"{place.root}/team", work=tmp_path / "team")
    other.write(cache_key(), {"rows.json": b"[3]"}, {})
    for name in ("dagster/storage/run/compute.err", "models/base/latest/manifest.json"):
        if "://" not in place.root:
            (Path(place.root) / name).parent.mkdir(parents=True)
        place.bytes.put(name, b"{}")
    before, store = place.bytes.names(), place.store()
    assert (len(list(store.artifacts())), store.verify_all(), store.unfinished()) == (1, (1, []), [])
    plan = plan_prune(store, {live.digest}, now=datetime.now(UTC) + timedelta(days=2))
    assert (plan.removable, plan.incomplete) == ((), ())
    prune(store, plan)
    assert place.bytes.names() == before and other.verify_all() == (1, [])
