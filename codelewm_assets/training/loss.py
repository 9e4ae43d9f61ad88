"""The training objective, term by term. Shapes: B records, D latent dimensions, K classes, M directions, T points."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.model import TransitionModel

SIGREG_POINTS, SIGREG_END = 17, 4.0


@dataclass(frozen=True, slots=True)
class Latents:
    """Latents of a batch, a row per record: all (B, D), unbounded except `z_out`, which has unit length."""

    z_code: Tensor
    z_input: Tensor
    z_prompt: Tensor
    z_out: Tensor


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of a batch.

    Attributes:
        output_rows: (B,) int64; equal values mean the same output text.
        output_classes: (B,) int64 in 0…K - 1; the last class is every infrequent output.
        passed: (B,) float32 of 0 and 1.
        swap: (B,) int64 index of a record of the same completion on another input; the record's own without one.
    """

    output_rows: Tensor
    output_classes: Tensor
    passed: Tensor
    swap: Tensor


def retrieval_loss(z_pred: Tensor, z_out: Tensor, output_rows: Tensor, temperature: float) -> Tensor:
    """InfoNCE of each prediction against the outputs of the batch; equal outputs are no negatives of each other.

    Args:
        z_pred, z_out: (B, D), unit length.
        output_rows: (B,) int64; equal values mean the same output text.
        temperature: > 0.
    Returns: scalar ≥ 0.
    Source: van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding".
    """
    logits = z_pred @ z_out.T / temperature  # (B, B)
    same = output_rows[:, None] == output_rows[None, :]  # (B, B)
    same.fill_diagonal_(False)
    logits = logits.masked_fill(same, float("-inf"))
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))


def prediction_loss(z_pred: Tensor, z_out: Tensor) -> Tensor:
    """Mean squared distance of unit vectors. Args: each (B, D). Returns: scalar in [0, 4], 2 for orthogonal vectors."""
    return (z_pred - z_out).square().sum(dim=1).mean()


def sigreg_loss(z: Tensor, directions: Tensor) -> Tensor:
    """Distance of latents from an isotropic normal distribution, along directions.

    Along each direction the empirical characteristic function is compared with that of N(0, 1), squared, weighted by
    exp(-t²/2) and integrated over t by the trapezoid rule; times B, so that samples of N(0, 1) cost about the same whatever B.

    Args:
        z: (B, D).
        directions: (D, M), unit columns.

    Returns: scalar ≥ 0.
    Source: Balestriero & LeCun 2025, "LeJEPA" (SIGReg); the statistic is that of Epps & Pulley 1983.
    """
    points = torch.linspace(0, SIGREG_END, SIGREG_POINTS, device=z.device)  # (T,): the integrand is even
    normal = torch.exp(-points.square() / 2)  # (T,) characteristic function of N(0, 1), and the weight
    phases = (z @ directions)[..., None] * points  # (B, M, T)
    real, imaginary = phases.cos().mean(dim=0), phases.sin().mean(dim=0)  # (M, T)
    distance = ((real - normal).square() + imaginary.square()) * normal
    return 2 * len(z) * torch.trapezoid(distance, points, dim=1).mean()


def action_swap_loss(z_pred: Tensor, z_swapped: Tensor, z_out: Tensor, is_swap: Tensor, margin: float) -> Tensor:
    """Hinge: the prediction must be nearer to the output than the prediction on another input is, by a margin of cosines.

    Args:
        z_swapped: (B, D) prediction for another input of the same completion.
        is_swap: (B,) bool; rows without another input of different output do not count.
    Returns: scalar ≥ 0; 0 when no row counts.
    """
    gap = (z_pred * z_out).sum(dim=1) - (z_swapped * z_out).sum(dim=1)  # (B,)
    return (torch.relu(margin - gap) * is_swap).sum() / is_swap.sum().clamp(min=1)


def inverse_action_loss(predicted_input: Tensor, z_input: Tensor) -> Tensor:
    """1 - cosine of the input's latent and its prediction from code and output. Args: each (B, D). Returns: scalar in [0, 2]."""
    return (1 - F.cosine_similarity(predicted_input, z_input.detach(), dim=1)).mean()


def total_loss(
    model: TransitionModel, latents: Latents, labels: Labels, config: TrainingConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted sum of the terms, and each term as a scalar; a term of weight 0 is absent.

    Source: the terms are the published objective's; docs/training.md names the file that the default weights are from.
    """
    prediction = model.transition(latents.z_code, latents.z_input, latents.z_prompt)
    terms: dict[str, Tensor] = {}
    if config.prediction_weight:
        terms["prediction"] = prediction_loss(prediction.z_pred, latents.z_out)
    if config.sigreg_weight:
        width = latents.z_code.shape[1]
        directions = F.normalize(torch.randn(width, config.sigreg_directions, device=latents.z_code.device), dim=0)
        spread = [sigreg_loss(z, directions) for z in (latents.z_code, latents.z_input)]
        terms["sigreg"] = torch.stack(spread).mean()
    if config.action_swap_weight:
        swapped = model.predict(latents.z_code, latents.z_input[labels.swap])
        is_swap = (labels.output_rows[labels.swap] != labels.output_rows).float()
        terms["action_swap"] = action_swap_loss(prediction.z_pred, swapped, latents.z_out, is_swap, config.swap_margin)
    if config.inverse_action_weight:
        predicted_input = model.inverse(torch.cat([latents.z_code, latents.z_out], dim=1))
        terms["inverse_action"] = inverse_action_loss(predicted_input, latents.z_input)
    if config.retrieval_weight:
        terms["retrieval"] = retrieval_loss(prediction.z_pred, latents.z_out, labels.output_rows, config.temperature)
    if config.p_pass_weight:
        terms["p_pass"] = F.binary_cross_entropy_with_logits(prediction.logit, labels.passed)
    if config.output_value_weight:
        terms["output_value"] = F.cross_entropy(model.output_value(prediction.z_pred), labels.output_classes)
    if not terms:
        return prediction.logit.sum() * 0.0, terms
    return torch.stack([getattr(config, f"{name}_weight") * term for name, term in terms.items()]).sum(), terms
