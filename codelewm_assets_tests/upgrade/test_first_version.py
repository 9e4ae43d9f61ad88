"""A store and an instance in the form of v0.1.0 are read, judged and built upon by this version."""

import json
import shutil
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.defs.guards import blocking_statuses
from codelewm_assets.store.cache_key import CacheKey
from codelewm_assets.store.manifest import parse_manifest
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.tiers import slow
from codelewm_assets_tests.upgrade import first_version
from codelewm_assets_tests.upgrade.first_version import (
    CHECKS,
    CODE_VERSION,
    CONFIG,
    DIGEST,
    LATER_CHECKS,
    MANIFEST,
    MOVED_CHECKS,
    RECIPE_KEY,
)

ROOT = Path(__file__).parents[2]
PROBLEMS = "benchmark_problems[humaneval]"
OF_A_BENCHMARK = {"benchmark_problems", "candidate_completions", "labelled_completions"}


@pytest.fixture(scope="module")
@slow
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder with store and instance, and artifact id → digest."""
    home = tmp_path_factory.mktemp("first_version")
    shutil.copy(ROOT / "dagster.yaml", home)
    digests = first_version.write_store(home / "artifacts")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)  # which the instance's relative paths start from
        patch.setenv("DAGSTER_HOME", str(home))
        with dg.DagsterInstance.get() as instance:
            first_version.write_instance(instance, digests)
    return home, digests


@pytest.fixture
def digests(written: tuple[Path, dict[str, str]]) -> dict[str, str]:
    """Artifact id → digest of all that is stored."""
    return written[1]


@pytest.fixture
def first(written: tuple[Path, dict[str, str]], run: Run, tmp_path: Path) -> Run:
    """The command line in a folder that holds what the first version wrote."""
    shutil.copytree(written[0], tmp_path, dirs_exist_ok=True)
    return run


def test_a_manifest_that_it_wrote_keeps_its_digest() -> None:
    assert parse_manifest(MANIFEST, where="here").digest == DIGEST


def test_a_known_cache_key_is_unchanged() -> None:
    cache_key = CacheKey("benchmark_problems", "humaneval", {}, CONFIG, CODE_VERSION)
    assert (cache_key.digest, cache_key.config_sha256) == (RECIPE_KEY, json.loads(MANIFEST)["config_sha256"])


def test_its_store_verifies(first: Run, digests: dict[str, str]) -> None:
    found = first("verify")
    assert (found.status, found.out) == (0, f"{len(digests)} artifacts verified, 0 mismatches.\n")


def test_its_artifacts_are_read_under_their_names_and_digests(
    first: Run, tmp_path: Path, digests: dict[str, str]
) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    read = {
        store.load(kind, digest, partition=partition).manifest.artifact_id: digest
        for kind, partition, digest in store.artifacts()
    }
    assert read == digests
    assert "rerank_report[humaneval|42]" in read


def test_what_an_unchanged_cache_key_gave_is_reused_and_what_a_changed_one_gives_is_stored_beside_it(
    first: Run, tmp_path: Path, digests: dict[str, str]
) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    reused = store.find(CacheKey("benchmark_problems", "humaneval", {}, CONFIG, CODE_VERSION))
    assert reused is not None and reused.digest == digests[PROBLEMS]
    changed = CacheKey("benchmark_problems", "humaneval", {}, CONFIG | {"max_inputs": 6}, CODE_VERSION)
    assert store.find(changed) is None
    stored = store.write(changed, {"data.json": b"[]"}, {})
    assert stored.digest != digests[PROBLEMS]
    schemas = (reused.manifest.schema_version, stored.manifest.schema_version)
    assert schemas == ("codelewm.artifact_manifest.v1", "codelewm_assets.artifact_manifest.v2")
    assert store.verify_all() == (len(digests) + 1, [])
    assert {path: path.read_bytes() for path in before} == before


def test_the_guard_judges_its_checks_as_green_but_those_that_were_of_one_benchmark(first: Run) -> None:
    with dg.DagsterInstance.get() as instance:
        found = blocking_statuses(instance)
    later = {(asset, check) for asset, names in LATER_CHECKS.items() for check in names}
    known = {
        (status.asset, status.check): status.state for status in found if (status.asset, status.check) not in later
    }
    missing = {asset for (asset, _), state in known.items() if state == "MISSING"}
    assert missing == OF_A_BENCHMARK and set(known.values()) == {"GREEN", "MISSING"}
    assert known.keys() == {(a, c) for a, names in CHECKS.items() for c in names} - MOVED_CHECKS
    assert {(status.asset, status.check) for status in found} == known.keys() | later
    assert not any(status.state == "GREEN" for status in found if (status.asset, status.check) in later)


def test_its_checks_and_gates_are_shown(first: Run, digests: dict[str, str]) -> None:
    shown = json.loads(first("status", "--json").out)
    listed = {
        row["asset"] + (f"[{row['partition']}]" if row["partition"] else ""): row["digest"] for row in shown["assets"]
    }
    assert listed.items() <= digests.items()
    assert {row["asset"] for row in shown["assets"]}.isdisjoint(
        {*OF_A_BENCHMARK, "rerank_report"}
    )  # they are made again
    states = [check["state"] for check in shown["checks"]]
    assert set(states) <= {"GREEN", "MISSING", "NOT_EVALUATED"}  # the others are of later assets, or were never run
    assert {claim["status"] for claim in shown["claim_gates"]["claims"]} == {"OPEN", "CLOSED"}


def test_its_release_plan_is_refused_with_what_to_do(first: Run) -> None:
    """A plan of before says no digest of the register and was not loaded as a data set; a new one takes seconds."""
    first("publish", "--namespace", "someone", "--json").is_one_line_error(
        "cannot be read", "Materialize hub_release again."
    )


@pytest.mark.slow
def test_this_version_builds_upon_it_with_a_profile_of_that_version(
    first: Run, tmp_path: Path, digests: dict[str, str]
) -> None:
    profile = (Path(__file__).parent / "profile.yaml").read_text(encoding="utf-8")
    (tmp_path / "profile.yaml").write_text(profile.replace("max_inputs_per_problem: 5", "max_inputs_per_problem: 6"))
    built = first("build", "--profile", "profile.yaml", "--select", "benchmark_problems")
    assert built.status == 0, built.err
    verified = first("verify")
    assert (verified.status, verified.out) == (0, f"{len(digests) + 1} artifacts verified, 0 mismatches.\n")
    latest = {row["partition"]: row["digest"] for row in json.loads(first("status", "--json").out)["assets"]
              if row["asset"] == "benchmark_problems"}  # fmt: skip
    assert latest.keys() == {None} and not set(latest.values()) & set(digests.values())
