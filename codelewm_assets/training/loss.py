"""The training objective, term by term.

Shapes: B records, C completions, L programs of twin pairs, D latent dimensions, K classes, M directions, T points.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.modeling_codelewm import CodeLeWMModel

SIGREG_POINTS, SIGREG_END = 17, 4.0


@dataclass(frozen=True, slots=True)
class Latents:
    """Latents of a batch, a row per record: all (B, D), unbounded except `z_out`, which has unit length.

    `z_code` and `z_input` are of segments of the record's sequence, `z_alone` is of its input alone; `suspicion` (B,) is of the
    program. `mass` and `bug_mass` (L,) are means of exp(scores) over programs of twin pairs, the second of the bug's tokens only.
    """

    z_code: Tensor
    z_input: Tensor
    z_alone: Tensor
    z_out: Tensor
    suspicion: Tensor
    mass: Tensor
    bug_mass: Tensor


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of a batch.

    Attributes:
        output_rows: (B,) int64; equal values mean the same output text.
        output_classes: (B,) int64 in 0…K - 1; the last class is every infrequent output.
        passed: (B,) float32 of 0 and 1, of the record's own run.
        swap: (B,) int64 index of a record of the same completion on another input; the record's own without one.
        has_output: (B,) bool; False for a library variant, whose output is not known.
        completion: (B,) int64 in 0…C - 1.
        completion_passed: (C,) bool.
        problem: (C,) int64; equal values mean the same problem.
        fails: (L,) bool, of programs of twin pairs.
    """

    output_rows: Tensor
    output_classes: Tensor
    passed: Tensor
    swap: Tensor
    has_output: Tensor
    completion: Tensor
    completion_passed: Tensor
    problem: Tensor
    fails: Tensor


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


def rank_loss(logit: Tensor, labels: Labels) -> Tensor:
    """Softmax cross-entropy of each passing completion against the failing ones of its problem.

    A completion's logit is the mean over its records.

    Args:
        logit: (B,).
    Returns: scalar ≥ 0; 0 when no problem has both.
    """
    passed, problem = labels.completion_passed, labels.problem
    sums = logit.new_zeros(len(passed)).index_add(0, labels.completion, logit)  # (C,)
    counts = logit.new_zeros(len(passed)).index_add(0, labels.completion, torch.ones_like(logit))
    mean = sums / counts  # (C,)
    rivals = (problem[:, None] == problem[None, :]) & ~passed[None, :]  # (C, C)
    has_rival = passed & rivals.any(dim=1)
    own = torch.eye(len(passed), dtype=torch.bool, device=logit.device)
    compared = mean[None, :].masked_fill(~(rivals | own), float("-inf"))  # (C, C)
    losses = torch.logsumexp(compared, dim=1) - mean
    return (losses * has_rival).sum() / has_rival.sum().clamp(min=1)


def locate_loss(mass: Tensor, bug_mass: Tensor, fails: Tensor) -> Tensor:
    """Cross-entropy of pointing at the bug of a failing program, and at nothing in a passing one.

    The softmax is over a program's tokens, each with the weight of one over their number, and one more place of score 0.

    Args:
        mass: (L,) mean of exp(scores) over all tokens.
        bug_mass: (L,) the bug's part of that sum; positive where `fails`.
        fails: (L,) bool.
    Returns: scalar ≥ 0; 0 without programs.
    Source: Vasic et al. 2019, "Neural Program Repair by Jointly Learning to Localize and Repair".
    """
    chosen = torch.where(fails, bug_mass, torch.ones_like(bug_mass))
    return (torch.log1p(mass) - chosen.log()).sum() / max(1, len(mass))


def total_loss(
    model: CodeLeWMModel, latents: Latents, labels: Labels, config: TrainingConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted sum of the terms, and each term as a scalar; a term of weight 0 is absent.

    Terms of the world model count records with an output only, and are absent without one.
    """
    prediction = model.transition(latents.z_code, latents.z_input, latents.suspicion)
    terms: dict[str, Tensor] = {}
    if config.p_pass_weight:
        terms["p_pass"] = F.binary_cross_entropy_with_logits(prediction.logit, labels.passed)
    if config.rank_weight:
        terms["rank"] = rank_loss(prediction.logit, labels)
    if config.locate_weight:
        terms["locate"] = locate_loss(latents.mass, latents.bug_mass, labels.fails)
    if labels.has_output.any():
        terms |= _world_terms(model, prediction.z_pred, latents, labels, config)
    if not terms:
        return prediction.logit.sum() * 0.0, terms
    return torch.stack([getattr(config, f"{name}_weight") * term for name, term in terms.items()]).sum(), terms


def _world_terms(
    model: CodeLeWMModel, z_pred: Tensor, latents: Latents, labels: Labels, config: TrainingConfig
) -> dict[str, Tensor]:
    """Terms of the world model. Source: docs/training.md names the file that the default weights are from."""
    has = labels.has_output
    z_out, output_rows = latents.z_out[has], labels.output_rows[has]
    terms: dict[str, Tensor] = {}
    if config.prediction_weight:
        terms["prediction"] = prediction_loss(z_pred[has], z_out)
    if config.sigreg_weight:
        width = latents.z_code.shape[1]
        directions = F.normalize(torch.randn(width, config.sigreg_directions, device=z_pred.device), dim=0)
        spread = [sigreg_loss(z, directions) for z in (latents.z_code[has], latents.z_alone[has])]
        terms["sigreg"] = torch.stack(spread).mean()
    if config.action_swap_weight:
        is_swap = (labels.output_rows[labels.swap] != labels.output_rows).float()[has]
        swapped = z_pred[labels.swap][has]
        terms["action_swap"] = action_swap_loss(z_pred[has], swapped, z_out, is_swap, config.swap_margin)
    if config.inverse_action_weight:
        predicted_input = model.inverse(torch.cat([latents.z_code[has], z_out], dim=1))
        terms["inverse_action"] = inverse_action_loss(predicted_input, latents.z_alone[has])
    if config.retrieval_weight:
        terms["retrieval"] = retrieval_loss(z_pred[has], z_out, output_rows, config.temperature)
    if config.output_value_weight:
        terms["output_value"] = F.cross_entropy(model.output_value(z_pred[has]), labels.output_classes[has])
    return terms
