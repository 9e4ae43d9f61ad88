"""The graph is a reviewed text file, loads without heavy packages, and shows what a person needs."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from codelewm_assets.defs.artifact_asset import BLOCKING_TAG, PART_TAG, PARTS, SEED, STAGES
from codelewm_assets.defs.assemble import STAGE_MODULES, build_defs
from codelewm_assets.defs.automation import IMPORTED_COMPLETIONS, RELEASES
from codelewm_assets.defs.guards import BLOCKING_CHECKS
from codelewm_assets.defs.jobs import BUILD_ORDER
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.defs.data_flow import data_flow
from codelewm_assets_tests.defs.picture import BEGIN, END, PAGE, picture, reduced
from codelewm_assets_tests.marked_section import with_section

ASSETS = [asset for module in STAGE_MODULES for asset in module.ASSETS]
OBSERVED = {*RELEASES.values(), IMPORTED_COMPLETIONS}  # sources outside the project, which no job makes
DESIGN_KEYS = [
    "benchmark_problems",
    "library_functions",
    "sampled_completions",
    "candidate_completions",
    "labelled_completions",
    "model_rates",
    "library_variants",
    "execution_pack",
    "problem_splits",
    "semantic_decoys",
    "rerank_pools",
    "control_scores",
    "preflight_report",
    "tokenized_pack",
    "scorer_scores",
    "checkpoint",
    "critic",
    "checkpoint_inspection",
    "heldout_scores",
    "p_pass_calibration",
    "retrieval_report",
    "surprise_report",
    "latent_probe_report",
    "rerank_report",
    "claim_gates",
    "published_evidence",
    "claim_audit",
    "results_report",
    "dataset_card",
    "artifact_index",
    "tracker_status",
    "review_site",
    "model_card",
    "hub_release",
]


def test_the_graph_is_the_reviewed_one() -> None:
    wanted = (Path(__file__).parents[1] / "data_flow.txt").read_text(encoding="utf-8")
    assert data_flow() == wanted, "The graph changed. Review the change, then run `make flow`."


def test_the_picture_in_the_readme_is_the_graph() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_section(page, BEGIN, END, picture()) == page, (
        "The graph changed. Review the change, then run `make flow`."
    )


def test_an_edge_that_a_longer_path_implies_is_excluded() -> None:
    """a → b → d and a → d, c → d: what stays of d's parents is b and c."""
    parents = {"a": set[str](), "b": {"a"}, "c": set[str](), "d": {"a", "b", "c"}}
    assert reduced(parents) == {"a": set(), "b": {"a"}, "c": set(), "d": {"b", "c"}}


def test_every_asset_of_the_design_is_there_and_no_other() -> None:
    assert sorted(asset.key.to_user_string() for asset in ASSETS) == sorted(DESIGN_KEYS)


def test_sources_outside_the_project_are_observed_by_a_job_of_their_own() -> None:
    defs = build_defs()
    graph = defs.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).is_observable} == OBSERVED
    nodes = {node.name for node in defs.resolve_job_def("observe_sources").nodes}
    assert nodes == OBSERVED


@each_case("asset", ASSETS, ids=lambda asset: asset.key.to_user_string())
def test_every_asset_is_grouped_described_owned_and_versioned(asset: dg.AssetsDefinition) -> None:
    spec = asset.get_asset_spec()
    assert spec.group_name in STAGES
    assert spec.description and len(spec.description.splitlines()[0]) > 20
    assert spec.kinds and spec.owners and spec.code_version


def test_every_asset_says_its_part_and_whether_training_waits_for_it() -> None:
    graph = build_defs().resolve_asset_graph()
    tags = {key.to_user_string(): graph.get(key).tags for key in graph.get_all_asset_keys()}
    assert {name: tags[name][PART_TAG] for name in tags} == {
        asset.key.to_user_string(): PARTS[str(asset.get_asset_spec().group_name)] for asset in ASSETS
    } | dict.fromkeys(OBSERVED, "data")
    assert {name for name in tags if BLOCKING_TAG in tags[name]} == {asset for asset, _ in BLOCKING_CHECKS}
    assert PARTS.keys() == STAGES.keys()


@each_case("asset", [a for a in ASSETS if "parquet" in a.get_asset_spec().kinds and a.key.path[-1] not in
                                   ("tokenized_pack", "heldout_scores")], ids=lambda asset: asset.key.to_user_string())  # fmt: skip
def test_every_table_asset_has_a_column_schema(asset: dg.AssetsDefinition) -> None:
    schema = asset.get_asset_spec().metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema) and len(schema.columns) >= 4


def test_every_check_is_described() -> None:
    checks = [spec for module in STAGE_MODULES for check in module.CHECKS for spec in check.check_specs]
    assert checks and all(spec.description and spec.description.strip().endswith(".") for spec in checks)


def test_the_build_order_holds_every_asset_once_and_parents_first() -> None:
    graph = build_defs().resolve_asset_graph()
    of_step = [step.assets.resolve(graph) for step in BUILD_ORDER]
    assert sorted(key.to_user_string() for own in of_step for key in own) == sorted(DESIGN_KEYS)
    place = {key: number for number, own in enumerate(of_step) for key in own}
    for key in place:
        made = [parent for parent in graph.get(key).parent_keys if parent.to_user_string() not in OBSERVED]
        assert all(place[parent] <= place[key] for parent in made)


def test_no_job_mixes_seeded_assets_with_others_and_nothing_that_gates_training_is_seeded() -> None:
    graph = build_defs().resolve_asset_graph()
    for step in BUILD_ORDER:
        own = {graph.get(key).partitions_def for key in step.assets.resolve(graph)}
        assert own == ({None} if step.partitions == (None,) else {SEED}), step.job
    assert {graph.get(dg.AssetKey(asset)).partitions_def for asset, _ in BLOCKING_CHECKS} == {None}


@pytest.mark.slow
def test_definitions_load_without_heavy_packages() -> None:
    heavy = ["torch", "transformers", "datasets", "great_expectations", "sklearn", "scipy", "matplotlib", "tokenizers",
             "huggingface_hub"]  # fmt: skip
    program = (
        "import sys, codelewm_assets.definitions as d; d.defs.resolve_asset_graph(); "
        f"print(sorted(set({heavy!r}) & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
