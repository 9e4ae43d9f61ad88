"""Sources outside the project: the version of each is what builds read; what changed upstream is told once."""

import gzip
import os
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.benchmarks import watch
from codelewm_assets.benchmarks.pins import DATASETS, EVALPLUS_FILES
from codelewm_assets.benchmarks.watch import Watched, fingerprint, hub_head, watched_completions, watched_release
from codelewm_assets.core.digests import sha256_bytes, sha256_file
from codelewm_assets.core.errors import SourceMissingError
from codelewm_assets.defs import source_watch
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.defs.automation import IMPORTED_COMPLETIONS, RELEASES
from codelewm_assets.defs.inputs import DATA_VERSION_TAG
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.profiles.profile import load_profile
from codelewm_assets_tests.defs.operating_profile import profile_with
from codelewm_assets_tests.defs.stored_world import QUIET
from codelewm_assets_tests.hub_repository import Repository
from codelewm_assets_tests.hub_server import HubServer, serving

FILE = "CODELEWM_MBPP_PLUS_FILE"
REVISION = "CODELEWM_MBPP_PLUS_REVISION"
COMPLETIONS = "CODELEWM_IMPORTED_COMPLETIONS"
MBPP = RELEASES["mbpp_plus"]
GOOD, OTHER = gzip.compress(b"good"), gzip.compress(b"other")


class Watch:
    """The job `observe_sources` on a store of its own, and what it puts into the outbox."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self._folder, self.instance = folder, instance
        self._resources = {
            "store": StoreResource(root=str(folder / "artifacts")),
            "profile": ProfileResource(name=profile_with(folder, {"mbpp_plus": "evalplus"})),
        }
        self.job = build_defs(resources=self._resources).resolve_job_def("observe_sources")

    def observe(self) -> list[str]:
        """Observe once. Returns: what is told, which is then taken out of the outbox."""
        assert self.job.execute_in_process(instance=self.instance, run_config=QUIET).success
        told = list[str]()
        box = source_watch.outbox(self._resources["store"])  # type: ignore[arg-type]
        box.send(("log",), {}, None, lambda receiver, notice, *_: told.append(notice.body))  # type: ignore[arg-type]
        return told

    def last(self, asset: str) -> tuple[str, dict[str, str]]:
        """Data version of the latest observation, and what lay upstream."""
        (record,) = self.instance.fetch_observations(dg.AssetKey(asset), limit=1).records
        assert record.asset_observation is not None
        return record.asset_observation.tags[DATA_VERSION_TAG], record.asset_observation.metadata["upstream"].value


def write(path: Path, data: bytes, age_s: float = 3600.0) -> None:
    """Write a file that looks as if it had been there for some time."""
    path.write_bytes(data)
    os.utime(path, (time.time() - age_s,) * 2)


@pytest.fixture(autouse=True)
def _nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (FILE, REVISION, COMPLETIONS):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the release file that the environment names, and whose digest is the pinned one."""
    path = tmp_path / "MbppPlus.jsonl.gz"
    write(path, GOOD)
    monkeypatch.setenv(FILE, str(path))
    pin = EVALPLUS_FILES["mbpp_plus"]
    changed = type(pin)(**{name: getattr(pin, name) for name in pin.__slots__} | {"sha256": sha256_bytes(GOOD)})
    monkeypatch.setitem(EVALPLUS_FILES, "mbpp_plus", changed)
    return path


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Watch]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watch(tmp_path, instance)


def test_a_file_that_stays_as_it_is_is_never_reported_and_keeps_its_version(file: Path, own: Watch) -> None:
    assert [own.observe() for _ in range(2)] == [[], []]
    version, upstream = own.last(MBPP)
    assert upstream == {FILE: sha256_bytes(GOOD)}
    own.observe()
    assert own.last(MBPP)[0] == version


@pytest.mark.parametrize("bad", [OTHER, None], ids=["other bytes", "gone"])
def test_a_pinned_file_that_went_bad_is_reported_each_time_that_it_does_and_keeps_its_version(
    file: Path, own: Watch, bad: bytes | None
) -> None:
    """Builds read the pinned bytes and no others, so that nothing follows from it."""
    own.observe()
    version, _ = own.last(MBPP)
    told = list[list[str]]()
    for content in (bad, bad, GOOD, bad):
        if content is None:
            file.unlink(missing_ok=True)
        else:
            write(file, content)
        told.append(own.observe())
    assert [len(texts) for texts in told] == [1, 0, 0, 1]
    wanted = (
        "is gone; the next build will refuse"
        if bad is None
        else f"the pin says {sha256_bytes(GOOD)[:12]}…; builds refuse it"
    )
    assert wanted in told[0][0]
    assert own.last(MBPP)[0] == version


def test_a_file_that_is_still_written_counts_when_it_has_settled(file: Path, own: Watch) -> None:
    own.observe()
    write(file, OTHER[:7], age_s=source_watch.SETTLED_AFTER_S - 30)
    assert own.observe() == []
    write(file, OTHER[:7], age_s=source_watch.SETTLED_AFTER_S + 30)
    assert len(own.observe()) == 1


def test_another_pin_is_another_version(file: Path, own: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    own.observe()
    before = own.last(MBPP)[0]
    monkeypatch.delenv(FILE)
    monkeypatch.setenv(REVISION, "a" * 40)
    monkeypatch.setattr(watch, "hub_head", lambda repository, **_: "a" * 40)
    assert own.observe() == []
    assert own.last(MBPP)[0] != before


def test_a_newer_commit_of_a_dataset_is_reported_once_and_changes_no_version(
    own: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = {"evalplus/mbppplus": "a" * 40}
    monkeypatch.setenv(REVISION, "a" * 40)
    monkeypatch.setattr(watch, "hub_head", lambda repository, **_: heads[repository])
    assert own.observe() == []
    version = own.last(MBPP)[0]
    heads["evalplus/mbppplus"] = "b" * 40
    told = [own.observe() for _ in range(3)]
    assert [len(texts) for texts in told] == [1, 0, 0]
    assert told[0][0] == ("evalplus/mbppplus is at commit bbbbbbbbbbbb on the Hub; builds read aaaaaaaaaaaa. "
                          "Review it, then change the revision, or leave it.")  # fmt: skip
    assert own.last(MBPP) == (version, {"evalplus/mbppplus": "b" * 40})


def test_other_bytes_in_a_file_of_completions_are_another_version_and_not_reported(
    own: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.jsonl"
    write(path, GOOD)
    monkeypatch.setenv(COMPLETIONS, str(path))
    versions = set[str]()
    for content in (GOOD, OTHER, GOOD):
        write(path, content)
        assert own.observe() == []
        versions.add(own.last(IMPORTED_COMPLETIONS)[0])
    assert len(versions) == 2


def test_a_hub_that_cannot_be_asked_and_a_file_that_cannot_be_read_hold_up_nothing_else(
    own: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that no folder can hold stands for a file without permission, which a test that runs as root can read."""

    def fails(repository: str, **_: object) -> str:
        raise SourceMissingError(f"{repository}: no answer")

    monkeypatch.setenv(REVISION, "a" * 40)
    monkeypatch.setattr(watch, "hub_head", fails)
    monkeypatch.setenv(COMPLETIONS, "x" * 300)
    assert own.observe() == []
    assert own.last(MBPP)[1] == {"evalplus/mbppplus": "unreadable"}
    assert own.last(IMPORTED_COMPLETIONS)[1] == {COMPLETIONS: "unreadable"}


def _scheduled(folder: Path, profile: str) -> object:
    resources = {"profile": ProfileResource(name=profile)}
    with dg.build_schedule_context(resources=resources) as context:
        return source_watch.watch_sources(context)


def test_the_schedule_asks_for_an_observation_only_where_something_can_change(tmp_path: Path, file: Path) -> None:
    assert isinstance(_scheduled(tmp_path, "sample"), dg.SkipReason)
    assert isinstance(_scheduled(tmp_path, profile_with(tmp_path, {"mbpp_plus": "evalplus"})), dg.RunRequest)


def test_the_sample_profile_watches_nothing() -> None:
    profile = load_profile("sample")
    assert [source_watch.watched_by(profile, own) for own in (*RELEASES, None)] == [[], [], [], []]


def test_what_is_watched_follows_what_builds_read() -> None:
    """A named file goes before a revision; a dataset of completions is watched at its commit, a file by its bytes."""
    environment = {FILE: "f.gz", REVISION: "b" * 40, "CODELEWM_HUMANEVAL_PLUS_REVISION": "c" * 40}
    imported = [("mine.jsonl", None, None), ("theirs.jsonl", "lab/completions", "d" * 40)]
    assert watched_release("humaneval", environment) == [
        Watched("evalplus/humanevalplus", "dataset", "evalplus/humanevalplus", "c" * 40)
    ]
    pinned = EVALPLUS_FILES["mbpp_plus"].sha256
    assert watched_release("mbpp_plus", environment) == [Watched(FILE, "file", "f.gz", pinned)]
    assert watched_completions(imported, environment) == [
        Watched("mine.jsonl", "file", "mine.jsonl", None),
        Watched("lab/completions", "dataset", "lab/completions", "d" * 40),
    ]
    assert watched_release("mbpp_plus", {}) == watched_completions([], {}) == []
    pin = DATASETS["cruxeval_o"]
    assert watched_release("cruxeval_o", {}) == [Watched(pin.dataset, "dataset", pin.dataset, pin.revision)]
    named = {pin.environment: "rows.jsonl"}  # no digest is pinned: builds read the file as it is
    assert watched_release("cruxeval_o", named) == [Watched(pin.environment, "file", "rows.jsonl", None)]


def test_a_fingerprint_is_the_digest_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(GOOD)
    own = Watched("a", "file", str(path), None)
    assert fingerprint(own, {}) == sha256_file(path) == sha256_bytes(GOOD)
    path.unlink()
    assert fingerprint(own, {}) == watch.MISSING
    (path / "HumanEval_0").mkdir(parents=True)  # a folder of samples
    (path / "HumanEval_0" / "0.py").write_text("x")
    before = fingerprint(own, {})
    (path / "HumanEval_0" / "0.py").write_text("y")
    assert watch.MISSING != before != fingerprint(own, {})


def test_the_newest_commit_is_asked_of_the_hub() -> None:
    server = HubServer(repositories={"datasets/evalplus/mbppplus": Repository()})
    with serving(server):
        head = server.repositories["datasets/evalplus/mbppplus"].head()
        assert hub_head("evalplus/mbppplus", endpoint=server.address) == head
        with pytest.raises(SourceMissingError, match="lab/none: the Hub could not be asked for its newest commit"):
            hub_head("lab/none", endpoint=server.address)
