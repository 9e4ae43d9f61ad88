"""Declared deps are what is read: the manifests of a built sample name them and no other; `gated_by=` is in none."""

import dagster as dg
import pytest

from codelewm_assets.core.ids import kind_and_partition
from codelewm_assets.defs import artifact_asset
from codelewm_assets.defs.artifact_asset import GATED_BY
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.instance.build import build
from codelewm_assets.preflight.clearance import COVERED
from codelewm_assets_tests.defs.test_same_bytes import PROFILE
from codelewm_assets_tests.tiers import slow

Names = dict[str, set[str]]
"""Asset → names of assets."""


@pytest.fixture(scope="module")
@slow
def parents_and_fetched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Names, Names]:
    """Of each asset of a build the parents in its manifests, and those whose latest artifact it asked for."""
    folder = tmp_path_factory.mktemp("sample")
    (folder / "profile.yaml").write_text(PROFILE)
    resources: dict[str, dg.ConfigurableResource] = {
        "store": StoreResource(root=str(folder / "artifacts")),
        "profile": ProfileResource(name=str(folder / "profile.yaml")),
    }
    fetched: Names = {}
    materialize = artifact_asset._materialize

    def spied(run: artifact_asset.AssetRun, *args: object) -> dg.MaterializeResult:
        result = materialize(run, *args)  # type: ignore[arg-type]
        asked = {kind for kind, _ in run.inputs._artifacts}
        fetched.setdefault(run.context.asset_key.to_user_string(), set()).update(asked)
        return result

    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setattr(artifact_asset, "_materialize", spied)
        built = build(build_defs(resources=resources), instance)
    assert built.is_success, built.failures
    store, parents = resources["store"].get(), Names()  # type: ignore[attr-defined]
    for kind, partition, digest in store.artifacts():
        manifest = store.load(kind, digest, partition=partition).manifest
        named = {kind_and_partition(name)[0] for name in manifest.parent_artifacts}
        parents.setdefault(kind, set()).update(named)
    return parents, fetched


def _declared() -> Names:
    graph = build_defs().resolve_asset_graph()
    return {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
        if key.to_user_string() in GATED_BY  # an observed source has no artifact
    }


def _read() -> Names:
    return {name: parents - GATED_BY.get(name, set()) for name, parents in _declared().items()}


@pytest.mark.slow
def test_the_parents_in_the_manifests_of_a_built_sample_are_the_declared_deps(
    parents_and_fetched: tuple[Names, Names],
) -> None:
    parents, _ = parents_and_fetched
    assert parents == _read()


@pytest.mark.slow
def test_no_asset_asks_for_the_latest_artifact_of_what_it_does_not_declare(
    parents_and_fetched: tuple[Names, Names],
) -> None:
    _, fetched = parents_and_fetched
    assert {name: asked - _read()[name] for name, asked in fetched.items() if asked - _read()[name]} == {}


def test_a_report_covers_everything_that_what_it_covers_was_made_from() -> None:
    """The guard refuses a parent that the report has no digest of, so a dep that is not covered stops all training."""
    assert {name: _read()[name] - set(COVERED) for name in COVERED if not _read()[name] <= set(COVERED)} == {}


def test_what_gates_an_asset_is_an_edge_of_the_graph_and_no_dep() -> None:
    assert all(gating <= _declared()[name] for name, gating in GATED_BY.items())
    assert {name: sorted(gating) for name, gating in GATED_BY.items() if gating} == {
        "benchmark_problems": ["cruxeval_o_release", "humaneval_release", "mbpp_plus_release"],
        "candidate_completions": ["imported_completions"],
        "checkpoint": [
            "benchmark_problems", "candidate_completions", "control_scores", "labelled_completions", "library_functions",
            "library_variants", "sampled_completions",
        ],
        "critic": [
            "candidate_completions", "control_scores", "labelled_completions", "rerank_pools", "sampled_completions",
            "semantic_decoys",
        ],
        "heldout_scores": ["problem_splits"],
        "tracker_status": ["dataset_card", "model_card", "results_report"],
    }  # fmt: skip
