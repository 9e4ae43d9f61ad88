"""The transition model: shapes, unit length, and a target encoder that only follows."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from codelewm_assets.training.model import TransitionModel
from codelewm_assets.training.packing import KIND, Packed, pack
from codelewm_assets_tests.training.tokens import CONFIG


@pytest.fixture(scope="module")
def model() -> TransitionModel:
    torch.manual_seed(0)
    return TransitionModel(CONFIG).eval()


def texts(field: str, *rows: Sequence[int]) -> Packed:
    """Documents of one field."""
    return pack([(field, np.array(row)) for row in rows], CONFIG.row_tokens)


def test_every_field_encodes_to_one_latent_a_document(model: TransitionModel) -> None:
    for field in KIND:
        assert model.encoder(texts(field, [5, 6], [7], [8, 9, 10, 11])).shape == (3, CONFIG.latent)


def test_a_prediction_is_a_unit_latent_and_one_logit_a_row(model: TransitionModel) -> None:
    z = torch.randn(5, CONFIG.latent, generator=torch.Generator().manual_seed(1))
    made = model.transition(z, 3 * z, -z)
    assert made.z_pred.shape == (5, CONFIG.latent)
    assert made.logit.shape == (5,)
    torch.testing.assert_close(made.z_pred.norm(dim=1), torch.ones(5))


def test_the_prompt_is_an_input_of_p_pass(model: TransitionModel) -> None:
    z = torch.randn(2, CONFIG.latent, generator=torch.Generator().manual_seed(1))
    one, two = model.transition(z, z, z), model.transition(z, z, z.flip(0))
    assert torch.equal(one.z_pred, two.z_pred) and not torch.equal(one.logit, two.logit)


def test_target_latents_have_unit_length(model: TransitionModel) -> None:
    found = model.target_latent(texts("output", [5, 6], [7, 8, 9, 10]))
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))


def test_the_field_and_the_order_of_tokens_are_part_of_what_is_encoded(model: TransitionModel) -> None:
    found = [model.encoder(texts(field, row))[0] for field, row in (("code", [5, 6, 7]), ("input", [5, 6, 7]),
                                                                    ("code", [7, 6, 5]))]  # fmt: skip
    assert not torch.allclose(found[0], found[1]) and not torch.allclose(found[0], found[2])


def test_the_target_starts_as_a_copy_of_the_encoder() -> None:
    model = TransitionModel(CONFIG)
    for slow, fast in zip(model.target.parameters(), model.encoder.parameters(), strict=True):
        assert slow is not fast
        assert torch.equal(slow, fast)


def test_the_target_encoder_gets_no_gradient() -> None:
    model = TransitionModel(CONFIG)
    z, z_input, z_prompt = (model.encoder(texts(field, [5, 6], [7, 8])) for field in ("code", "input", "prompt"))
    made = model.transition(z, z_input, z_prompt)
    loss = ((made.z_pred - model.target_latent(texts("output", [5], [6]))) ** 2).sum() + made.logit.sum()
    loss.backward()  # type: ignore[no-untyped-call]
    assert all(not p.requires_grad and p.grad is None for p in model.target.parameters())
    assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.encoder.parameters())


def test_the_target_moves_by_one_minus_the_decay_towards_the_encoder() -> None:
    """decay 0.75, target 1, encoder 3: 0.75 · 1 + 0.25 · 3 = 1.5; once more: 0.75 · 1.5 + 0.25 · 3 = 1.875."""
    model = TransitionModel(CONFIG)
    with torch.no_grad():
        model.target.project.bias.fill_(1.0)
        model.encoder.project.bias.fill_(3.0)
    model.update_target(0.75)
    torch.testing.assert_close(model.target.project.bias, torch.full((CONFIG.latent,), 1.5), rtol=0, atol=1e-6)
    model.update_target(0.75)
    torch.testing.assert_close(model.target.project.bias, torch.full((CONFIG.latent,), 1.875), rtol=0, atol=1e-6)
    assert torch.equal(model.encoder.project.bias, torch.full((CONFIG.latent,), 3.0))  # the encoder stays
