"""The store: whole artifacts, found by recipe, never altered unseen."""

import errno
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.core.errors import ManifestError, StoreError
from codelewm_assets.store import local_backend
from codelewm_assets.store.local_backend import LocalBackend
from codelewm_assets.store.store import ArtifactStore, CacheKey

FILES: dict[str, bytes | Path] = {"rows.json": b"[1, 2]", "figures/lift.txt": b"up"}


def cache_key(kind: str = "pack", partition: str | None = "humaneval", **changes: Any) -> CacheKey:
    """A recipe; by default one of a partition and without parents."""
    fields: dict[str, Any] = {"parents": {}, "config": {"rows": 3}, "code_version": "1"}
    return CacheKey(kind, partition, **fields | changes)


def content(root: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def alter(path: Path, index: int = 0) -> None:
    """Turn over every bit of one byte of a file."""
    data = bytearray(path.read_bytes())
    data[index] ^= 0xFF
    path.write_bytes(bytes(data))


def test_what_was_written_is_found_by_its_cache_key_and_loaded_by_its_digest(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, source_git_sha="a" * 40, command="build")
    written = store.write(cache_key(), FILES, {"rows": 2})
    assert store.find(cache_key()) == written
    assert store.load("pack", written.digest, partition="humaneval") == written
    assert written.read_json("rows.json") == [1, 2]
    assert written.path("figures/lift.txt").read_bytes() == b"up"
    assert (written.manifest.source_git_sha, written.manifest.command) == ("a" * 40, "build")
    assert written.manifest.metadata == {"rows": 2}
    assert list(store.verify(written)) == []


def test_all_files_are_on_disk_before_the_first_gets_its_name(tmp_path: Path, disk_calls: list[str]) -> None:
    """Of two files in one folder that folder and its parent are synced."""
    LocalBackend(tmp_path).put("pack/all/0", {"a": b"1", "b": b"2"})
    assert disk_calls == ["fsync content"] * 2 + ["rename"] * 2 + ["fsync folder"] * 2


def test_an_artifact_lies_under_kind_partition_and_digest(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    one = store.write(cache_key(), FILES, {})
    whole = store.write(cache_key(kind="report", partition=None), FILES, {})
    both = store.write(cache_key(partition="humaneval|42"), FILES, {})
    assert one.folder == tmp_path / "pack" / "humaneval" / one.digest
    assert whole.folder == tmp_path / "report" / "all" / whole.digest
    assert both.folder == tmp_path / "pack" / "humaneval+42" / both.digest
    assert list(store.artifacts()) == [
        ("pack", "humaneval", one.digest),
        ("pack", "humaneval|42", both.digest),
        ("report", None, whole.digest),
    ]


def test_a_file_is_copied_in_from_a_path(tmp_path: Path) -> None:
    outside = tmp_path / "outside.bin"
    outside.write_bytes(b"weights")
    written = ArtifactStore(tmp_path / "store").write(cache_key(), {"model.bin": outside}, {})
    assert written.path("model.bin").read_bytes() == b"weights"
    assert outside.exists()


def test_one_cache_key_gives_one_digest_in_two_roots(tmp_path: Path) -> None:
    stores = [ArtifactStore(tmp_path / name, source_git_sha=name * 40, command=name) for name in ("a", "b")]
    first, second = (store.write(cache_key(), dict(reversed(FILES.items())), {"rows": 2}) for store in stores)
    assert first.digest == second.digest
    assert first.manifest.source_git_sha != second.manifest.source_git_sha


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {"rows": 4}},
        {"code_version": "2"},
        {"parents": {"problems": "1" * 64}},
        {"partition": "mbpp_plus"},
        {"partition": None},
    ],
)
def test_another_cache_key_is_another_artifact_though_its_files_are_the_same(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), FILES, {})
    other = cache_key(**changes)
    assert store.find(other) is None
    assert store.write(other, FILES, {}).digest != written.digest


def test_writing_the_same_twice_keeps_the_first(tmp_path: Path) -> None:
    first = ArtifactStore(tmp_path, command="first").write(cache_key(), FILES, {})
    again = ArtifactStore(tmp_path, command="second").write(cache_key(), FILES, {})
    assert again.digest == first.digest
    assert again.manifest.command == "first"
    assert [path.name for path in first.folder.parent.iterdir()] == [first.digest]


def test_an_empty_store_holds_nothing_and_has_no_faults(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    assert store.find(cache_key()) is None
    assert list(store.artifacts()) == []
    assert store.verify_all() == (0, [])


def test_an_artifact_whose_folder_was_deleted_is_not_found(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), FILES, {})
    for path in sorted(written.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert store.find(cache_key()) is None


def test_loading_what_is_not_stored_says_what_to_materialize(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"pack\[humaneval\] 0{12} is not in the store. Materialize pack again"):
        ArtifactStore(tmp_path).load("pack", "0" * 64, partition="humaneval")


def test_a_file_that_the_manifest_does_not_name_is_refused(tmp_path: Path) -> None:
    written = ArtifactStore(tmp_path).write(cache_key(), FILES, {})
    with pytest.raises(StoreError, match=r"has no file 'other'; it has \['figures/lift.txt', 'rows.json'\]"):
        written.path("other")


def test_an_altered_byte_of_a_file_is_found(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), FILES, {})
    alter(written.path("rows.json"), 3)
    (fault,) = store.verify(written)
    assert (fault.artifact, fault.file) == (f"pack[humaneval] {written.digest[:12]}", "rows.json")
    assert fault.found != fault.wanted
    assert store.verify_all() == (1, [fault])


def test_a_missing_file_and_a_stranger_are_found_together(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), FILES, {})
    written.path("rows.json").unlink()
    (written.folder / "figures" / "extra.txt").write_text("?")
    assert [(f.file, f.found) for f in store.verify(written)] == [
        ("rows.json", "missing"),
        ("figures/extra.txt", "present"),
    ]


@pytest.mark.parametrize("index", [0, 5, -2])
def test_an_altered_byte_of_a_manifest_is_found_and_stops_no_other_check(index: int, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), FILES, {})
    other = store.write(cache_key(kind="report"), FILES, {})
    alter(other.path("rows.json"))
    alter(written.folder / "manifest.json", index)
    checked, faults = store.verify_all()
    assert checked == 2
    assert [fault.file for fault in faults] == ["manifest.json", "rows.json"]


def test_a_manifest_with_another_value_is_not_its_own(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), FILES, {"rows": 2})
    path = written.folder / "manifest.json"
    path.write_text(path.read_text().replace('"rows": 2', '"rows": 3'))
    with pytest.raises(ManifestError, match=r"the manifest's digest is .* the folder says .* was altered; build again"):
        store.load("pack", written.digest, partition="humaneval")


def test_a_parent_that_is_not_stored_is_found(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    parent = store.write(cache_key(kind="problems"), FILES, {})
    child = cache_key(parents={"problems[humaneval]": parent.digest, "profile": "7" * 64})
    written = store.write(child, FILES, {})
    checked, (fault,) = store.verify_all()
    assert checked == 2
    assert (fault.artifact, fault.file) == (f"pack[humaneval] {written.digest[:12]}", "parent profile")
    assert (fault.found, fault.wanted) == ("missing", "7" * 64)


def test_only_the_named_artifacts_are_checked(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    damaged = store.write(cache_key(), FILES, {})
    alter(damaged.path("rows.json"))
    whole = store.write(cache_key(kind="report", partition=None), FILES, {})
    assert store.verify_all(frozenset({"report"})) == (1, [])
    assert store.verify_all(frozenset({whole.digest[:8]})) == (1, [])
    for name in ("pack", "pack[humaneval]", damaged.digest, damaged.digest[:8]):
        checked, faults = store.verify_all(frozenset({name}))
        assert (checked, len(faults)) == (1, 1)
    assert store.verify_all(frozenset({"nothing"})) == (0, [])
    shutil.rmtree(whole.folder)
    for name in ("report", whole.digest, whole.digest[:8]):
        checked, (fault,) = store.verify_all(frozenset({name}))
        assert (checked, fault.artifact, fault.found) == (0, f"report {whole.digest[:12]}", "missing")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def linked(path: Path) -> None:
    path.symlink_to("rows.json")


def linked_folder(path: Path) -> None:
    path.symlink_to("figures")


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(path))  # its name has 107 bytes at most


SPECIAL: list[tuple[Callable[[Path], None], str]] = [
    (dangling, "symbolic link"), (linked, "symbolic link"), (linked_folder, "symbolic link"), (os.mkfifo, "FIFO"),
    (socket_at, "socket"), (Path.mkdir, "empty folder"),
]  # fmt: skip


@pytest.mark.parametrize("name", ["extra", "figures/extra", "figures/lift.txt", "manifest.json"])
@pytest.mark.parametrize(("plant", "kind"), SPECIAL, ids=[plant.__name__ for plant, _ in SPECIAL])
def test_what_is_no_regular_file_is_named_and_goes_with_the_next_build(
    plant: Callable[[Path], None], kind: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), FILES, {})
    (written.folder / name).unlink(missing_ok=True)
    plant(written.folder / name)
    faults = store.verify_all()[1]
    assert (name, kind) in {(fault.file, fault.found) for fault in faults}
    assert store.find(cache_key()) is None
    assert store.write(cache_key(), FILES, {}) == store.find(cache_key())
    assert store.verify_all() == (1, [])


@pytest.mark.parametrize(("plant", "kind"), SPECIAL, ids=[plant.__name__ for plant, _ in SPECIAL])
@pytest.mark.parametrize("name", ["pack/humaneval/extra", f"pack/humaneval/{'0' * 64}", "recipes/extra"])
def test_what_is_no_regular_file_is_named_beside_artifacts_and_notes(
    name: str, plant: Callable[[Path], None], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = ArtifactStore(tmp_path)
    store.write(cache_key(), FILES, {})
    plant(tmp_path / name)
    checked, faults = store.verify_all()
    assert checked == 1
    if name.endswith("0" * 64) and kind == "empty folder":  # as a writer that has just begun leaves it
        assert (faults, store.unfinished()) == ([], [str(tmp_path / name)])
    else:
        assert [(fault.file, fault.found) for fault in faults] == [(name, kind)]


def test_a_folder_of_a_digest_that_is_linked_to_another_disk_is_read_as_if_it_were_there(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "store")
    written = store.write(cache_key(), FILES, {})
    written.folder.rename(tmp_path / "other_disk")
    written.folder.symlink_to(tmp_path / "other_disk")
    assert (store.find(cache_key()), store.verify_all()) == (written, (1, []))


def test_files_of_a_writer_that_was_killed_before_it_had_written_all_are_a_leftover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    monkeypatch.setattr(local_backend, "remove_tree", lambda _: False)
    store = ArtifactStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.write(cache_key(), FILES, {})
    assert store.unfinished()[0].startswith(f"{tmp_path}/pack/humaneval/.writing-")
    assert (list(store.artifacts()), store.verify_all()) == ([], (0, []))


def test_a_hidden_file_and_folder_are_files_like_others(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    assert store.write(cache_key(), {".hidden/.file": b"1"}, {}) == store.find(cache_key())
    assert store.verify_all() == (1, [])


def test_without_hard_links_the_manifest_is_renamed_into_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refused)
    store = ArtifactStore(tmp_path)
    assert store.write(cache_key(), FILES, {}) == store.find(cache_key())
    assert store.verify_all() == (1, [])


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_nothing_half_written_and_what_was_stored_verifies(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(tmp_path)
    store.write(cache_key(), FILES, {})
    before = content(tmp_path)

    def full(*_arguments: Any, **_keywords: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(StoreError, match=r"No space left on device.*free space"):
            store.write(cache_key(code_version="2"), FILES, {})
    after = content(tmp_path)
    assert {name: after.get(name) for name in before} == before
    assert [name for name in after if ".writing-" in name] == []
    assert not any(path.name.startswith(".writing-") for path in tmp_path.rglob("*"))
    assert store.find(cache_key(code_version="2")) is None
    assert store.verify_all()[1] == []
    assert store.find(cache_key()) is not None


def test_a_disk_that_fills_up_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = os.fsync

    def full_at_the_second(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full_at_the_second)
    with pytest.raises(StoreError, match=r"Could not store pack\[humaneval\]: No space left on device"):
        ArtifactStore(tmp_path).write(cache_key(), FILES, {})
    assert content(tmp_path) == {}


def test_a_file_to_copy_that_is_missing_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"Could not store pack\[humaneval\]: No such file or directory"):
        ArtifactStore(tmp_path).write(cache_key(), {"a": b"1", "model.bin": tmp_path / "missing"}, {})
    assert content(tmp_path) == {}


def test_a_fault_in_the_callers_own_data_leaves_nothing_either(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        ArtifactStore(tmp_path).write(cache_key(), {"a": b"1", "b": "text, not bytes"}, {})  # type: ignore[dict-item]
    assert content(tmp_path) == {}


@pytest.mark.parametrize("name", ["../outside", "/outside", "figures/../../outside"])
def test_a_file_outside_the_artifacts_folder_is_refused_and_never_written(name: str, tmp_path: Path) -> None:
    name = f"{tmp_path}{name}" if name.startswith("/") else name
    with pytest.raises(StoreError, match="leaves the artifact's folder"):
        ArtifactStore(tmp_path).write(cache_key(), {name: b"escaped"}, {})
    assert content(tmp_path) == {}


KEY = {"name": "rule", "settings": {"floor": 3}}


def test_a_finding_is_read_under_its_key_alone(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), FILES, {})
    store.findings.write(written.digest, KEY, {"passed": True})
    assert store.findings.read(written.digest, KEY) == {"passed": True}
    assert store.findings.read(written.digest, {**KEY, "settings": {"floor": 4}}) is None
    assert store.findings.read("f" * 64, KEY) is None
    store.findings.write(written.digest, KEY, {"passed": False})
    assert ArtifactStore(tmp_path).findings.read(written.digest, KEY) == {"passed": False}
    assert store.verify_all() == (1, [])
    assert list(store.artifacts()) == [("pack", "humaneval", written.digest)]


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: data.replace(b"true", b"fals"),
     lambda data: data.replace(b"true", b"null"), lambda data: b"[]", lambda data: b"\xff" + data],
    ids=["empty", "half", "no JSON", "another value", "another form", "no UTF-8"],
)  # fmt: skip
def test_a_damaged_finding_is_not_believed_and_can_be_replaced(
    tmp_path: Path, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    store = ArtifactStore(tmp_path)
    store.findings.write("d" * 64, KEY, {"passed": True})
    (path,) = (tmp_path / "findings").rglob("*.json")
    path.write_bytes(damage(path.read_bytes()))
    assert store.findings.read("d" * 64, KEY) is None
    assert "is ignored" in caplog.text
    store.findings.write("d" * 64, KEY, {"passed": True})
    assert store.findings.read("d" * 64, KEY) == {"passed": True}


def test_a_finding_of_another_key_under_this_name_is_not_believed(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    for floor in (3, 4):
        store.findings.write("d" * 64, {"floor": floor}, floor)
    first, second = (tmp_path / "findings").rglob("*.json")
    shutil.copy(first, second)
    assert sorted(str(store.findings.read("d" * 64, {"floor": floor})) for floor in (3, 4))[-1] == "None"


def test_a_finding_that_cannot_be_written_is_logged_and_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "findings").write_text("in the way")
    store = ArtifactStore(tmp_path)
    store.findings.write("d" * 64, KEY, 1)
    assert "could not be written" in caplog.text
    assert store.findings.read("d" * 64, KEY) is None


def test_findings_go_with_their_artifact(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    written = store.write(cache_key(), FILES, {})
    store.findings.write(written.digest, KEY, 1)
    store.findings.write("d" * 64, KEY, 2)
    store.remove("pack", written.digest, partition="humaneval")
    assert store.findings.read(written.digest, KEY) is None
    assert [path.name for path in (tmp_path / "findings").iterdir()] == ["d" * 64]
