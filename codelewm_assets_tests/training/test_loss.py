"""The terms of the objective, by hand."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from codelewm_assets.training.hub import new_model
from codelewm_assets.training.loss import (
    Labels,
    Latents,
    action_swap_loss,
    inverse_action_loss,
    locate_loss,
    prediction_loss,
    rank_loss,
    retrieval_loss,
    sigreg_loss,
    total_loss,
)
from codelewm_assets.training.modeling_codelewm import CodeLeWMModel
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.training.tokens import CONFIG

EYE = torch.eye(2)
TERMS = (
    "p_pass",
    "rank",
    "locate",
    "prediction",
    "sigreg",
    "action_swap",
    "inverse_action",
    "retrieval",
    "output_value",
)


def test_retrieval_loss_of_two_records_by_hand() -> None:
    """Each prediction is its own output: logits [[1, 0], [0, 1]], so each row loses ln(e + 1) - 1 = ln(1 + 1/e)."""
    found = retrieval_loss(EYE, EYE, torch.tensor([0, 1]), 1.0)
    assert float(found) == pytest.approx(math.log(1 + math.exp(-1)), abs=1e-6)


def test_the_temperature_divides_the_similarities() -> None:
    """At temperature 0.5 the logits are [[2, 0], [0, 2]]: ln(1 + e^-2)."""
    found = retrieval_loss(EYE, EYE, torch.tensor([0, 1]), 0.5)
    assert float(found) == pytest.approx(math.log(1 + math.exp(-2)), abs=1e-6)


def test_equal_outputs_are_no_negatives_of_each_other() -> None:
    """Both records have output 7: each row has only itself left, which costs ln 1 = 0."""
    assert float(retrieval_loss(EYE, EYE, torch.tensor([7, 7]), 1.0)) == pytest.approx(0.0, abs=1e-7)


def test_prediction_loss_is_the_squared_distance_of_unit_vectors() -> None:
    """The same: 0. At right angles: (1 - 0)² + (0 - 1)² = 2. Opposite: 2² = 4."""
    assert float(prediction_loss(EYE, EYE)) == 0.0
    assert float(prediction_loss(EYE, EYE.flip(0))) == 2.0
    assert float(prediction_loss(EYE, -EYE)) == 4.0


def test_sigreg_of_a_single_point_at_0_by_hand() -> None:
    """Its characteristic function is 1 everywhere: ∫ (1 - e^{-t²/2})² e^{-t²/2} dt over [-4, 4], for one row.

    Term by term ∫ e^{-t²/2} - 2 e^{-t²} + e^{-3t²/2} dt = √2π - 2√π + √(2π/3), up to the ends and the trapezoid rule.
    """
    found = sigreg_loss(torch.zeros(1, 3), torch.eye(3))
    exact = math.sqrt(2 * math.pi) - 2 * math.sqrt(math.pi) + math.sqrt(2 * math.pi / 3)
    assert float(found) == pytest.approx(exact, abs=2e-3)


def test_sigreg_is_small_for_a_normal_sample_and_large_for_a_collapsed_or_stretched_one() -> None:
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(500, 4, generator=generator)
    value = {name: float(sigreg_loss(z, torch.eye(4))) for name, z in (("normal", normal), ("small", normal * 0.1),
                                                                     ("wide", normal * 5))}  # fmt: skip
    assert value["normal"] < 2
    assert value["small"] > 50 and value["wide"] > 50


def test_action_swap_loss_by_hand() -> None:
    """Cosines with the output: own 1, swapped 0, so a gap of 1 and margin 1.5 costs 0.5; the second row does not count."""
    z = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    swapped, is_swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([1.0, 0.0])
    assert float(action_swap_loss(z, swapped, z, is_swap, 1.5)) == pytest.approx(0.5)
    assert float(action_swap_loss(z, swapped, z, is_swap, 0.9)) == 0.0
    assert float(action_swap_loss(z, swapped, z, torch.zeros(2), 1.5)) == 0.0


def test_inverse_action_loss_is_one_minus_the_cosine_and_teaches_the_guess_alone() -> None:
    z_input = torch.tensor([[0.0, 2.0]], requires_grad=True)
    predicted_input = torch.tensor([[3.0, 4.0]], requires_grad=True)  # cosine 8 / (5 · 2) = 0.8
    loss = inverse_action_loss(predicted_input, z_input)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss) == pytest.approx(0.2)
    assert z_input.grad is None and predicted_input.grad is not None


def ranked(passed: list[bool], problem: list[int]) -> Labels:
    """Completions of two records each."""
    count = len(passed)
    nothing = torch.zeros(2 * count, dtype=torch.int64)
    completion = torch.arange(count).repeat_interleave(2)
    has, none = torch.ones(2 * count, dtype=torch.bool), torch.zeros(0, dtype=torch.bool)
    return Labels(
        nothing, nothing, nothing.float(), nothing, has, completion, torch.tensor(passed), torch.tensor(problem), none
    )


def test_rank_loss_by_hand() -> None:
    """Means 1, 0, 0: the passing one against two failing ones of its problem costs ln(1 + 2/e)."""
    logit = torch.tensor([0.0, 2.0, 1.0, -1.0, 0.0, 0.0])
    labels = ranked([True, False, False], [0, 0, 0])
    assert float(rank_loss(logit, labels)) == pytest.approx(math.log(1 + 2 / math.e))


def test_rank_loss_compares_within_a_problem_and_a_passing_one_with_failing_ones_only() -> None:
    """Two passing ones, both 0, against one failing 0 of their problem: ln 2 each. The other problem has no failing one."""
    labels = ranked([True, True, False, True], [0, 0, 0, 1])
    logit = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0, 9.0])
    assert float(rank_loss(logit, labels)) == pytest.approx(math.log(2))
    assert float(rank_loss(logit, ranked([True] * 4, [0] * 4))) == 0.0


def test_locate_loss_by_hand() -> None:
    """A failing program of mean 3, a bug's part of 2: 2 of 1 + 3, so ln 2. A passing one of mean 1: 1 of 2, so ln 2."""
    mass, bug_mass = torch.tensor([3.0, 1.0]), torch.tensor([2.0, 0.0])
    assert float(locate_loss(mass, bug_mass, torch.tensor([True, False]))) == pytest.approx(math.log(2))
    assert float(locate_loss(mass[:0], bug_mass[:0], torch.zeros(0, dtype=torch.bool))) == 0.0


def test_records_without_an_output_count_in_p_pass_and_rank_alone() -> None:
    model, latents, labels = batch()
    none = replace(labels, has_output=torch.zeros(4, dtype=torch.bool))
    assert set(total_loss(model, latents, none, CONFIG)[1]) == {"p_pass", "rank", "locate"}
    half = replace(labels, has_output=torch.tensor([True, True, False, False]))
    terms = total_loss(model, latents, half, CONFIG.model_copy(update={"sigreg_weight": 0.0}))[1]
    prediction = model.transition(latents.z_code, latents.z_input, latents.suspicion)
    assert float(terms["prediction"]) == pytest.approx(float(prediction_loss(prediction.z_pred[:2], latents.z_out[:2])))


def batch() -> tuple[CodeLeWMModel, Latents, Labels]:
    """Four records of two completions of one problem; outputs 1, 2, 1, 3. The second completion fails on one input."""
    torch.manual_seed(0)
    model = new_model(CONFIG).eval()
    z = [torch.randn(4, CONFIG.latent) for _ in range(4)]
    labels = Labels(
        torch.tensor([1, 2, 1, 3]),
        torch.tensor([0, 1, 0, 4]),
        torch.tensor([1.0, 1.0, 1.0, 0.0]),
        torch.tensor([1, 0, 3, 2]),
        torch.ones(4, dtype=torch.bool),
        torch.tensor([0, 0, 1, 1]),
        torch.tensor([True, False]),
        torch.tensor([0, 0]),
        torch.tensor([True, False]),
    )
    mass = torch.tensor([2.0, 1.0]), torch.tensor([0.5, 0.0])
    return model, Latents(z[0], z[1], z[2], F.normalize(z[3], dim=1), torch.zeros(4), *mass), labels


def test_the_total_is_the_weighted_sum_of_its_terms() -> None:
    model, latents, labels = batch()
    config = CONFIG.model_copy(update={f"{name}_weight": 1.0 + n for n, name in enumerate(TERMS)})
    total, terms = total_loss(model, latents, labels, config)
    assert tuple(terms) == TERMS
    wanted = sum((1.0 + n) * float(terms[name]) for n, name in enumerate(TERMS))
    assert float(total) == pytest.approx(wanted, rel=1e-5)
    prediction = model.transition(latents.z_code, latents.z_input, latents.suspicion)
    assert float(terms["p_pass"]) == pytest.approx(
        float(F.binary_cross_entropy(prediction.logit.sigmoid(), labels.passed)), abs=1e-6
    )


@each_case("name", TERMS)
def test_a_term_of_weight_0_is_absent_and_the_others_stay(name: str) -> None:
    model, latents, labels = batch()
    terms = total_loss(model, latents, labels, CONFIG.model_copy(update={f"{name}_weight": 0.0}))[1]
    assert set(terms) == set(TERMS) - {name}


def test_without_any_term_the_loss_is_0() -> None:
    model, latents, labels = batch()
    total, terms = total_loss(
        model, latents, labels, CONFIG.model_copy(update={f"{name}_weight": 0.0 for name in TERMS})
    )
    assert (float(total), terms) == (0.0, {})
