"""Looking at weights: collapse by hand, and tensors that are not finite."""

from math import exp, log
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from codelewm_assets.core.errors import TrainingError
from codelewm_assets.evaluation.reports import CollapseReport
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets.training.inspect import _smallest, collapse_diagnostics, inspect_checkpoint, tensor_table
from codelewm_assets.training.sidecar import weights_path
from codelewm_assets_tests.factories import World
from codelewm_assets_tests.training.tokens import put, put_checkpoint, put_tokens

PARENTS = {"execution_pack": "a" * 64, "problem_splits": "b" * 64}


def test_constant_latents_have_no_rank_no_variance_and_one_neighbour() -> None:
    """All distances are 0: latent 0 is the first nearest of the 15 others, latent 1 of latent 0."""
    found = collapse_diagnostics(np.ones((16, 4), dtype=np.float32))
    entropy = -(15 / 16 * log(15 / 16) + 1 / 16 * log(1 / 16)) / log(16)
    assert found.effective_rank_ratio == 0.0
    assert found.median_variance == 0.0
    assert found.neighbour_entropy == pytest.approx(entropy)
    assert entropy < 0.10  # below the collapse gate's floor


def test_isotropic_latents_have_full_effective_rank() -> None:
    """±e_i in 8 dimensions: 8 equal singular values √2, so exp(ln 8) / 8 = 1; variance 2/16 in each dimension."""
    found = collapse_diagnostics(np.concatenate([np.eye(8), -np.eye(8)]).astype(np.float32))
    assert found.latent_count == 16
    assert found.effective_rank_ratio == pytest.approx(1.0)
    assert found.median_variance == pytest.approx(0.125)


def test_gaussian_latents_are_near_full_rank_with_spread_neighbours() -> None:
    latents = np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)
    found = collapse_diagnostics(latents)
    assert found.effective_rank_ratio is not None
    assert found.effective_rank_ratio > 0.95
    assert found.neighbour_entropy is not None
    assert found.neighbour_entropy > 0.8


def test_two_unequal_axes_by_hand() -> None:
    """Four rows each at (3, 0), (-3, 0), (0, 1), (0, -1).

    Singular values 3·√8 and 1·√8: shares 3/4 and 1/4. Variances 8·9/16 = 4.5 and 8·1/16 = 0.5, their median 2.5. In each
    group of four equal rows the first is nearest to three, the second to one: shares 3/16 and 1/16, four times.
    """
    latents = np.repeat(np.array([[3, 0], [-3, 0], [0, 1], [0, -1]], dtype=np.float32), 4, axis=0)
    found = collapse_diagnostics(latents)
    assert found.effective_rank_ratio == pytest.approx(exp(0.75 * log(4 / 3) + 0.25 * log(4)) / 2)
    assert found.median_variance == pytest.approx(2.5)
    assert found.neighbour_entropy == pytest.approx(4 * (3 / 16 * log(16 / 3) + 1 / 16 * log(16)) / log(16))


def test_a_shift_of_all_latents_changes_nothing_of_rank_and_variance() -> None:
    latents = np.random.default_rng(1).normal(size=(40, 4)).astype(np.float32)
    here, there = collapse_diagnostics(latents), collapse_diagnostics(latents + np.float32(5))
    assert there.effective_rank_ratio == pytest.approx(here.effective_rank_ratio, rel=1e-4)
    assert there.median_variance == pytest.approx(here.median_variance, rel=1e-4)


@pytest.mark.parametrize("count", [0, 1, 15])
def test_fewer_than_16_latents_leave_the_figures_absent(count: int) -> None:
    found = collapse_diagnostics(np.eye(16, dtype=np.float32)[:count])
    assert found.latent_count == count
    assert (found.effective_rank_ratio, found.median_variance, found.neighbour_entropy) == (None, None, None)


def test_of_several_folds_the_smallest_figure_counts_and_a_missing_one_leaves_it_absent() -> None:
    """Variances 2/16 in one fold and 0 in the other; fifteen latents have no figures."""
    spread = collapse_diagnostics(np.concatenate([np.eye(8), -np.eye(8)]).astype(np.float32))
    constant, few = (collapse_diagnostics(np.ones((count, 8), dtype=np.float32)) for count in (16, 15))
    for folds in ([spread, constant], [constant, spread]):
        assert _smallest(folds, "median_variance") == 0.0
    assert _smallest([spread], "median_variance") == pytest.approx(0.125)
    assert _smallest([spread, few], "median_variance") is None
    assert _smallest([], "median_variance") is None


def test_latents_that_are_not_finite_leave_the_figures_absent() -> None:
    latents = np.eye(16, dtype=np.float32)
    latents[3, 4] = np.nan
    assert collapse_diagnostics(latents).effective_rank_ratio is None


def test_the_tensor_table_names_shape_size_norm_and_finiteness(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Norm of (3, 4) is 5; a tensor with an infinity has none."""
    tensors: dict[str, Any] = {
        "a": np.array([[3.0, 4.0]], dtype=np.float32),
        "b": np.array([1.0, np.inf], dtype=np.float32),
        "c": np.array(2.0, dtype=np.float32),
    }
    store = ArtifactStore(tmp_path_factory.mktemp("store"))
    rows = tensor_table(put(store, "checkpoint", {weights_path(0): save(tensors)}), (0,))
    assert [(r.name, r.shape, r.parameters, r.l2_norm, r.is_finite) for r in rows] == [
        ("a", "1×2", 2, 5.0, True),
        ("b", "2", 2, None, False),
        ("c", "scalar", 1, 2.0, True),
    ]
    assert [(r.minimum, r.mean, r.std, r.maximum) for r in rows] == [
        (3.0, 3.5, 0.5, 4.0),
        (None, None, None, None),
        (2.0, 2.0, 0.0, 2.0),
    ]


def test_inspection_gives_a_report_that_the_gate_can_read(
    tmp_path_factory: pytest.TempPathFactory, small_world: World, weights: bytes
) -> None:
    store = ArtifactStore(tmp_path_factory.mktemp("store"))
    in_test = next(split.problem_id for split in small_world.splits if split.fold == 0)
    smaller_test = small_world.changed(rows=tuple(r for r in small_world.rows if r.source_problem_id != in_test))
    tokens = put_tokens(store, smaller_test, PARENTS)
    rows, report = inspect_checkpoint(put_checkpoint(store, tokens, weights), tokens)
    read = CollapseReport.model_validate(report)
    assert read.tensor_count == len(rows) == len(load(weights))
    assert read.nonfinite_tensors == []
    assert read.latent_count == 90  # 3 val problems × 6 completions × 5 inputs; test has 2
    assert read.effective_rank_ratio is not None
    assert 0 < read.effective_rank_ratio <= 1
    assert read.z_target_effective_rank_ratio is None or 0 < read.z_target_effective_rank_ratio <= 1


def test_a_tensor_that_is_not_finite_is_found_and_leaves_the_figures_absent(
    tmp_path_factory: pytest.TempPathFactory, small_world: World, weights: bytes
) -> None:
    store = ArtifactStore(tmp_path_factory.mktemp("store"))
    tokens = put_tokens(store, small_world, PARENTS)
    tensors: dict[str, Any] = dict(load(weights))
    tensors["p_pass.0.bias"] = np.full_like(tensors["p_pass.0.bias"], np.nan)
    _, report = inspect_checkpoint(put_checkpoint(store, tokens, save(tensors)), tokens)
    read = CollapseReport.model_validate(report)
    assert read.nonfinite_tensors == ["fold 0 p_pass.0.bias"]
    assert (read.latent_count, read.effective_rank_ratio, read.neighbour_entropy) == (0, None, None)


def test_a_checkpoint_of_other_tokens_is_not_inspected(
    tmp_path_factory: pytest.TempPathFactory, small_world: World, weights: bytes
) -> None:
    store = ArtifactStore(tmp_path_factory.mktemp("store"))
    tokens = put_tokens(store, small_world, PARENTS)
    with pytest.raises(TrainingError, match="does not belong to this tokenized_pack: tokenized_pack"):
        inspect_checkpoint(put_checkpoint(store, tokens, weights, tokenized_pack="c" * 64), tokens)
