"""A release from object storage: the plan of a folder, and files whose bytes are the plan's."""

from pathlib import Path

import pytest

from codelewm_assets.core.digests import sha256_file
from codelewm_assets.release.hub_blockers import blockers_now, sources_of
from codelewm_assets.store.store import open_store
from codelewm_assets_tests.object_storage import Bytes
from codelewm_assets_tests.release.hub_world import HubWorld


@pytest.fixture
def remote(built: HubWorld, s3_root: str, tmp_path: Path) -> HubWorld:
    """The same artifacts on the server."""
    bytes_there = Bytes(s3_root)
    for path in built.store.root.rglob("*"):
        if path.is_file():
            bytes_there.put(path.relative_to(built.store.root).as_posix(), path.read_bytes())
    world = HubWorld(tmp_path, built.latest)
    world.store = open_store(s3_root, work=tmp_path / "work")
    return world


def test_a_release_from_object_storage_is_the_release_of_a_folder(remote: HubWorld, built: HubWorld) -> None:
    plan, sources = remote.stored()
    assert plan == built.draft().plan
    assert plan.refusals == ()
    assert {file: sha256_file(path) for file, path in sources.items()} == {file: file.sha256 for file in plan.files}
    assert blockers_now(plan, sources, remote.store, remote.released) == []


def test_a_published_file_that_was_altered_on_the_server_is_refused(remote: HubWorld, tmp_path: Path) -> None:
    plan, _ = remote.stored()
    remote.store = open_store(remote.store.address, work=tmp_path / "another machine")
    Bytes(remote.store.address).alter(f"{remote.artifact('claim_gates').name}/claim_gates.json")
    sources = sources_of(plan, remote.store, remote.artifact("hub_release"))
    (found,) = blockers_now(plan, sources, remote.store, remote.released)
    assert (found.reason, "is missing" in found.detail) == ("altered_since_plan", True)
    refused = remote.draft().plan.refusals
    assert [refusal.reason for refusal in refused] == ["manifest_mismatch"]
