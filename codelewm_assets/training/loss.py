"""The training objective. Shapes: B records, D latent dimensions."""

import torch
from torch import Tensor, nn

from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.model import Prediction


def contrastive_loss(z_pred: Tensor, z_out: Tensor, output_rows: Tensor, temperature: float) -> Tensor:
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
    return nn.functional.cross_entropy(logits, torch.arange(len(logits), device=logits.device))


def variance_loss(z: Tensor) -> Tensor:
    """Hinge that keeps each dimension's spread above that of a uniform direction, 1/√D.

    Args: z: (B, D), unit length. Returns: scalar in [0, 1].
    Source: Bardes et al. 2022, "VICReg", variance term.
    """
    wanted = z.shape[1] ** -0.5
    spread = torch.sqrt(z.var(dim=0) + 1e-8)  # (D,)
    return torch.relu(1 - spread / wanted).mean()


def total_loss(
    prediction: Prediction, z_out: Tensor, output_rows: Tensor, passed: Tensor, config: TrainingConfig
) -> tuple[Tensor, dict[str, float]]:
    """Weighted sum of the three terms, and each term's value. Args: passed: (B,) float32 of 0 and 1."""
    contrastive = contrastive_loss(prediction.z_pred, z_out, output_rows, config.temperature)
    variance = variance_loss(prediction.z_pred)
    judgement = nn.functional.binary_cross_entropy_with_logits(prediction.logit, passed)
    total = (
        config.contrastive_weight * contrastive + config.variance_weight * variance + config.p_pass_weight * judgement
    )
    terms = {"contrastive": contrastive, "variance": variance, "p_pass": judgement}
    parts = {name: float(term.detach()) for name, term in terms.items()}
    return total, parts
