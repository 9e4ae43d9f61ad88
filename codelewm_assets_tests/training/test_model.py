"""The transition model: shapes, unit length, what a segment sees, and a target encoder that only follows."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from codelewm_assets.training.hub import new_model
from codelewm_assets.training.modeling_codelewm import SEGMENTS, CodeLeWMModel, Packed
from codelewm_assets.training.packing import Segment, pack
from codelewm_assets_tests.training.tokens import CONFIG


@pytest.fixture(scope="module")
def model() -> CodeLeWMModel:
    torch.manual_seed(0)
    return new_model(CONFIG).eval()


CHANGED = ([4, 6], [7, 8, 9], [10]), ([5, 6], [7, 4, 9], [10]), ([5, 6], [7, 8, 9], [4])


def texts(field: str, *rows: Sequence[int]) -> Packed:
    """Segments of one field, each alone."""
    return pack([[Segment(field, np.array(row))] for row in rows], CONFIG.row_tokens)


def chain(prompt: Sequence[int], code: Sequence[int], action: Sequence[int]) -> Packed:
    """One sequence."""
    tokens = {"prompt": prompt, "code": code, "input": action}
    parents = (None, 0, 1)
    tree = [Segment(field, np.array(row), parent) for (field, row), parent in zip(tokens.items(), parents, strict=True)]
    return pack([tree], CONFIG.row_tokens)


def test_every_field_encodes_to_one_latent_a_segment(model: CodeLeWMModel) -> None:
    for field in SEGMENTS:
        assert model.encoder(texts(field, [5, 6], [7], [8, 9, 10, 11])).z.shape == (3, CONFIG.latent)


def test_a_prediction_is_a_unit_latent_and_one_logit_a_row(model: CodeLeWMModel) -> None:
    z = torch.randn(5, CONFIG.latent, generator=torch.Generator().manual_seed(1))
    made = model.transition(z, 3 * z, torch.zeros(5))
    assert made.z_pred.shape == (5, CONFIG.latent)
    assert made.logit.shape == (5,)
    torch.testing.assert_close(made.z_pred.norm(dim=1), torch.ones(5))
    torch.testing.assert_close(
        model.transition(z, 3 * z, torch.ones(5)).logit, made.logit - 1
    )  # suspicion counts against it


def test_a_segment_is_read_in_the_light_of_those_before_it_and_not_of_those_after(model: CodeLeWMModel) -> None:
    """Latents of prompt, code and input, with one token of one of them changed: those from there on change."""
    base = model.encoder(chain([5, 6], [7, 8, 9], [10])).z
    for changed, other in enumerate(CHANGED):
        found = model.encoder(chain(*other)).z
        assert torch.equal(found[:changed], base[:changed])
        assert all(not torch.allclose(found[n], base[n], atol=1e-6) for n in range(changed, 3))


def test_suspicion_is_the_log_of_the_mean_of_exp_of_a_segments_scores(model: CodeLeWMModel) -> None:
    """Neither its length nor padding counts: of equal scores it is that score."""
    packed = pack([[Segment("code", np.array([5, 6, 7]))], [Segment("code", np.array([8]))]], 16)
    _, suspicion, scores = model.encoder(packed)
    torch.testing.assert_close(suspicion[0], scores[packed.owners == 0].exp().mean().log())
    torch.testing.assert_close(suspicion[1], scores[packed.owners == 1].squeeze(0))


def test_ngrams_end_with_a_token_and_do_not_reach_into_the_segment_before(model: CodeLeWMModel) -> None:
    """The first token of a segment has no token before it, whatever its prompt ends with."""
    one, two = (model.encoder.ngrams(chain(prompt, [7, 8, 9], [10])) for prompt in ([5, 6], [5, 4]))
    for first, second in zip(one, two, strict=True):
        assert torch.equal(first[0, 2:], second[0, 2:]) and not torch.equal(first[0, :2], second[0, :2])
    other = model.encoder.ngrams(chain([5, 6], [4, 8, 9], [10]))
    assert (other[0] != one[0])[0].tolist() == [False, False, True, True, False, False]  # pairs of tokens
    assert (other[1] != one[1])[0].tolist() == [False, False, True, True, True, False]  # threes


def test_target_latents_have_unit_length(model: CodeLeWMModel) -> None:
    found = model.target_latent(texts("output", [5, 6], [7, 8, 9, 10]))
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))


def test_the_field_and_the_order_of_tokens_are_part_of_what_is_encoded(model: CodeLeWMModel) -> None:
    found = [model.encoder(texts(field, row)).z[0] for field, row in (("code", [5, 6, 7]), ("input", [5, 6, 7]),
                                                                    ("code", [7, 6, 5]))]  # fmt: skip
    assert not torch.allclose(found[0], found[1]) and not torch.allclose(found[0], found[2])


def test_the_target_starts_as_a_copy_of_the_trunk() -> None:
    model = new_model(CONFIG)
    for slow, fast in zip(model.target.parameters(), model.encoder.parameters(), strict=True):
        assert slow is not fast
        assert torch.equal(slow, fast)


def test_the_target_encoder_gets_no_gradient() -> None:
    model = new_model(CONFIG)
    z, suspicion, _ = model.encoder(chain([5, 6], [7, 8], [9]))
    made = model.transition(z[1:2], z[2:], suspicion[1:2])
    loss = ((made.z_pred - model.target_latent(texts("output", [5]))) ** 2).sum() + made.logit.sum()
    loss.backward()  # type: ignore[no-untyped-call]
    assert all(not p.requires_grad and p.grad is None for p in model.target.parameters())
    assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.encoder.parameters())


def test_the_target_moves_by_one_minus_the_decay_towards_the_trunk() -> None:
    """decay 0.75, target 1, trunk 3: 0.75 · 1 + 0.25 · 3 = 1.5; once more: 0.75 · 1.5 + 0.25 · 3 = 1.875."""
    model = new_model(CONFIG)
    with torch.no_grad():
        model.target.project.bias.fill_(1.0)
        model.encoder.project.bias.fill_(3.0)
    model.update_target(0.75)
    torch.testing.assert_close(model.target.project.bias, torch.full((CONFIG.latent,), 1.5), rtol=0, atol=1e-6)
    model.update_target(0.75)
    torch.testing.assert_close(model.target.project.bias, torch.full((CONFIG.latent,), 1.875), rtol=0, atol=1e-6)
    assert torch.equal(model.encoder.project.bias, torch.full((CONFIG.latent,), 3.0))  # the trunk stays
