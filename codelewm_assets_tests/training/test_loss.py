"""The terms of the objective, by hand."""

import math

import pytest
import torch

from codelewm_assets.training.loss import contrastive_loss, total_loss, variance_loss
from codelewm_assets.training.model import Prediction
from codelewm_assets_tests.training.tokens import CONFIG

EYE = torch.eye(2)


def test_contrastive_loss_of_two_records_by_hand() -> None:
    """Each prediction is its own output: logits [[1, 0], [0, 1]], so each row loses ln(e + 1) - 1 = ln(1 + 1/e)."""
    found = contrastive_loss(EYE, EYE, torch.tensor([0, 1]), 1.0)
    assert float(found) == pytest.approx(math.log(1 + math.exp(-1)), abs=1e-6)


def test_the_temperature_divides_the_similarities() -> None:
    """At temperature 0.5 the logits are [[2, 0], [0, 2]]: ln(1 + e^-2)."""
    found = contrastive_loss(EYE, EYE, torch.tensor([0, 1]), 0.5)
    assert float(found) == pytest.approx(math.log(1 + math.exp(-2)), abs=1e-6)


def test_a_swapped_prediction_costs_one_more_similarity() -> None:
    """Logits [[0, 1], [1, 0]]: each row loses ln(1 + e)."""
    found = contrastive_loss(EYE.flip(0), EYE, torch.tensor([0, 1]), 1.0)
    assert float(found) == pytest.approx(math.log(1 + math.e), abs=1e-6)


def test_equal_outputs_are_no_negatives_of_each_other() -> None:
    """With the only other record masked, each row chooses among one: loss ln 1 = 0, however alike they are."""
    found = contrastive_loss(EYE, EYE[[0, 0]], torch.tensor([4, 4]), 0.1)
    assert float(found) == pytest.approx(0.0, abs=1e-7)


def test_of_three_records_only_the_other_output_is_a_negative() -> None:
    """Outputs a, a, b, all similarities 0: rows 0 and 1 choose among {own, b}: ln 2; row 2 among all three: ln 3."""
    z_pred, z_out = torch.tensor([[1.0, 0.0]] * 3), torch.tensor([[0.0, 1.0]] * 3)
    found = contrastive_loss(z_pred, z_out, torch.tensor([7, 7, 8]), 1.0)
    assert float(found) == pytest.approx((2 * math.log(2) + math.log(3)) / 3, abs=1e-6)


def test_variance_loss_is_one_when_all_latents_are_equal() -> None:
    """Spread √1e-8 = 1e-4 against 1/√4 = 0.5: 1 - 0.0002."""
    assert float(variance_loss(torch.tensor([[1.0, 0, 0, 0]] * 6))) == pytest.approx(0.9998, abs=1e-6)


def test_variance_loss_is_zero_when_latents_spread_over_the_sphere() -> None:
    """±e_i in 4 dimensions: variance 2/7 per dimension, spread 0.53 above the wanted 0.5."""
    assert float(variance_loss(torch.cat([torch.eye(4), -torch.eye(4)]))) == 0.0


def test_a_dimension_that_never_moves_costs_its_share() -> None:
    """±e_1 in 2 dimensions: the first has spread √(2/1) = 1.41 above 1/√2, the second 1e-4: (0 + 1 - 1e-4·√2) / 2."""
    found = variance_loss(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    assert float(found) == pytest.approx((1 - 1e-4 * math.sqrt(2)) / 2, abs=1e-6)


def test_the_total_is_the_weighted_sum_of_its_terms() -> None:
    """Logit 0 costs ln 2 whatever the label; the other two terms are as above, with temperature 1."""
    config = CONFIG.model_copy(
        update={"temperature": 1.0, "contrastive_weight": 2.0, "variance_weight": 3.0, "p_pass_weight": 5.0}
    )
    total, parts = total_loss(
        Prediction(EYE, torch.zeros(2)), EYE, torch.tensor([0, 1]), torch.tensor([1.0, 0.0]), config
    )
    variance = float(variance_loss(EYE))
    assert parts == pytest.approx(
        {"contrastive": math.log(1 + math.exp(-1)), "variance": variance, "p_pass": math.log(2)}, abs=1e-6
    )
    wanted = 2 * math.log(1 + math.exp(-1)) + 3 * variance + 5 * math.log(2)
    assert float(total) == pytest.approx(wanted, abs=1e-5)
