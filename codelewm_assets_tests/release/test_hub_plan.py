"""The plan of a release: where each file goes, its tag, how a reader verifies it, and the graph against the layout."""

import json
from pathlib import Path

from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.defs.assemble import STAGE_MODULES
from codelewm_assets.release.hub_layout import MODEL, UNPUBLISHED, places
from codelewm_assets.release.hub_plan import published_manifest
from codelewm_assets.store.manifest import ManifestFile
from codelewm_assets_tests.release.hub_world import HubWorld


def test_every_asset_has_a_place_for_each_partition_or_a_reason_to_stay() -> None:
    placed = {(place.kind, place.partition) for place in places()}
    for asset in (asset for module in STAGE_MODULES for asset in module.ASSETS):
        kind = asset.key.to_user_string()
        partitions = asset.partitions_def.get_partition_keys() if asset.partitions_def else [None]
        if kind != "hub_release":
            assert {(kind, str(p) if p else None) in placed for p in partitions} == {kind not in UNPUBLISHED}, kind


def test_no_two_artifacts_share_a_folder_and_nothing_that_can_be_run_has_a_place() -> None:
    assert len({(place.repository, place.folder) for place in places()}) == len(places())
    assert not {place.kind for place in places()} & {
        "benchmark_problems", "candidate_completions", "labelled_completions", "execution_pack", "tokenized_pack",
    }  # fmt: skip


def test_cards_are_at_the_root_and_each_other_artifact_in_its_folder_with_its_manifest(world: HubWorld) -> None:
    paths: dict[str, list[str]] = {}
    for file in world.draft().plan.files:
        paths.setdefault(f"{file.repository_type} {file.repository}", []).append(file.path)
    assert paths["dataset codelewm-dataset"] == [
        "README.md", "control_scores/controls.parquet", "control_scores/manifest.json", "croissant.json", "data/pack.parquet",
        "data/solution_sets.parquet", "eval.yaml", "manifest.json",
        "problem_splits/manifest.json", "problem_splits/splits.parquet",
        "rerank_pools/manifest.json", "rerank_pools/pools.parquet",
        "semantic_decoys/decoys.parquet", "semantic_decoys/manifest.json",
    ]  # fmt: skip
    assert paths["model codelewm-model-seed42"] == [
        ".eval_results/p_pass.yaml", "README.md", "checkpoint/fold0/configuration_codelewm.py",
        "checkpoint/fold0/model.safetensors", "checkpoint/fold0/modeling_codelewm.py",
        "checkpoint/manifest.json", "checkpoint/sidecar.json",
        "critic/critic.json", "critic/fold0.safetensors", "critic/manifest.json",
    ]  # fmt: skip
    run = paths["dataset codelewm-run-reports"]
    assert "README.md" in run and "results_report/roc.png" in run
    assert {"rerank_report/1729/manifest.json", "model_card/42/README.md", "model_card/manifest.json"} <= set(run)
    assert sorted(paths) == [
        "dataset codelewm-dataset",
        "dataset codelewm-run-reports",
        f"model {MODEL}1729",
        f"model {MODEL}42",
    ]


def test_the_sha256_of_a_published_manifest_is_the_artifacts_digest_and_names_files_and_parents(
    world: HubWorld,
) -> None:
    artifact = world.artifact("checkpoint[42]")
    data = published_manifest(artifact)
    assert sha256_bytes(data) == artifact.digest
    told = json.loads(data)
    assert [ManifestFile.model_validate(row) for row in told["files"]] == list(artifact.manifest.files)
    assert told["parent_artifacts"]["execution_pack"] == world.latest["execution_pack"]
    assert not {"created_at", "command", "source_git_sha"} & set(told)


def test_totals_count_every_file_once(world: HubWorld) -> None:
    plan = world.draft().plan
    assert sum(total.file_count for total in plan.totals) == len(plan.files)
    assert sum(total.bytes for total in plan.totals) == sum(file.bytes for file in plan.files)


def test_the_tag_is_of_the_content_alone(world: HubWorld, tmp_path: Path) -> None:
    tag = world.draft().plan.tag
    assert len(tag) == 13 and set(tag[1:]) <= set("0123456789abcdef")
    assert HubWorld(tmp_path / "another store").draft().plan.tag == tag
    world.build({"model_card": {f"{seed}/README.md": b"# Another\n" for seed in (42, 1729)}})
    assert world.draft().plan.tag != tag


def test_the_run_card_lists_every_artifact_with_its_digest_and_what_was_excluded(world: HubWorld) -> None:
    card = world.draft().generated_files["run_card.md"].decode()
    for artifact_id, digest in world.released.items():
        assert artifact_id.replace("|", " ") in card and digest in card
    assert all(kind in card for kind in UNPUBLISHED)


def test_a_plan_of_nothing_refuses_everything_and_lists_no_file(tmp_path: Path) -> None:
    world = HubWorld(tmp_path)
    world.latest.clear()
    plan = world.draft().plan
    assert plan.files == () and plan.totals == []
    assert {refusal.reason for refusal in plan.refusals} == {"artifact_missing", "card_missing"}
    assert len(plan.refusals) == len({place.artifact_id for place in places()})
