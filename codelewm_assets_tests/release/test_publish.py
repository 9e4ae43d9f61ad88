"""`codelewm-assets publish` on a stored plan: the listing, what it refuses, and the upload to a local server."""

import json
from pathlib import Path

import dagster as dg
import pytest
import yaml

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.defs.hub_release import hub_release, latest_plan
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.profiles.profile import load_profile
from codelewm_assets.release.hub_layout import MODEL
from codelewm_assets.release.hub_links import in_namespace
from codelewm_assets.store.store import CacheKey
from codelewm_assets_tests.command import Run
from codelewm_assets_tests.defs.stored_world import QUIET, TINY
from codelewm_assets_tests.hub_server import Fault, HubServer
from codelewm_assets_tests.release.hub_world import PARENTS, TOKEN, HubWorld, audit_of, index_of, tell, tell_folder

OVERCLAIM = {"document": "docs/a.md", "line": 3, "claim_id": "is_non_collapsed", "sentence": "Not so."}


def _planned_with_an_overclaim(folder: Path, built: HubWorld) -> None:
    world = HubWorld(folder, built.latest)
    world.build({"claim_audit": audit_of(OVERCLAIM)})
    world.stored()
    tell_folder(folder, world)


def test_a_dry_run_lists_every_file_the_totals_and_the_tag_and_sends_nothing(
    run: Run, folder: Path, built: HubWorld, hub: HubServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = run("publish", "--namespace", "lab")
    assert (found.status, found.err) == (0, "")
    *lines, tag, last = found.out.splitlines()
    cards = {row.split("\t")[0]: row.split("\t") for row in lines if "\tREADME.md\t" in row}
    assert int(cards[f"lab/{MODEL}42"][2]) == len("# Model of 42, on lab/codelewm-dataset\n")
    stored = HubWorld(folder, built.latest).stored()
    plan, _ = in_namespace(*stored, "lab", tmp_path_factory.mktemp("links"))
    assert lines == [
        *(f"lab/{file.repository}\t{file.path}\t{file.bytes}\t{file.sha256}" for file in plan.files),
        *(f"lab/{t.repository}\t{t.repository_type}\t{t.file_count} files\t{t.bytes} bytes" for t in plan.totals),
    ]
    assert tag == f"tag {plan.tag}"
    assert last == f"dry run: {len(plan.files)} files, nothing uploaded. `publish --execute` uploads them."
    assert hub.requests == []


def test_the_cards_of_a_namespace_link_within_it_and_an_artifacts_own_files_stay(
    run: Run, folder: Path, built: HubWorld, hub: HubServer
) -> None:
    assert run("publish", "--execute", "--namespace", "lab").status == 0
    card = hub.repositories["models/lab/codelewm-model-seed42"].files["README.md"].decode()
    assert card == "# Model of 42, on lab/codelewm-dataset\n"
    results = yaml.safe_load(hub.repositories["models/lab/codelewm-model-seed42"].files[".eval_results/p_pass.yaml"])
    assert results == [{"dataset": {"id": "lab/codelewm-dataset"}}]
    metadata = json.loads(hub.repositories["datasets/lab/codelewm-dataset"].files["croissant.json"])
    assert metadata["url"] == "https://huggingface.co/datasets/lab/codelewm-dataset"
    stored = hub.repositories["datasets/lab/codelewm-run-reports"].files["model_card/42/README.md"]
    assert stored == built.artifact("model_card").path("42/README.md").read_bytes()


def test_the_listing_is_one_json_object_on_request(run: Run, folder: Path, built: HubWorld) -> None:
    plan = built.draft().plan
    found = run("publish", "--json")
    told = json.loads(found.out)
    assert (found.status, found.err, told["tag"], told["refusals"], told["published"]) == (0, "", plan.tag, [], [])
    assert [(f["repository"], f["path"], f["bytes"], f["sha256"]) for f in told["files"]] == [
        (f"codelewm/{f.repository}", f.path, f.bytes, f.sha256) for f in plan.files
    ]
    assert sum(repository["bytes"] for repository in told["repositories"]) == sum(f.bytes for f in plan.files)


def test_all_reasons_come_in_rows_and_nothing_is_asked_of_the_hub(
    run: Run, folder: Path, built: HubWorld, hub: HubServer
) -> None:
    _planned_with_an_overclaim(folder, built)
    path = next((folder / "artifacts" / "problem_splits").rglob("*.parquet"))
    path.write_bytes(b"altered after the plan")
    for arguments in ((), ("--execute",)):
        found = run("publish", *arguments)
        assert found.status == 1
        rows = [line.split("\t") for line in found.err.splitlines()]
        assert [row[:2] for row in rows] == [["refused", "overclaim"], ["refused", "altered_since_plan"]]
        assert rows[0][2] == "docs/a.md:3 is_non_collapsed: Not so."
        assert found.out.splitlines()[-1] == "refused for 2 reasons, nothing uploaded."
    told = json.loads(run("publish", "--json").out)
    assert [refusal["reason"] for refusal in told["refusals"]] == ["overclaim", "altered_since_plan"]
    assert hub.requests == []


def test_execute_uploads_the_release_and_a_second_run_sends_nothing(run: Run, folder: Path, hub: HubServer) -> None:
    found = run("publish", "--execute", "--namespace", "lab")
    assert (found.status, found.err) == (0, "")
    rows = [line.split("\t") for line in found.out.splitlines()[-4:]]
    tag = next(line for line in found.out.splitlines() if line.startswith("tag ")).removeprefix("tag ")
    assert {row[1] for row in rows} == {tag}
    assert [row[2] for row in rows] == [f"commit {hub.repositories[name].tags[tag]}" for name in (
        "datasets/lab/codelewm-dataset", "models/lab/codelewm-model-seed1729", "models/lab/codelewm-model-seed42",
        "datasets/lab/codelewm-run-reports",
    )]  # fmt: skip
    again = json.loads(run("publish", "--execute", "--namespace", "lab", "--json").out)
    assert [one["sent_count"] for one in again["published"]] == [0, 0, 0, 0]
    assert {len(repository.committed) for repository in hub.repositories.values()} == {1}
    assert all(repository.private for repository in hub.repositories.values())


def test_without_a_token_execute_is_one_line(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    run("publish", "--execute", "--namespace", "lab").is_one_line_error("a token that may write to lab. Set HF_TOKEN")


def test_the_token_is_in_no_output_whatever_the_hub_says(run: Run, folder: Path, hub: HubServer) -> None:
    hub.faults = [
        Fault("POST .*/codelewm-dataset/commit/", status=403, body=json.dumps({"error": f"no rights: {TOKEN}"}))
    ]
    found = run("publish", "--execute")
    found.is_one_line_error("Could not upload to the repository codelewm/codelewm-dataset", "Complete: none.")
    assert TOKEN not in found.out + found.err


def test_a_plan_of_another_version_is_one_line(run: Run, built: HubWorld, tmp_path: Path) -> None:
    world = built.copied(tmp_path)
    old = {"release_plan.json": pretty_json({"schema_version": "codelewm.release_plan.v1", "files": []})}
    world.latest["hub_release"] = world.store.write(CacheKey("hub_release", None, {}, {}, "test"), old, {}).digest
    tell_folder(tmp_path, world)
    run("publish").is_one_line_error("cannot be read. Materialize hub_release again")


# the asset


@pytest.mark.parametrize("is_card_missing", [False, True])
def test_the_asset_stores_the_plan_with_its_reasons_and_its_check_is_red_on_them(
    world: HubWorld, is_card_missing: bool
) -> None:
    from codelewm_assets.defs.hub_release import nothing_stands_against_the_release

    missing = {"model_card"} if is_card_missing else set()
    named = {name: digest for name, digest in world.latest.items() if name not in {"artifact_index", *missing}}
    world.build({"artifact_index": index_of(named)}, keep=tuple(PARENTS.keys() - {"artifact_index"}))
    world.latest = {name: digest for name, digest in world.latest.items() if name not in missing}
    with dg.DagsterInstance.ephemeral() as instance:
        tell(instance, world)
        resources = {"store": StoreResource(root=str(world.store.root)), "profile": ProfileResource(name=TINY)}
        result = dg.materialize([hub_release], instance=instance, resources=resources, run_config=QUIET)
        metadata = result.asset_materializations_for_node("hub_release")[0].metadata
        found = nothing_stands_against_the_release(Inputs(instance, world.store, load_profile(TINY)), None)
        plan, _, _ = latest_plan(instance, world.store)
    assert metadata["tag"].value == plan.tag == world.draft().plan.tag
    assert [refusal.reason for refusal in plan.refusals] == (["card_missing"] if is_card_missing else [])
    assert (found.passed, found.blocker) == ((False, "card_missing") if is_card_missing else (True, None))
