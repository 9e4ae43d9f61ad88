"""R² of predicted latents by hand, against scikit-learn, and its attack: a small spread is no good prediction."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from codelewm_assets.evaluation.explained import explained_figures, explained_variance


def latents(seed: int, count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    real = generator.normal(size=(count, 6)).astype(np.float32)
    return (0.6 * real + generator.normal(scale=0.5, size=real.shape)).astype(np.float32), real


def test_by_hand() -> None:
    """Real 0 and 2, mean 1, spread 1 + 1; predicted 0 and 1, wrong by 0 + 1: R² = 1 - 1/2."""
    found = explained_variance(np.array([[0.0], [1.0]], dtype=np.float32), np.array([[0.0], [2.0]], dtype=np.float32))
    assert found is not None
    assert found[0] == 0.5


def test_it_is_scikit_learns_weighted_by_variance() -> None:
    predicted, real = latents(1)
    found = explained_variance(predicted, real)
    assert found is not None
    assert found[0] == pytest.approx(r2_score(real, predicted, multioutput="variance_weighted"), abs=1e-6)
    assert abs(found[1].sum()) < 1e-9


def test_scaling_the_latents_changes_nothing() -> None:
    """The attack: z times 0.01 takes the error from 2.01 to 0.0002."""
    predicted, real = latents(2)
    large, small = explained_variance(predicted, real), explained_variance(0.01 * predicted, 0.01 * real)
    assert large is not None and small is not None
    assert small[0] == pytest.approx(large[0], abs=1e-5)


def test_an_untrained_prediction_is_set_against_the_trained_one() -> None:
    predicted, real = latents(3)
    noise = latents(4)[0]
    problems = [f"p{n // 4}" for n in range(len(real))]
    found = explained_figures((predicted, real), (noise, real), problems)
    assert found["r2"] > 0 > found["untrained_r2"]  # type: ignore[operator]
    assert found["over_untrained"]["ci95"][0] > 0  # type: ignore[index]
    same = explained_figures((predicted, real), (predicted, real), problems)
    assert same["over_untrained"] == {"difference": 0.0, "ci95": [0.0, 0.0]}


def test_constant_targets_have_no_r2() -> None:
    constant = np.ones((5, 2), dtype=np.float32)
    assert explained_variance(constant, constant) is None
    assert explained_figures((constant, constant), (constant, constant), ["p"] * 5) == {}
