"""A signed release: published with its signatures, verified from what is stored, and refused by name once a byte changes."""

import json
from pathlib import Path

import pytest

from codelewm_assets.core.package import register_digest
from codelewm_assets.release.preregistration import preregister
from codelewm_assets.release.signing import read_statement, signature_faults
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.hub_server import HubServer
from codelewm_assets_tests.release.hub_world import HubWorld
from codelewm_assets_tests.release.keys import put_keys
from codelewm_assets_tests.release.test_preregistration import NOON, REPORT

RUN = "datasets/lab/codelewm-run-reports"
REPOSITORIES = {"codelewm-dataset", "codelewm-model-seed42", "codelewm-model-seed1729", "codelewm-run-reports"}


@pytest.fixture
def key(folder: Path) -> tuple[Path, Path]:
    """A private and its public key, in the folder of a release whose register is dated."""
    preregister(ArtifactStore(folder / "artifacts").work, REPORT, NOON)
    return put_keys(folder)


def _publish(run: Run, key: tuple[Path, Path], *arguments: str) -> str:
    result = run("publish", "--namespace", "lab", "--sign-key", str(key[0]), *arguments)
    assert (result.status, result.err) == (0, "")
    return str(result.out)


def test_a_signed_release_is_published_with_a_signature_a_repository_and_its_claim(
    run: Run, key: tuple[Path, Path], hub: HubServer, built: HubWorld, tmp_path: Path
) -> None:  # fmt: skip
    _publish(run, key, "--execute")
    for name, repository in hub.repositories.items():
        downloaded = {path: tmp_path / "download" / name / path for path in repository.files if path[:4] != ".git"}
        for path, place in downloaded.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(repository.files[path])
        signature = downloaded.pop("model.sig")
        assert signature_faults(downloaded, signature, key[1]) == {}
    assert {name.split("/")[-1] for name in hub.repositories} == REPOSITORIES
    files = hub.repositories[RUN].files
    claim = read_statement(files["claim.intoto.json"], key[1])
    digests = {row.name: row.digest["sha256"] for row in claim.subject}
    assert digests == built.released
    assert claim.predicate["register"]["digest"] == register_digest()  # type: ignore[index,call-overload]
    lift = claim.predicate["measured"]["42"]["codelewm"]["rerank"]["humaneval"]["lift"]["consensus"]  # type: ignore[index,call-overload]
    assert (lift["points"], lift["ci95"]) == (3.001, [0.001, 9.0])
    assert json.loads(files["preregistration.intoto.json"])["predicate"]["register_digest"] == register_digest()
    commits = {name: repository.head() for name, repository in hub.repositories.items()}
    _publish(run, key, "--execute")  # the same signatures: nothing is sent
    assert {name: repository.head() for name, repository in hub.repositories.items()} == commits


def test_what_is_signed_verifies_with_its_key_and_not_with_another(run: Run, key: tuple[Path, Path]) -> None:
    run("verify", "--signatures").is_one_line_error("holds no signed release. Run `publish --sign-key FILE` first")
    _publish(run, key)
    result = run("verify", "--signatures", "--public-key", str(key[1]))
    assert (result.status, result.out) == (0, f"1 signed releases verified with {key[1]}; 0 mismatches.\n")
    assert "not who signed; 0 mismatches" in run("verify", "--signatures").out
    other = put_keys(key[0].parent, "other")
    result = run("verify", "--signatures", "--public-key", str(other[1]), "--json")
    rows = json.loads(result.out)["mismatches"]
    assert result.status == 1
    assert {row["file"] for row in rows} == {*(f"{name}.sig" for name in REPOSITORIES), "claim.intoto.json"}
    assert "Key mismatch" in rows[0]["found"]
    run("publish", "--namespace", "lab", "--sign-key", str(other[0])).is_one_line_error("was signed with another key")
    run("verify", "--public-key", str(key[1])).is_one_line_error("--public-key needs --signatures")
    run("verify", "--signatures", "--public-key", str(key[0])).is_one_line_error("is no public key")


ALTERED = {
    "checkpoint/42/*/fold0/model.safetensors": ("checkpoint[42] ", "checkpoint/fold0/model.safetensors\tfound altered"),
    "critic/1729/*/fold0.safetensors": ("critic[1729] ", "critic/fold0.safetensors\tfound altered"),
    "dataset_card/all/*/data/pack.parquet": ("dataset_card ", "data/pack.parquet\tfound altered"),
    "results_report/all/*/results_report.md": ("results_report ", "results_report/results_report.md\tfound altered"),
    "signatures/*/codelewm-dataset.sig": ("codelewm-dataset\t", "codelewm-dataset.sig\tfound JSONDecodeError"),
    "signatures/*/claim.intoto.json": ("hub_release ", "claim.intoto.json\tfound altered"),
}
"""A file below the store → what a row of `verify` begins with when it is altered, and what the row holds."""


def test_an_altered_byte_is_refused_by_name_when_verifying_and_when_publishing(
    run: Run, key: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _publish(run, key)

    def refused(artifact: str, row: str) -> None:
        result = run("verify", "--signatures", "--public-key", str(key[1]))
        assert result.status == 1
        assert [line for line in result.out.splitlines() if line.startswith(artifact) and row in line], result.out
        again = run("publish", "--namespace", "lab", "--sign-key", str(key[0]))
        assert again.status != 0 and row.partition("\t")[0] in again.err, again.err

    for pattern, (artifact, row) in ALTERED.items():
        (path,) = (key[0].parent / "artifacts").glob(pattern)
        before = path.read_bytes()
        path.write_bytes(before + b"x")
        refused(artifact, row)
        path.write_bytes(before)
    assert run("verify", "--signatures").status == 0
    for module in ("hub_blockers", "signed_release"):
        monkeypatch.setattr(f"codelewm_assets.release.{module}.register_digest", lambda: "f" * 64)
    refused("register\t", "claims/register.py and core/ids.py\tfound ffff")


def test_a_release_without_the_benchmark_file_is_signed_and_verified_without_it(
    run: Run, key: tuple[Path, Path]
) -> None:
    with_it = _publish(run, key)
    without = _publish(run, key, "--no-benchmark")
    assert "\teval.yaml\t" in with_it and "\teval.yaml\t" not in without
    assert run("verify", "--signatures").out.startswith("2 signed releases verified")


def test_the_register_that_training_and_gates_were_made_under_must_be_that_of_the_plan(
    world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codelewm_assets.release.hub_blockers.register_digest", lambda: "f" * 64)
    refused = world.draft().plan.refusals
    assert [row.reason for row in refused] == ["register_altered", "register_altered"]
    assert [row.detail.partition(" ")[0] for row in refused] == ["preflight_report", "claim_gates"]
    assert f"made under the register {register_digest()[:12]}" in refused[0].detail
