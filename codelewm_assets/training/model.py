"""The transition model: one encoder for code, input, output and prompt, and heads on its latents.

Shapes: N documents, R rows of S tokens, H hidden, D latent dimensions, B records.
"""

import copy
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from torch.optim.swa_utils import get_ema_multi_avg_fn

from codelewm_assets.training.config import TrainingConfig
from codelewm_assets.training.packing import KIND, NO_DOCUMENT, Packed

ROTARY_BASE = 10_000.0
Mask = Tensor | BlockMask


class Prediction(NamedTuple):
    """Predictions for a batch: z_pred (B, D) of unit length, and the logit of passing (B,)."""

    z_pred: Tensor
    logit: Tensor


def rotary_angles(positions: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (R, 1, S, width / 2) of each place. Source: Su et al. 2021, "RoFormer"."""
    exponents = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32) / width
    angles = positions[:, None, :, None].float() * ROTARY_BASE**-exponents
    return angles.cos(), angles.sin()


def apply_rotary_emb(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotate each pair of dimensions of (R, heads, S, width) by the angle of its position."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], dim=-1).type_as(x)


def block_diagonal_mask(documents: Tensor, *, by_blocks: bool) -> Mask:
    """Attention mask that restricts each token to its document.

    Args:
        documents: (R, S).

    Returns: (R, 1, S, S) bool, True where attention is allowed; by blocks, flex attention's mask, which skips fully masked
        blocks. Source: Dong et al. 2024, "Flex Attention".
    """
    if not by_blocks:
        return (documents[:, :, None] == documents[:, None, :])[:, None]
    rows, length = documents.shape

    def same(row: Tensor, _: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return documents[row, query] == documents[row, key]

    return create_block_mask(same, rows, None, length, length, device=documents.device)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask) -> Tensor:
    """(R, heads, S, width) attention under a mask of `block_diagonal_mask`. Args: each (R, heads, S, width)."""
    if isinstance(mask, BlockMask):
        return torch.as_tensor(flex_attention(q, k, v, block_mask=mask))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


class Block(nn.Module):
    """Pre-norm transformer block: attention within documents, then a feed-forward layer."""

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.attention_norm, self.feedforward_norm = nn.RMSNorm(config.hidden), nn.RMSNorm(config.hidden)
        self.qkv = nn.Linear(config.hidden, 3 * config.hidden, bias=False)
        self.out = nn.Linear(config.hidden, config.hidden, bias=False)
        self.up = nn.Linear(config.hidden, config.feedforward, bias=False)
        self.down = nn.Linear(config.feedforward, config.hidden, bias=False)

    def forward(self, x: Tensor, mask: Mask, cosines: Tensor, sines: Tensor) -> Tensor:
        """(R, S, H) residual stream after the block.

        Args:
            x: (R, S, H).
            mask: of `block_diagonal_mask`.
        """
        rows, length, hidden = x.shape
        qkv = self.qkv(self.attention_norm(x)).view(rows, length, 3, self.heads, hidden // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (R, heads, S, H / heads)
        q, k = apply_rotary_emb(q, cosines, sines), apply_rotary_emb(k, cosines, sines)
        attended = attend(q, k, v, mask)
        x = x + F.dropout(self.out(attended.transpose(1, 2).reshape(rows, length, hidden)), self.dropout, self.training)
        return x + F.dropout(self.down(F.gelu(self.up(self.feedforward_norm(x)))), self.dropout, self.training)


class Encoder(nn.Module):
    """A transformer over packed, mutually masked documents; each is mean-pooled and projected."""

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        self.head_width = config.hidden // config.heads
        self.by_blocks = config.device == "cuda" and config.compile  # uncompiled, flex attention is the slower one
        self.token = nn.Embedding(config.vocab_size, config.hidden)
        self.kind = nn.Embedding(len(KIND), config.hidden)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.hidden)
        self.project = nn.Linear(config.hidden, config.latent)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
        nn.init.normal_(self.project.weight, std=config.hidden**-0.5)  # latents start at about unit variance
        for name, weight in self.blocks.named_parameters():
            if name.endswith(("out.weight", "down.weight")):  # added to the residual: depth must not raise its variance
                nn.init.normal_(weight, std=0.02 / (2 * config.layers) ** 0.5)

    def hidden(self, batch: Packed) -> Tensor:
        """(R, S, H) the last layer's state of each token."""
        mask = block_diagonal_mask(batch.documents, by_blocks=self.by_blocks)
        cosines, sines = rotary_angles(batch.positions, self.head_width)
        x = self.token(batch.tokens) + self.kind(batch.kinds)  # (R, S, H)
        for block in self.blocks:
            x = block(x, mask, cosines, sines)
        return torch.as_tensor(self.norm(x))

    def forward(self, batch: Packed) -> Tensor:
        """(N, D) float32, unbounded: one latent per document."""
        owner = batch.documents.reshape(-1)  # (R · S,)
        weight = (owner != NO_DOCUMENT).float()
        slot = owner.clamp(min=0)
        hidden = self.hidden(batch).flatten(0, 1).float()  # (R · S, H)
        sums = hidden.new_zeros(batch.count, hidden.shape[1]).index_add(0, slot, hidden * weight[:, None])  # (N, H)
        sizes = weight.new_zeros(batch.count).index_add(0, slot, weight)  # (N,)
        return torch.as_tensor(self.project(sums / sizes[:, None])).float()


class TransitionModel(nn.Module):
    """Encoder, its moving average for targets, predictor of the output's latent, and heads.

    Source: the target encoder by moving average follows Grill et al. 2020, "Bootstrap Your Own Latent".
    """

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.target = copy.deepcopy(self.encoder)
        self.target.requires_grad_(False)
        width, inner = config.latent, config.predictor_hidden
        self.predictor = nn.Sequential(
            nn.Linear(2 * width, inner), nn.GELU(), nn.LayerNorm(inner), nn.Linear(inner, width)
        )
        self.inverse = nn.Sequential(nn.Linear(2 * width, inner), nn.GELU(), nn.Linear(inner, width))
        self.output_value = nn.Linear(width, config.output_values + 1)
        self.p_pass = nn.Sequential(
            nn.Linear(5 * width, inner), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(inner, 1)
        )

    def predict(self, z_code: Tensor, z_input: Tensor) -> Tensor:
        """(B, D) unit length: the output's latent after `code` on `input`. Args: each (B, D)."""
        return F.normalize(self.predictor(torch.cat([z_code, z_input], dim=1)), dim=1)

    def transition(self, z_code: Tensor, z_input: Tensor, z_prompt: Tensor) -> Prediction:
        """Predict from latents. Args: each (B, D). Returns: `Prediction`."""
        z_pred = self.predict(z_code, z_input)
        z_code, z_prompt = F.normalize(z_code, dim=1), F.normalize(z_prompt, dim=1)
        features = torch.cat([z_pred, z_code, z_prompt, z_pred * z_prompt, z_code * z_prompt], dim=1)  # (B, 5D)
        return Prediction(z_pred, self.p_pass(features).squeeze(1))  # (B, D), (B,)

    @torch.no_grad()
    def target_latent(self, outputs: Packed) -> Tensor:
        """Unit-length latents (N, D) of outputs by the target encoder."""
        return F.normalize(self.target(outputs), dim=1)

    @torch.no_grad()
    def update_target(self, decay: float) -> None:
        """Move the target encoder towards the encoder: target ← decay·target + (1 - decay)·encoder."""
        step = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        step(list(self.target.parameters()), list(self.encoder.parameters()), 0)
