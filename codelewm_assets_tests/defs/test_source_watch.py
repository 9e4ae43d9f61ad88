"""A source that changed: a pinned file asks for data, any other change is told once; two ticks must see the same."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.benchmarks import watch
from codelewm_assets.benchmarks.pins import EVALPLUS_FILES
from codelewm_assets.benchmarks.watch import Watched, fingerprint, hub_head, watched_sources
from codelewm_assets.core.digests import sha256_bytes, sha256_file
from codelewm_assets.core.errors import SourceMissingError
from codelewm_assets.defs import source_watch
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.profiles.profile import load_profile
from codelewm_assets_tests.defs.operating_profile import profile_with
from codelewm_assets_tests.hub_repository import Repository
from codelewm_assets_tests.hub_server import HubServer, serving
from codelewm_assets_tests.notify.loopback import Hook, hook

FILE = "CODELEWM_MBPP_PLUS_FILE"
REVISION = "CODELEWM_MBPP_PLUS_REVISION"
GOOD, OTHER = gzip.compress(b"good"), gzip.compress(b"other")


class Sensor:
    """`watch_sources`, tick by tick, with the cursor that the daemon would keep."""

    def __init__(self, folder: Path, hook_url: str, instance: dg.DagsterInstance) -> None:
        profile = profile_with(folder, {"mbpp_plus": "evalplus"}, notify=[{"kind": "webhook", "url": hook_url}])
        self._resources = {
            "store": StoreResource(root=str(folder / "artifacts")),
            "profile": ProfileResource(name=profile),
        }
        self._instance, self._cursor = instance, None
        self.said: str | None = None

    def tick(self) -> list[str | None]:
        """Run keys that were asked for."""
        context = dg.build_sensor_context(instance=self._instance, cursor=self._cursor, resources=self._resources)
        found = source_watch.watch_sources.evaluate_tick(context)
        self._cursor, self.said = found.cursor, found.skip_message
        return [request.run_key for request in found.run_requests or ()]


@pytest.fixture
def receiver() -> Iterator[Hook]:
    with hook() as found:
        yield found


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the release file that the environment names, and whose digest is the pinned one."""
    path = tmp_path / "MbppPlus.jsonl.gz"
    path.write_bytes(GOOD)
    monkeypatch.setenv(FILE, str(path))
    monkeypatch.delenv("CODELEWM_IMPORTED_COMPLETIONS", raising=False)
    pin = EVALPLUS_FILES["mbpp_plus"]
    changed = type(pin)(**{name: getattr(pin, name) for name in pin.__slots__} | {"sha256": sha256_bytes(GOOD)})
    monkeypatch.setitem(EVALPLUS_FILES, "mbpp_plus", changed)
    return path


@pytest.fixture
def sensor(tmp_path: Path, receiver: Hook) -> Iterator[Sensor]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Sensor(tmp_path, receiver.url, instance)


def test_a_file_that_stays_as_it_is_asks_for_nothing(file: Path, sensor: Sensor, receiver: Hook) -> None:
    assert [sensor.tick() for _ in range(3)] == [[], [], []]
    assert sensor.said == "1 sources watched" and receiver.got == []


def test_bytes_that_are_not_pinned_are_told_once_and_no_data_is_asked_for(
    file: Path, sensor: Sensor, receiver: Hook
) -> None:
    sensor.tick()
    file.write_bytes(OTHER)
    assert [sensor.tick() for _ in range(4)] == [[]] * 4
    assert len(receiver.got) == 1
    assert f"sha256 {sha256_bytes(OTHER)[:12]}…, the pin says {sha256_bytes(GOOD)[:12]}…" in receiver.got[0]["text"]


def test_the_pinned_file_that_comes_back_asks_for_data_once(file: Path, sensor: Sensor) -> None:
    file.write_bytes(OTHER)
    sensor.tick()
    file.write_bytes(GOOD)
    asked = [sensor.tick() for _ in range(3)]
    assert asked == [[], [f"{FILE}:{sha256_bytes(GOOD)}:1"], []]


def test_a_file_that_comes_and_goes_asks_each_time(file: Path, sensor: Sensor) -> None:
    """A run key that was there before would be passed over."""
    file.write_bytes(OTHER)
    sensor.tick()
    keys = list[str | None]()
    for content in (GOOD, OTHER, GOOD):
        file.write_bytes(content)
        keys += sensor.tick() + sensor.tick()
    assert len(keys) == len(set(keys)) == 2


def test_a_file_that_is_still_written_counts_when_two_ticks_see_the_same(
    file: Path, sensor: Sensor, receiver: Hook
) -> None:
    sensor.tick()
    for size in (3, 7, 11):
        file.write_bytes(OTHER[:size])
        assert sensor.tick() == []
    file.write_bytes(GOOD)
    assert [sensor.tick() for _ in range(3)] == [[]] * 3
    assert receiver.got == []


def test_a_file_that_is_gone_is_told(file: Path, sensor: Sensor, receiver: Hook) -> None:
    sensor.tick()
    file.unlink()
    assert sensor.tick() + sensor.tick() == []
    (body,) = receiver.got
    assert body["text"].endswith("is gone; the next build will refuse. Put it back, or name another.")


@pytest.mark.parametrize("bad", [OTHER, None], ids=["other bytes", "gone"])
def test_a_file_that_goes_bad_again_in_the_same_way_is_told_again(
    file: Path, sensor: Sensor, receiver: Hook, bad: bytes | None
) -> None:
    """Who was told is kept for ever, so that the same key would be passed over."""
    sensor.tick()
    for content in (bad, GOOD, bad):
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)
        for _ in range(3):
            sensor.tick()
    assert len(receiver.got) == len({body["key"] for body in receiver.got}) == 2


def test_what_the_receiver_did_not_take_is_sent_at_the_next_tick(file: Path, sensor: Sensor, receiver: Hook) -> None:
    sensor.tick()
    file.unlink()
    receiver.answers = [503]
    for _ in range(2):
        sensor.tick()
    assert receiver.got == []
    for _ in range(2):
        sensor.tick()
    assert len(receiver.got) == 1


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub with the dataset, which the environment asks for at the dataset's first commit."""
    server = HubServer(repositories={"datasets/evalplus/mbppplus": Repository()})
    with serving(server):
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        monkeypatch.delenv(FILE, raising=False)
        monkeypatch.delenv("CODELEWM_IMPORTED_COMPLETIONS", raising=False)
        yield server


def test_a_newer_commit_of_a_dataset_is_told_once_and_no_data_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, sensor: Sensor, receiver: Hook
) -> None:
    heads = {"evalplus/mbppplus": "a" * 40}
    monkeypatch.delenv(FILE, raising=False)
    monkeypatch.setenv(REVISION, "a" * 40)
    monkeypatch.setattr(source_watch, "_head", heads.__getitem__)
    assert sensor.tick() == [] and receiver.got == []
    heads["evalplus/mbppplus"] = "b" * 40
    assert [sensor.tick() for _ in range(4)] == [[]] * 4
    (body,) = receiver.got
    assert body["text"].endswith("builds read aaaaaaaaaaaa. Review it, then change the revision, or leave it.")
    assert "is at commit bbbbbbbbbbbb on the Hub" in body["subject"]


def test_a_hub_that_cannot_be_asked_is_said_and_holds_up_nothing_else(
    monkeypatch: pytest.MonkeyPatch, sensor: Sensor, receiver: Hook
) -> None:
    def fails(repository: str) -> str:
        raise SourceMissingError(f"{repository}: no answer")

    monkeypatch.delenv(FILE, raising=False)
    monkeypatch.setenv(REVISION, "a" * 40)
    monkeypatch.setattr(source_watch, "_head", fails)
    assert sensor.tick() == []
    assert sensor.said is not None and "evalplus/mbppplus: no answer" in sensor.said


def test_a_file_that_cannot_be_read_is_said_and_holds_up_nothing_else(
    file: Path, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that no folder can hold stands for a file without permission, which a test that runs as root can read."""
    monkeypatch.setenv(FILE, "x" * 300)
    completions = file.with_name("mine.jsonl")
    completions.write_bytes(GOOD)
    monkeypatch.setenv("CODELEWM_IMPORTED_COMPLETIONS", str(completions))
    assert sensor.tick() == []
    assert sensor.said is not None and f"The file of {FILE} cannot be read ([Errno " in sensor.said
    completions.write_bytes(OTHER)
    assert sensor.tick() + sensor.tick() == [f"CODELEWM_IMPORTED_COMPLETIONS:{sha256_bytes(OTHER)}:1"]


def test_the_sample_profile_watches_nothing() -> None:
    profile = load_profile("sample")
    assert source_watch.watched_by(profile) == []


def test_what_is_watched_follows_what_builds_read() -> None:
    """A named file goes before a revision; a dataset of completions is watched at its commit, a file by its bytes."""
    environment = {FILE: "f.gz", REVISION: "b" * 40, "CODELEWM_HUMANEVAL_PLUS_REVISION": "c" * 40}
    imported = [("mine.jsonl", None, None), ("theirs.jsonl", "lab/completions", "d" * 40)]
    assert watched_sources(["humaneval", "mbpp_plus"], imported, environment) == [
        Watched("evalplus/humanevalplus", "dataset", "evalplus/humanevalplus", "c" * 40),
        Watched(FILE, "file", "f.gz", EVALPLUS_FILES["mbpp_plus"].sha256),
        Watched("mine.jsonl", "file", "mine.jsonl", None),
        Watched("lab/completions", "dataset", "lab/completions", "d" * 40),
    ]
    assert watched_sources([], [], environment) == []


def test_a_fingerprint_is_the_digest_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(GOOD)
    own = Watched("a", "file", str(path), None)
    assert fingerprint(own, hub_head) == sha256_file(path) == sha256_bytes(GOOD)
    path.unlink()
    assert fingerprint(own, hub_head) == watch.MISSING


def test_the_newest_commit_is_asked_of_the_hub(hub: HubServer) -> None:
    head = hub.repositories["datasets/evalplus/mbppplus"].head()
    assert hub_head("evalplus/mbppplus", endpoint=hub.address) == head
    with pytest.raises(SourceMissingError, match="lab/none: the Hub could not be asked for its newest commit"):
        hub_head("lab/none", endpoint=hub.address)
