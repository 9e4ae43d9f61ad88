"""The transition model: one encoder for code, input, output and prompt, a predictor of the output's latent, a p_pass head.

Shapes: B records, L tokens, D latent dimensions.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from codelewm_assets.training.config import TrainingConfig

FIELD_TYPES = {"code": 0, "input": 1, "output": 2, "prompt": 3}


class Prediction(NamedTuple):
    """What the model says of a batch: z_pred (B, D) of unit length, and the logit of passing (B,)."""

    z_pred: Tensor
    logit: Tensor


class Encoder(nn.Module):
    """A BERT encoder from configuration (no published weights), mean-pooled and projected to the latent space.

    Source: Devlin et al. 2019, "BERT"; built by `transformers.BertModel`.
    """

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        longest = max(config.code_length, config.input_length, config.output_length, config.prompt_length)
        self.backbone = BertModel(
            BertConfig(
                vocab_size=config.vocab_size,
                hidden_size=config.hidden,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=config.feedforward,
                max_position_embeddings=longest,
                type_vocab_size=len(FIELD_TYPES),
                hidden_dropout_prob=config.dropout,
                attention_probs_dropout_prob=config.dropout,
                pad_token_id=0,
            ),
            add_pooling_layer=False,
        )
        self.project = nn.Linear(config.hidden, config.latent)

    def forward(self, tokens: Tensor, field: str) -> Tensor:
        """Latents of one field's texts.

        Args: tokens: (B, L) int64, 0 = padding. field: one of `FIELD_TYPES`.
        Returns: (B, D) float32, unbounded.
        """
        length = int((tokens != 0).sum(dim=1).max().clamp(min=1))
        tokens = tokens[:, :length]  # (B, l): padding that no row needs is dropped
        mask = (tokens != 0).long()  # (B, l)
        hidden = self.backbone(
            input_ids=tokens, attention_mask=mask, token_type_ids=torch.full_like(tokens, FIELD_TYPES[field])
        ).last_hidden_state  # (B, l, H)
        weights = mask.unsqueeze(-1).to(hidden.dtype)  # (B, l, 1)
        pooled = (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)  # (B, H)
        return torch.as_tensor(self.project(pooled))


class TransitionModel(nn.Module):
    """Encoder, its moving average for targets, predictor and p_pass head.

    Source: the target encoder by moving average follows Grill et al. 2020, "Bootstrap Your Own Latent".
    """

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.target = copy.deepcopy(self.encoder)
        self.target.requires_grad_(False)
        width = config.latent
        self.predictor = nn.Sequential(
            nn.Linear(2 * width, config.predictor_hidden),
            nn.GELU(),
            nn.LayerNorm(config.predictor_hidden),
            nn.Linear(config.predictor_hidden, width),
        )
        self.p_pass = nn.Sequential(
            nn.Linear(5 * width, config.predictor_hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.predictor_hidden, 1),
        )

    def transition(self, z_code: Tensor, z_input: Tensor, z_prompt: Tensor) -> Prediction:
        """Predict from latents. Args: each (B, D). Returns: `Prediction`."""
        z_pred = self.predictor(torch.cat([z_code, z_input], dim=1))  # (B, D)
        z_pred = nn.functional.normalize(z_pred, dim=1)
        z_code, z_prompt = nn.functional.normalize(z_code, dim=1), nn.functional.normalize(z_prompt, dim=1)
        features = torch.cat([z_pred, z_code, z_prompt, z_pred * z_prompt, z_code * z_prompt], dim=1)  # (B, 5D)
        return Prediction(z_pred, self.p_pass(features).squeeze(1))  # (B, D), (B,)

    @torch.no_grad()
    def target_latent(self, output: Tensor) -> Tensor:
        """Unit-length latents of outputs by the target encoder. Args: (B, L) int64. Returns: (B, D)."""
        return nn.functional.normalize(self.target(output, "output"), dim=1)

    @torch.no_grad()
    def update_target(self, decay: float) -> None:
        """Move the target encoder towards the encoder: target ← decay·target + (1 - decay)·encoder."""
        for slow, fast in zip(self.target.parameters(), self.encoder.parameters(), strict=True):
            slow.lerp_(fast, 1 - decay)
