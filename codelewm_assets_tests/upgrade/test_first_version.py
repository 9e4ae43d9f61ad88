"""A store and an instance that v0.1.0 wrote (`make.sh v0.1.0`) are read, judged and built upon by this version."""

import json
import tarfile
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.defs.guards import gate_statuses
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets_tests.command import Run

HERE = Path(__file__).parent
ARTIFACTS = (
    40  # 3 assets × 2 benchmarks, 6 of the data, 7 × 2 seeds, 4 rerank reports, gates, 2 cards, 7 of the release
)

CHECKS = 50  # of v0.1.0, one a partition


@pytest.fixture
def first(tmp_path: Path, run: Run) -> Run:
    """The command line in a folder that holds what the first version wrote."""
    with tarfile.open(HERE / "first_version.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return run


def test_its_store_verifies(first: Run) -> None:
    found = first("verify")
    assert (found.status, found.out) == (0, f"{ARTIFACTS} artifacts verified, 0 mismatches.\n")


def test_its_manifests_are_kept_to_the_byte(first: Run, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    for kind, partition, digest in store.artifacts():
        assert store.load(kind, digest, partition=partition).manifest.digest == digest


def test_the_guard_judges_its_checks_as_green(first: Run) -> None:
    """`first` has made its folder the working folder, which the instance's relative paths start from."""
    with dg.DagsterInstance.get() as instance:
        states = {status.state for status in gate_statuses(instance)}
    assert states == {"GREEN"}


def test_its_checks_and_gates_are_shown(first: Run) -> None:
    shown = json.loads(first("status", "--json").out)
    assert len(shown["assets"]) == ARTIFACTS
    states = [check["state"] for check in shown["checks"]]
    assert states.count("GREEN") == CHECKS  # a check that came later was never evaluated there
    assert set(states) <= {"GREEN", "NOT_EVALUATED"}
    assert {claim["status"] for claim in shown["claim_gates"]["claims"]} == {"OPEN", "CLOSED"}


def test_its_release_plan_is_read(first: Run) -> None:
    shown = json.loads(first("publish", "--namespace", "someone", "--json").out)
    assert shown["files"] and shown["tag"]


@pytest.mark.slow
def test_this_version_builds_upon_it(first: Run) -> None:
    before = {(row["asset"], row["partition"]): row for row in json.loads(first("status", "--json").out)["assets"]}
    built = first("build", "--profile", "profile.yaml")
    assert built.status == 0, built.err
    assert first("verify").status == 0
    after = {(row["asset"], row["partition"]): row for row in json.loads(first("status", "--json").out)["assets"]}
    assert before.keys() <= after.keys()
