"""The upload of a release to a local server that speaks the Hub's API: nothing here reaches the Hub."""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codelewm_assets.core.errors import ReleaseError
from codelewm_assets.release.hub_plan import PlannedFile, ReleasePlan
from codelewm_assets.release.hub_upload import Published, publish
from codelewm_assets_tests.hub_repository import Repository
from codelewm_assets_tests.hub_server import FIRST_FILE, Fault, HubServer, serving
from codelewm_assets_tests.release.hub_world import HubWorld
from codelewm_assets_tests.tiers import slow

TOKEN = "hf_a_token_that_nobody_may_see"
DATASET, RUN = "datasets/lab/codelewm-dataset", "datasets/lab/codelewm-run-reports"
MODELS = ["models/lab/codelewm-model-seed1729", "models/lab/codelewm-model-seed42"]
FOREVER = 10**6
State = dict[str, tuple[dict[str, bytes], set[str], int]]


@dataclass
class Bench:
    """A world, its plan, and the server."""

    hub: HubServer
    world: HubWorld
    plan: ReleasePlan
    sources: dict[PlannedFile, Path]

    def publish(self, **changes: Any) -> list[Published]:
        """Publish the plan with few and short pauses."""
        wanted = {"token": TOKEN, "namespace": "lab", "endpoint": self.hub.address, "pause_s": 0.001, "tries": 2}
        return publish(self.plan, self.sources, **(wanted | changes))

    def fail(self, match: str, **changes: Any) -> str:
        """The message of the failure, which is one line and holds no token."""
        with pytest.raises(ReleaseError, match=match) as caught:
            self.publish(**changes)
        message = str(caught.value)
        assert TOKEN not in message and "\n" not in message
        return message

    def plan_again(self) -> None:
        """Plan the release of what is the latest now."""
        self.plan, self.sources = self.world.stored()
        assert self.plan.refusals == ()

    def state(self) -> State:
        """Per repository its files, its tags on the latest commit, and how many commits were made."""
        return {
            name: (dict(r.files), {tag for tag, commit in r.tags.items() if commit == r.head()}, len(r.committed))
            for name, r in self.hub.repositories.items()
        }


@pytest.fixture
@slow
def bench(world: HubWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A release that nothing stands against, and an empty Hub that asks for the token."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its transfers go to servers of their own
    impatient = SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None})
    monkeypatch.setattr("huggingface_hub.utils._http.time", impatient)  # the client's own pauses
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    hub = HubServer(token=TOKEN)
    with serving(hub):
        yield Bench(hub, world, *world.stored())


def files_of(plan: ReleasePlan, name: str) -> dict[str, str]:
    """Path → sha256 of what the plan has for a repository of the server."""
    return {file.path: file.sha256 for file in plan.files if file.repository == name.split("/")[-1]}


def test_each_repository_gets_its_files_in_one_commit_and_the_tag_on_it(bench: Bench) -> None:
    done = bench.publish()
    assert sorted(bench.hub.repositories) == [DATASET, RUN, *MODELS]
    for name, repository in bench.hub.repositories.items():
        sha256 = {path: hashlib.sha256(data).hexdigest() for path, data in repository.files.items()}
        assert {p: s for p, s in sha256.items() if p not in FIRST_FILE} == files_of(bench.plan, name)
        assert repository.tags == {bench.plan.tag: repository.head()}
        assert len(repository.committed) == 1
        assert repository.private
    assert [(one.repository, one.tag, one.sent_count) for one in done] == [
        (name.split("/", 1)[1], bench.plan.tag, len(files_of(bench.plan, name))) for name in [DATASET, *MODELS, RUN]
    ]
    assert {one.commit for one in done} == {r.head() for r in bench.hub.repositories.values()}


def test_a_reader_verifies_every_file_from_the_manifests_alone(bench: Bench) -> None:
    bench.publish()
    digests: dict[str, str] = {}
    for name, repository in bench.hub.repositories.items():
        for path, data in repository.files.items():
            if path.endswith("manifest.json"):
                told = json.loads(data)
                digests[told["artifact_id"]] = hashlib.sha256(data).hexdigest()
                for file in told["files"]:
                    published = repository.files[path.removesuffix("manifest.json") + file["path"]]
                    assert hashlib.sha256(published).hexdigest() == file["sha256"], (name, path)
    assert digests == bench.world.released


def test_a_second_run_finds_the_tags_and_sends_nothing(bench: Bench) -> None:
    bench.publish()
    before, count = bench.state(), len(bench.hub.requests)
    again = bench.publish()
    assert bench.state() == before
    asked = bench.hub.requests[count:]
    assert not [r for r in asked if r.startswith("PUT") or any(s in r for s in ("/commit/", "/preupload/", "/tag/"))]
    assert {one.sent_count for one in again} == {0}


def test_files_that_are_there_already_are_not_sent_and_what_lies_elsewhere_stays(bench: Bench) -> None:
    bench.publish()
    bench.hub.repositories[RUN].files["notes.md"] = b"someone's own"
    bench.world.build({"results_report": {"results_report.md": b"# Other\n"}})  # without its picture
    first = bench.plan
    bench.plan_again()
    bench.publish()
    run = bench.hub.repositories[RUN]
    assert set(run.committed[1]) == {
        "README.md", "results_report/results_report.md", "results_report/manifest.json", "claim_audit/manifest.json",
        "artifact_index/manifest.json",
    }  # fmt: skip
    assert "results_report/roc.png" not in run.files
    assert run.files["notes.md"] == b"someone's own"
    assert set(run.tags) == {first.tag, bench.plan.tag}
    # nothing of the other repositories changed: they get the new release's tag on the commit that is there
    assert [len(bench.hub.repositories[name].committed) for name in [DATASET, *MODELS]] == [1, 1, 1]
    assert all(bench.plan.tag in bench.hub.repositories[name].tags for name in [DATASET, *MODELS])


# a run that breaks off, and the next

BROKEN = {
    "before the repository is made": Fault("POST /api/repos/create", status=403, times=FOREVER),
    "before the files are announced": Fault("POST .*/preupload/", status=503, times=FOREVER),
    "half-way through a large file": Fault("PUT /large/", how="half", times=FOREVER),
    "half-way through the commit": Fault("POST .*/commit/", how="half", times=FOREVER),
    "at the commit of the second repository": Fault(
        "POST .*/codelewm-model-seed1729/commit/", status=500, times=FOREVER
    ),
    "half-way through the weights": Fault(
        "PUT /large/", how="half", times=FOREVER, after=4
    ),  # the dataset's go through
    "at the tag": Fault("POST .*/tag/", status=403, times=FOREVER),
    "at the tag of the last repository": Fault("POST .*/codelewm-run-reports/tag/", how="half", times=FOREVER),
    "when the listing is asked for again": Fault("GET .*codelewm-run-reports/tree/", status=502, times=FOREVER),
}


@pytest.fixture
def undisturbed(bench: Bench) -> State:
    """What the Hub looks like after a run that nothing disturbs."""
    bench.publish()
    found = bench.state()
    bench.hub.repositories.clear()
    bench.hub.large.clear()
    return found


@pytest.mark.parametrize("where", BROKEN)
def test_a_run_that_broke_off_is_completed_by_the_next_to_the_same_state(
    where: str, bench: Bench, undisturbed: State
) -> None:
    bench.hub.faults = [Fault(**vars(BROKEN[where]))]
    message = bench.fail("Uploads are resumable")
    assert bench.state() != undisturbed
    tagged = [n.split("/", 1)[1] for n, r in bench.hub.repositories.items() if bench.plan.tag in r.tags]
    for name in ["lab/codelewm-dataset", "lab/codelewm-run-reports"]:
        part = message.split(" Complete: ")[1].split(" Not complete: ")[0 if name in tagged else 1]
        assert name in part
    bench.hub.faults = []
    bench.publish()
    assert bench.state() == undisturbed


def test_large_files_that_went_through_before_the_break_are_not_sent_again(bench: Bench) -> None:
    bench.hub.faults = [Fault("POST .*/codelewm-dataset/commit/", status=403)]
    bench.fail("403")
    sent = bench.hub.asked("PUT /large/")
    assert len(sent) == 6  # the tables, the published rows and the solution sets
    bench.publish()
    assert not set(sent) & set(bench.hub.asked("PUT /large/")[len(sent) :])


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST .*/commit/", status=503),
        Fault("POST .*/commit/", how="half"),
        Fault("POST .*/commit/", how="lost"),
        Fault("POST .*/tag/", status=500),
        Fault("POST .*/tag/", how="lost"),
        Fault("POST /api/repos/create", status=502),
        Fault("POST /api/repos/create", how="lost"),
        Fault("GET .*/refs", status=429),
        Fault("GET .*/tree/", how="half"),
        Fault("PUT /large/", how="half"),
        Fault("PUT /large/", status=500),
    ],
    ids=lambda fault: f"{fault.pattern} {fault.how} {fault.status or ''}",
)
def test_a_failure_that_passes_is_met_with_another_try_and_makes_no_second_commit(
    fault: Fault, bench: Bench, undisturbed: State
) -> None:
    bench.hub.faults = [Fault(**vars(fault))]
    bench.publish()
    assert bench.hub.faults[0].times == 0
    assert bench.state() == undisturbed


# what is refused on the Hub


def test_a_tag_on_another_commit_is_an_error_that_says_so_before_anything_is_sent(bench: Bench) -> None:
    taken = Repository(files=dict(FIRST_FILE))
    taken.tags[bench.plan.tag] = taken.head()
    bench.hub.repositories[RUN] = taken
    message = bench.fail(f"lab/codelewm-run-reports has the tag {bench.plan.tag} on commit {taken.head()[:12]}")
    assert "does not hold this release: README.md" in message
    assert [len(r.committed) for r in bench.hub.repositories.values()] == [0] * 4


def test_a_tag_on_a_commit_with_a_file_of_an_earlier_release_too_many_is_an_error(bench: Bench) -> None:
    bench.publish()
    run = bench.hub.repositories[RUN]
    run.files["results_report/roc_of_an_earlier_release.png"] = b"picture"
    run.tags[bench.plan.tag] = run.head()
    bench.fail(f"on commit {run.head()[:12]}, .*: results_report/roc_of_an_earlier_release.png")


def test_a_commit_that_came_between_is_not_written_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository(files=dict(FIRST_FILE))
    bench.hub.repositories[DATASET] = repository
    tree = Repository.tree

    def then_someone_commits(self: Repository, commit: str, folder: str) -> Any:
        found = tree(self, commit, folder)
        if self is repository:
            self.files["notes.md"] = b"someone's own"
        return found

    monkeypatch.setattr(Repository, "tree", then_someone_commits)
    assert "412" in bench.fail("Could not upload to the repository lab/codelewm-dataset")
    assert repository.files["notes.md"] == b"someone's own" and "README.md" not in repository.files
    monkeypatch.undo()


def test_repositories_are_private_unless_asked_otherwise(bench: Bench) -> None:
    bench.publish(public=True)
    assert not any(repository.private for repository in bench.hub.repositories.values())


@pytest.mark.parametrize(
    ("private", "public", "said"),
    [(False, False, "is public; expected private"), (True, True, "is private; expected public")],
)
def test_a_repository_that_is_visible_otherwise_gets_nothing(
    bench: Bench, private: bool, public: bool, said: str
) -> None:
    bench.hub.repositories[RUN] = Repository(private=private, files=dict(FIRST_FILE))
    bench.fail(f"lab/codelewm-run-reports {said}", public=public)
    assert [len(r.committed) for r in bench.hub.repositories.values()] == [0] * 4


def test_a_permanent_refusal_is_one_line_with_what_is_complete(bench: Bench) -> None:
    bench.hub.faults = [Fault("POST .*seed42/commit/", status=403, times=FOREVER)]
    message = bench.fail("Could not upload to the repository lab/codelewm-model-seed42: .*403")
    assert (
        "Complete: lab/codelewm-dataset, lab/codelewm-model-seed1729. Not complete: lab/codelewm-model-seed42,"
        in message
    )
    assert len(bench.hub.asked("seed42/commit/")) == 1


def test_a_hub_that_cannot_be_reached_is_one_line(bench: Bench) -> None:
    message = bench.fail(
        "Could not make the repository lab/codelewm-dataset after 2 tries", endpoint="http://127.0.0.1:9"
    )
    assert "Complete: none. Not complete: lab/codelewm-dataset, lab/codelewm-model-seed1729," in message


# the token


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_nothing_is_asked_of_the_hub(bench: Bench, token: str | None) -> None:
    with pytest.raises(ReleaseError, match=r"a token that may write to lab\. Set HF_TOKEN; nothing was uploaded"):
        bench.publish(token=token)
    assert bench.hub.requests == []


def test_a_token_that_the_hub_does_not_know_is_one_line(bench: Bench) -> None:
    bench.hub.token = "hf_another"
    bench.fail("Could not make the repository lab/codelewm-dataset: .*401")


def test_a_server_that_repeats_the_token_does_not_bring_it_into_the_message(bench: Bench) -> None:
    said = json.dumps({"error": f"no rights for {TOKEN}"})
    bench.hub.faults = [Fault("POST /api/repos/create", status=403, body=said, times=FOREVER)]
    assert "no rights for <token>" in bench.fail("403")


def test_the_token_goes_to_the_api_and_neither_into_a_file_nor_to_the_storage(bench: Bench) -> None:
    bench.publish()
    assert not any(TOKEN.encode() in data for r in bench.hub.repositories.values() for data in r.files.values())
    assert not any(TOKEN in request for request in bench.hub.requests)


def test_an_empty_plan_is_refused(bench: Bench) -> None:
    bench.plan = ReleasePlan(register_digest="", files=(), refusals=())
    with pytest.raises(ReleaseError, match="names no file"):
        bench.publish()
