"""Object storage alone: local copies, conditional puts, and servers that refuse or are gone."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.core.errors import ManifestError, StoreAccessError, StoreError
from codelewm_assets.store import object_backend
from codelewm_assets.store.backend import Entry
from codelewm_assets.store.cache_key import CacheKey
from codelewm_assets.store.object_backend import ObjectBackend
from codelewm_assets.store.orphans import INCOMPLETE_AFTER_S, find_orphaned_files
from codelewm_assets.store.prune import plan_prune, prune
from codelewm_assets.store.store import Artifact, ArtifactStore, open_store
from codelewm_assets_tests.object_storage import SECRET_KEY, Bytes, s3_client

RECIPE = CacheKey("pack", None, {}, {}, "1")
FILES: dict[str, bytes | Path] = {"rows.json": b"[1, 2]"}


@pytest.fixture
def store(s3_root: str, tmp_path: Path) -> ArtifactStore:
    """An empty store on the server."""
    return open_store(s3_root, work=tmp_path / "work", source_git_sha="a" * 40, command="build")


@pytest.fixture
def new_clients() -> Iterator[None]:
    """fsspec keeps a client a process, with the environment that it was made in; this test has another one."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


def bucket_of(store: ArtifactStore) -> str:
    """Name of its bucket."""
    return store.address.removeprefix("s3://").split("/")[0]


def deny(store: ArtifactStore, action: str, name: str) -> None:
    """Have the server refuse an action on names like this."""
    resource = f"arn:aws:s3:::{bucket_of(store)}/{name}"
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3_client().put_bucket_policy(Bucket=bucket_of(store), Policy=policy)


def copies(store: ArtifactStore) -> list[str]:
    """Files in the cache, unfinished ones too."""
    cache = store.work / "cache"
    return sorted(path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file())


# --- local copies


def test_a_file_is_fetched_when_its_path_is_asked_for_and_once(store: ArtifactStore) -> None:
    written = store.write(RECIPE, FILES, {})
    assert copies(store) == []
    path = written.path("rows.json")
    assert copies(store) == [f"{written.name}/rows.json"]
    assert path == written.folder / "rows.json"
    Bytes(store.address).remove(f"{written.name}/rows.json")
    assert written.path("rows.json").read_bytes() == b"[1, 2]"  # nothing is asked of the server


def test_an_altered_copy_is_fetched_again(store: ArtifactStore) -> None:
    written = store.write(RECIPE, FILES, {})
    written.path("rows.json").write_bytes(b"[3]")
    assert store.find(RECIPE) == written  # what is stored is whole, and that is what counts
    assert written.path("rows.json").read_bytes() == b"[1, 2]"


@pytest.mark.parametrize("damage", [Bytes.alter, Bytes.remove])
def test_no_copy_is_made_of_what_is_damaged_and_an_altered_one_goes(
    damage: Callable[[Bytes, str], None], store: ArtifactStore
) -> None:
    written = store.write(RECIPE, FILES, {})
    written.path("rows.json").write_bytes(b"[3]")
    damage(Bytes(store.address), f"{written.name}/rows.json")
    with pytest.raises(ManifestError, match=r"rows\.json is .*, its manifest says .*\. Delete s3://.* and build again"):
        written.path("rows.json")
    assert copies(store) == []


def test_verify_asks_the_server_and_not_the_copies(store: ArtifactStore) -> None:
    written = store.write(RECIPE, FILES, {})
    written.path("rows.json")
    Bytes(store.address).alter(f"{written.name}/rows.json")
    assert [fault.file for fault in store.verify(written)] == ["rows.json"]


def test_readers_at_once_get_whole_files_and_leave_one_copy(store: ArtifactStore) -> None:
    data = os.urandom(3_000_000)
    written = store.write(RECIPE, {"big.bin": data}, {})
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: written.path("big.bin").read_bytes() == data, range(16)))
    assert copies(store) == [f"{written.name}/big.bin"]


def test_a_reader_takes_no_copy_away_that_another_has_put_there_meanwhile(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = store.write(RECIPE, FILES, {})
    path = written.path("rows.json")
    path.write_bytes(b"[3]")
    was_there: list[bool] = []
    fetched = ObjectBackend._downloaded

    def fetched_now(backend: ObjectBackend, name: str) -> Any:
        was_there.append(path.is_file())
        return fetched(backend, name)

    def altered(_copy: Path) -> str:
        monkeypatch.undo()
        written.path("rows.json")  # the other reader
        monkeypatch.setattr(ObjectBackend, "_downloaded", fetched_now)
        return "0" * 64

    monkeypatch.setattr(object_backend, "sha256_file", altered)
    assert written.path("rows.json").read_bytes() == b"[1, 2]"
    assert was_there == [True]


def test_what_a_killed_fetch_leaves_is_a_leftover_of_the_working_folder_after_a_day(store: ArtifactStore) -> None:
    written = store.write(RECIPE, FILES, {})
    with backend_of(store)._downloaded(f"{written.name}/rows.json") as copy:
        assert copy is not None
        now_s = copy.stat().st_mtime
        assert find_orphaned_files(store.work, {written.digest}, now_s=now_s + INCOMPLETE_AFTER_S - 60) == []
        [found] = find_orphaned_files(store.work, {written.digest}, now_s=now_s + INCOMPLETE_AFTER_S + 60)
        assert (store.work / found.path, found.bytes) == (copy.parent, len(b"[1, 2]"))


@pytest.fixture
def interrupted(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> tuple[Artifact, Artifact]:
    """What is live in the store, and what a prune was killed at when it had deleted the manifest."""
    live, dead = store.write(CacheKey("live", None, {}, {}, "1"), FILES, {}), store.write(RECIPE, FILES, {})
    delete = ObjectBackend.delete

    def killed_after_the_manifest(backend: ObjectBackend, name: str) -> None:
        if name == f"{dead.name}/rows.json":
            raise KeyboardInterrupt
        delete(backend, name)

    with monkeypatch.context() as patch:
        patch.setattr(ObjectBackend, "delete", killed_after_the_manifest)
        with pytest.raises(KeyboardInterrupt):
            prune(store, plan_prune(store, {live.digest}, now=datetime.now(UTC)))
    assert (store.verify_all(), store.unfinished()) == ((1, []), [dead.address])
    return live, dead


def test_what_a_killed_prune_left_goes_with_the_next_one_a_day_after_it_was_written(
    store: ArtifactStore, interrupted: tuple[Artifact, Artifact]
) -> None:
    live, dead = interrupted
    assert plan_prune(store, {live.digest}, now=datetime.now(UTC) + timedelta(hours=23)).incomplete == ()
    plan = plan_prune(store, {live.digest}, now=datetime.now(UTC) + timedelta(hours=25))
    assert plan.removable == () and plan.bytes == len(b"[1, 2]")
    assert [(row.path, row.bytes) for row in plan.incomplete] == [(dead.address, len(b"[1, 2]"))]
    prune(store, plan)
    assert (store.verify_all(), store.unfinished()) == ((1, []), [])


def test_a_leftover_that_was_written_to_or_published_since_the_plan_stays(
    store: ArtifactStore, interrupted: tuple[Artifact, Artifact]
) -> None:
    live, dead = interrupted
    plan = plan_prune(store, {live.digest}, now=datetime.now(UTC) + timedelta(hours=25))
    store.delete_incomplete(dead.address, before_s=time.time() - 60)  # written since
    assert store.unfinished() == [dead.address]
    assert store.write(RECIPE, FILES, {}).digest == dead.digest
    prune(store, plan)
    assert (store.verify_all(), store.unfinished()) == ((2, []), [])


def test_nothing_goes_of_which_the_server_does_not_say_when_it_was_written(
    store: ArtifactStore, interrupted: tuple[Artifact, Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = ObjectBackend.listing
    monkeypatch.setattr(ObjectBackend, "listing", lambda *args: dict.fromkeys(listing(*args), Entry(1, None)))
    with pytest.raises(StoreAccessError, match=r"does not report when .*rows\.json was written"):
        plan_prune(store, {interrupted[0].digest}, now=datetime.now(UTC) + timedelta(hours=25))


# --- the manifest, which publishes


def test_a_put_on_the_condition_that_nothing_is_there_leaves_what_is(store: ArtifactStore) -> None:
    written = store.write(RECIPE, FILES, {})
    name = f"{written.name}/manifest.json"
    before = Bytes(store.address).read(name)
    backend_of(store).create(name, b"another writer's")
    assert Bytes(store.address).read(name) == before


def backend_of(store: ArtifactStore) -> ObjectBackend:
    """What keeps its bytes."""
    assert isinstance(store._backend, ObjectBackend)
    return store._backend


class Answering:
    """The server, but for conditional puts, which get these answers first."""

    def __init__(self, server: Any, *codes: str) -> None:
        self.server, self.codes = server, list(codes)

    def pipe_file(self, key: str, data: bytes, mode: str = "overwrite") -> None:
        """A put."""
        if mode == "create" and self.codes:
            error = OSError("refused")
            error.__cause__ = Answer(self.codes.pop(0))
            raise error
        self.server.pipe_file(key, data, mode=mode)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.server, name)


class Answer(Exception):
    """An error as the server's client has it."""

    def __init__(self, code: str) -> None:
        self.response = {"Error": {"Code": code}}


def test_two_puts_at_the_same_moment_are_tried_again(store: ArtifactStore) -> None:
    backend = backend_of(store)
    backend._server = server = Answering(backend._server, *["ConditionalRequestConflict"] * 4)
    assert store.find(RECIPE) is None
    assert store.write(RECIPE, FILES, {}) == store.find(RECIPE)
    assert server.codes == []
    server.codes = ["ConditionalRequestConflict"] * 5
    with pytest.raises(StoreAccessError, match=r"Could not write s3://.*/manifest.json: .*\(refused\)"):
        store.write(CacheKey("pack", None, {}, {"other": 1}, "1"), FILES, {})


def test_a_server_without_conditions_gets_a_plain_put(store: ArtifactStore) -> None:
    backend = backend_of(store)
    backend._server = Answering(backend._server, "NotImplemented")
    assert store.write(RECIPE, FILES, {}) == store.find(RECIPE)


# --- refusals


def test_a_missing_bucket_is_named_and_no_artifact_is_taken_for_missing(store: ArtifactStore) -> None:
    nowhere = open_store("s3://codelewm-nowhere/evidence", work=store.work)
    calls: list[Callable[[], object]] = [
        lambda: nowhere.find(RECIPE), lambda: nowhere.load("pack", "0" * 64), nowhere.verify_all,
        lambda: list(nowhere.artifacts()), lambda: nowhere.write(RECIPE, FILES, {}),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(
            StoreAccessError, match=r"Could not (read|list) s3://codelewm-nowhere/evidence.*no such bucket"
        ):
            call()


def test_a_refused_manifest_leaves_nothing_visible(store: ArtifactStore) -> None:
    deny(store, "s3:PutObject", "evidence/*/manifest.json")
    with pytest.raises(
        StoreAccessError, match=r"Could not write s3://.*/manifest.json: access was refused .*AWS_PROFILE"
    ):
        store.write(RECIPE, FILES, {})
    assert (list(store.artifacts()), len(store.unfinished())) == ([], 1)
    s3_client().delete_bucket_policy(Bucket=bucket_of(store))
    store.write(RECIPE, FILES, {})
    assert (store.verify_all(), store.unfinished()) == ((1, []), [])


def test_what_may_not_be_read_is_not_taken_for_damaged(store: ArtifactStore) -> None:
    written = store.write(RECIPE, FILES, {})
    deny(store, "s3:GetObject", "evidence/*")
    calls: list[Callable[[], object]] = [
        lambda: store.find(RECIPE), lambda: store.load("pack", written.digest), store.verify_all,
        lambda: list(store.verify(written)), lambda: written.path("rows.json"),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(StoreAccessError, match=r"Could not read s3://.*access was refused"):
            call()
    assert copies(store) == []


def test_a_working_folder_that_cannot_be_written_is_named_and_the_server_is_not_blamed(
    store: ArtifactStore, tmp_path: Path
) -> None:
    written = store.write(RECIPE, FILES, {})
    (tmp_path / "file").write_bytes(b"no folder")
    elsewhere = open_store(store.address, work=tmp_path / "file").load("pack", written.digest)
    with pytest.raises(
        StoreAccessError, match=r"the local folder failed .*make .*/file writable, or set CODELEWM_WORK"
    ):
        elsewhere.path("rows.json")


@pytest.mark.usefixtures("new_clients")
def test_a_server_that_is_gone_is_reported_with_what_to_check(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(StoreAccessError, match=r"cannot be reached .*Check it, AWS_ENDPOINT_URL and the network"):
            store.find(RECIPE)


@pytest.mark.usefixtures("new_clients")
def test_no_credentials_is_reported_with_how_to_give_them(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    with pytest.raises(StoreAccessError, match=r"access was refused .*AWS_ACCESS_KEY_ID"):
        store.find(RECIPE)


def test_the_secret_key_is_in_nothing_that_is_stored_or_reported(store: ArtifactStore) -> None:
    written: Artifact = store.write(RECIPE, FILES, {})
    stored = Bytes(store.address)
    assert len(stored.names()) == 3
    assert not any(SECRET_KEY.encode() in stored.read(name) for name in stored.names())
    deny(store, "s3:*", "evidence/*")
    with pytest.raises(StoreAccessError) as refused:
        written.path("rows.json")
    assert SECRET_KEY not in f"{refused.value} {written!r} {store.address}"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (
            "s3://key:hidden@bucket/part",
            r"holds credentials; expected s3://bucket/prefix. Give them by the environment",
        ),
        ("file:///artifacts", "is a folder of this machine. Set CODELEWM_ARTIFACTS to its path alone"),
        ("s3://", "names no bucket. Set CODELEWM_ARTIFACTS to s3://bucket/prefix"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_before_anything_is_asked(
    address: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=said) as refused:
        open_store(address, work=tmp_path)
    assert "hidden" not in str(refused.value)


def test_a_kind_of_storage_that_fsspec_does_not_know_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nokind://bucket cannot be opened: .*install codelewm_assets\[s3\]"):
        open_store("nokind://bucket", work=tmp_path).find(RECIPE)


def test_object_storage_has_no_local_root(store: ArtifactStore) -> None:
    with pytest.raises(StoreError, match=r"is no local folder. Take the files by Artifact\.path, and write to `work`"):
        store.root.exists()
