"""The transition model in the form of `transformers`. The file is copied into every saved model's folder.

Prompt, program and input are segments of one sequence: a token attends to its own segment and to those before it, so that
a prompt is read once for all of its programs, and a program once for all of its inputs. An output is a sequence of its own.
Shapes: N segments, R rows of S tokens, H hidden, D latent dimensions, B records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from torch.optim.swa_utils import get_ema_multi_avg_fn
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.utils.generic import ModelOutput

from .configuration_codelewm import CodeLeWMConfig

ROTARY_BASE = 10_000.0
MAX_SCORE = 12.0  # exp of it and of its negative is exact enough in float32 to be summed without a shift
NGRAM_FACTORS = (92_821, 15_485_863, 32_452_843)  # of a token and of those before it
SEGMENTS = ("prompt", "code", "input", "output")
PROMPT, CODE, INPUT, OUTPUT = range(len(SEGMENTS))
OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert")  # whose positions start behind the padding token's number
NO_SEGMENT = -1  # of padding
NO_ANCESTOR = -2
EMPTY_ACTION = "[]"
Mask = Tensor | BlockMask


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows of tokens with the segment of each token.

    Attributes:
        tokens, positions, kinds: (R, S) token, position in its sequence from 0, and number in `SEGMENTS`; 0 for padding.
        owners: (R, S) index of the token's segment, `NO_SEGMENT` for padding.
        ancestors: (N, 2) index of the segment before, and of the one before that; `NO_ANCESTOR` without one.
    """

    tokens: Tensor
    positions: Tensor
    kinds: Tensor
    owners: Tensor
    ancestors: Tensor

    @property
    def count(self) -> int:
        """N."""
        return len(self.ancestors)

    @property
    def token_count(self) -> int:
        """Tokens of all segments, without padding."""
        return int((self.owners != NO_SEGMENT).sum())

    def to(self, device: str) -> "Packed":
        """The same on a device."""
        arrays = (self.tokens, self.positions, self.kinds, self.owners, self.ancestors)
        return Packed(*(array.to(device, non_blocking=True) for array in arrays))


class Encoded(NamedTuple):
    """Segments in the light of those before them.

    Attributes:
        z: (N, D) float32 latents, unbounded.
        suspicion: (N,) float32, log of the mean of exp(scores) over the segment's tokens.
        scores: (R, S) float32 in ±`MAX_SCORE`, of each token: where a bug lies.
    """

    z: Tensor
    suspicion: Tensor
    scores: Tensor


class Prediction(NamedTuple):
    """Predictions for records: z_pred (B, D) of unit length, and the logit of passing (B,)."""

    z_pred: Tensor
    logit: Tensor


@dataclass
class CodeLeWMOutput(ModelOutput):
    """Output of `CodeLeWMModel.forward`.

    Attributes:
        logits: (B,) of passing on this input; the empty action `[]` asks for any input.
        z_pred: (B, D) unit length, the predicted latent of the output.
    """

    logits: Tensor | None = None
    z_pred: Tensor | None = None


def rotary_angles(positions: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (R, 1, S, width / 2) of each place. Source: Su et al. 2021, "RoFormer"."""
    exponents = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32) / width
    angles = positions[:, None, :, None].float() * ROTARY_BASE**-exponents
    return angles.cos(), angles.sin()


def apply_rotary_emb(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotate each pair of dimensions of (R, heads, S, width) by the angle of its position."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], dim=-1).type_as(x)


def segment_mask(packed: Packed, *, by_blocks: bool) -> Mask:
    """Attention mask that lets a token see its own segment and those before it in its sequence.

    Returns: (R, 1, S, S) bool, True where attention is allowed; by blocks, flex attention's mask, which skips fully masked
        blocks. Source: Dong et al. 2024, "Flex Attention".
    """
    owners = packed.owners
    before = F.pad(packed.ancestors, (0, 0, 1, 0), value=NO_ANCESTOR)[owners + 1]  # (R, S, 2), padding has none
    if not by_blocks:
        keys, queries = owners[:, None, :], owners[:, :, None]
        return ((keys == queries) | (keys == before[:, :, None, 0]) | (keys == before[:, :, None, 1]))[:, None]
    rows, length = owners.shape
    parents, grandparents = before[..., 0].contiguous(), before[..., 1].contiguous()

    def seen(row: Tensor, _: Tensor, query: Tensor, key: Tensor) -> Tensor:
        owner = owners[row, key]
        return (owner == owners[row, query]) | (owner == parents[row, query]) | (owner == grandparents[row, query])

    return create_block_mask(seen, rows, None, length, length, device=owners.device)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask) -> Tensor:
    """(R, heads, S, width) attention under a mask of `segment_mask`. Args: each (R, heads, S, width)."""
    if isinstance(mask, BlockMask):
        return torch.as_tensor(flex_attention(q, k, v, block_mask=mask))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


class CodeLeWMBlock(nn.Module):
    """Pre-norm transformer block: attention along the sequence, then a feed-forward layer."""

    def __init__(self, config: CodeLeWMConfig) -> None:
        super().__init__()
        hidden = config.hidden_size
        self.heads, self.dropout = config.num_attention_heads, config.dropout
        self.attention_norm, self.feedforward_norm = nn.RMSNorm(hidden), nn.RMSNorm(hidden)
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.out = nn.Linear(hidden, hidden, bias=False)
        self.up = nn.Linear(hidden, config.intermediate_size, bias=False)
        self.down = nn.Linear(config.intermediate_size, hidden, bias=False)

    def forward(self, x: Tensor, mask: Mask, cosines: Tensor, sines: Tensor) -> Tensor:
        """(R, S, H) residual stream after the block.

        Args:
            x: (R, S, H).
            mask: of `segment_mask`.
        """
        rows, length, hidden = x.shape
        qkv = self.qkv(self.attention_norm(x)).view(rows, length, 3, self.heads, hidden // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (R, heads, S, H / heads)
        q, k = apply_rotary_emb(q, cosines, sines), apply_rotary_emb(k, cosines, sines)
        attended = attend(q, k, v, mask)
        x = x + F.dropout(self.out(attended.transpose(1, 2).reshape(rows, length, hidden)), self.dropout, self.training)
        return x + F.dropout(self.down(F.gelu(self.up(self.feedforward_norm(x)))), self.dropout, self.training)


class CodeLeWMTrunk(nn.Module):
    """A transformer over packed sequences; each segment is pooled.

    A pretrained body is shared by trunks and is no submodule of theirs; its states have one more dimension, the surprisal.
    """

    def __init__(self, config: CodeLeWMConfig) -> None:
        super().__init__()
        self.config, self.shared_body = config, list[nn.Module]()
        width = config.hidden_size + (config.body is not None)
        self.pointer = nn.Linear(width, 1)
        self.project = nn.Linear(2 * width, config.latent_size)
        if config.body is not None:
            return
        self.head_width = config.hidden_size // config.num_attention_heads
        self.by_blocks = config.block_masks
        self.token = nn.Embedding(config.vocab_size, config.hidden_size)
        self.kind = nn.Embedding(len(SEGMENTS), config.hidden_size)
        self.blocks = nn.ModuleList(CodeLeWMBlock(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.RMSNorm(config.hidden_size)
        self.ngram = nn.Embedding(config.ngram_size, config.hidden_size)

    def hidden(self, packed: Packed) -> Tensor:
        """(R, S, H) the last layer's state of each token; of a pretrained body (R, S, H + 1)."""
        if self.config.body is not None:
            return self._read(packed)
        mask = segment_mask(packed, by_blocks=self.by_blocks)
        cosines, sines = rotary_angles(packed.positions, self.head_width)
        x = self.token(packed.tokens) + self.kind(packed.kinds)  # (R, S, H)
        for rows in self.ngrams(packed):
            x = x + self.ngram(rows)
        for block in self.blocks:
            x = block(x, mask, cosines, sines)
        return torch.as_tensor(self.norm(x))

    def _read(self, packed: Packed) -> Tensor:
        """(R, S, H + 1) states of the pretrained body, and the surprisal of each token in tens of nats.

        The surprisal is 0 for a segment's first token, and everywhere if the body is not causal or ties no embeddings.
        """
        if not self.shared_body:
            raise RuntimeError(
                "This model was trained on a frozen pretrained body, which is not in its folder. Load it with AutoModel, as the "
                "model card says, and give it to attach()."
            )
        body, config = self.shared_body[0], self.config
        described = config.body or {}
        first = described["pad_token_id"] + 1 if described["model_type"] in OFFSET_POSITIONS else 0
        mask = torch.as_tensor(segment_mask(packed, by_blocks=False))  # (R, 1, S, S)
        if config.body_is_causal:
            mask = mask.tril()
        additive = torch.zeros_like(mask, dtype=torch.float32).masked_fill(~mask, torch.finfo(torch.float32).min)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not config.body_is_frozen):
            hidden = body(
                input_ids=packed.tokens, position_ids=packed.positions + first, attention_mask=additive, use_cache=False
            ).last_hidden_state  # (R, S, H)
        surprisal = torch.zeros_like(hidden[..., :1])
        if config.body_is_causal and described.get("tie_word_embeddings"):
            surprisal[:, 1:, 0] = self._surprisal(hidden, packed)
        return torch.cat([hidden, surprisal], dim=-1)

    @torch.no_grad()
    def _surprisal(self, hidden: Tensor, packed: Packed) -> Tensor:
        """(R, S - 1) minus the log probability of each token but the first after the token before it, in tens of nats."""
        embedding = self.shared_body[0].get_input_embeddings().weight  # type: ignore[operator] # (vocabulary, H)
        losses = torch.stack([
            F.cross_entropy(states[:-1] @ embedding.T, tokens[1:], reduction="none")
            for states, tokens in zip(hidden, packed.tokens, strict=True)
        ])  # fmt: skip
        return losses * (packed.owners[:, 1:] == packed.owners[:, :-1]) / 10

    def ngrams(self, packed: Packed) -> tuple[Tensor, Tensor]:
        """Rows of `ngram`, each (R, S): hashes of a token with the one, and with the two, before it in its segment."""
        before = []
        for distance in (1, 2):
            same = F.pad(packed.owners, (distance, 0), value=NO_ANCESTOR)[:, :-distance] == packed.owners
            before.append((F.pad(packed.tokens, (distance, 0))[:, :-distance] + 1) * same)  # 0: there is none
        first, second, third = NGRAM_FACTORS
        two = packed.tokens * first + before[0] * second
        return two % self.ngram.num_embeddings, (two + (before[1] + 1) * third) % self.ngram.num_embeddings

    def forward(self, packed: Packed) -> Encoded:
        """Pool the states of each segment: their mean, and their mean weighted by exp(scores)."""
        hidden = self.hidden(packed).float()  # (R, S, H)
        scores = MAX_SCORE * torch.tanh(self.pointer(hidden).float().squeeze(-1) / MAX_SCORE)  # (R, S)
        slot = (packed.owners + 1).reshape(-1)  # (R · S,), 0 is padding
        states, weight = hidden.flatten(0, 1), scores.reshape(-1, 1).exp()

        def sums(values: Tensor) -> Tensor:
            return values.new_zeros(packed.count + 1, values.shape[1]).index_add(0, slot, values)[1:]

        sizes, weights = sums(torch.ones_like(weight)), sums(weight)  # (N, 1)
        pooled = torch.cat([sums(states) / sizes, sums(states * weight) / weights], dim=1)  # (N, 2H)
        return Encoded(self.project(pooled).float(), (weights / sizes).log().squeeze(1), scores)


class CodeLeWMModel(PreTrainedModel):
    """Trunk, its moving average for targets, predictor of the output's latent, and heads.

    Source: the target encoder by moving average follows Grill et al. 2020, "Bootstrap Your Own Latent".
    """

    config_class = CodeLeWMConfig
    base_model_prefix = "codelewm"

    def __init__(self, config: CodeLeWMConfig) -> None:
        super().__init__(config)
        self.encoder, self.target = CodeLeWMTrunk(config), CodeLeWMTrunk(config)
        if config.body is not None and not config.body_is_frozen:
            self.body = AutoModel.from_config(AutoConfig.for_model(**config.body))
            self.attach(self.body)
        width, inner = config.latent_size, config.head_size
        self.predictor = nn.Sequential(
            nn.Linear(2 * width, inner), nn.GELU(), nn.LayerNorm(inner), nn.Linear(inner, width)
        )
        self.inverse = nn.Sequential(nn.Linear(2 * width, inner), nn.GELU(), nn.Linear(inner, width))
        self.output_value = nn.Linear(width, config.output_values + 1)
        self.p_pass = nn.Sequential(
            nn.Linear(3 * width, inner), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(inner, 1)
        )
        self.post_init()
        self.target.requires_grad_(False)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Initialise one module; the trunk itself scales its layers, after its own modules."""
        std = self.config.initializer_range
        if isinstance(module, nn.Linear) and module.bias is not None:  # heads: their outputs start at unit variance
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=std)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.RMSNorm):
            nn.init.ones_(module.weight)
        elif isinstance(module, CodeLeWMBlock):  # added to the residual: depth must not raise its variance
            for layer in (module.out, module.down):
                nn.init.normal_(layer.weight, std=std / (2 * self.config.num_hidden_layers) ** 0.5)

    def attach(self, body: nn.Module) -> None:
        """Use a pretrained body, as `AutoModel.from_pretrained` gives it."""
        for trunk in (self.encoder, self.target):
            trunk.shared_body = [body]

    def predict(self, z_code: Tensor, z_input: Tensor) -> Tensor:
        """(B, D) unit length: the output's latent. Args: each (B, D), of segments of one sequence."""
        return F.normalize(self.predictor(torch.cat([z_code, z_input], dim=1)), dim=1)

    def transition(self, z_code: Tensor, z_input: Tensor, suspicion: Tensor) -> Prediction:
        """Predict from the latents of a program and of an input after it.

        Args:
            z_code, z_input: (B, D).
            suspicion: (B,) of the program.
        """
        z_pred = self.predict(z_code, z_input)
        logit = self.p_pass(torch.cat([z_pred, z_code, z_input], dim=1)).squeeze(1)  # (B,)
        return Prediction(z_pred, logit - suspicion)

    @torch.no_grad()
    def target_latent(self, outputs: Packed) -> Tensor:
        """Unit-length latents (N, D) of outputs by the target encoder."""
        return F.normalize(self.target(outputs).z, dim=1)

    @torch.no_grad()
    def reset_target(self) -> None:
        """Make the target encoder equal to the trunk, but for a pretrained body, which they share."""
        self.target.load_state_dict(self.encoder.state_dict())

    @torch.no_grad()
    def update_target(self, decay: float) -> None:
        """Move the target encoder towards the trunk: target ← decay·target + (1 - decay)·trunk."""
        step = get_ema_multi_avg_fn(decay)
        step(list(self.target.parameters()), list(self.encoder.parameters()), 0)

    def forward(
        self, input_ids: Tensor, token_type_ids: Tensor, attention_mask: Tensor | None = None
    ) -> CodeLeWMOutput:
        """Predict for sequences of a prompt (may be absent), a program and an input, padded on either side.

        Args:
            input_ids: (B, S).
            token_type_ids: (B, S) number in `SEGMENTS` of each token; `segments` makes all three.
            attention_mask: (B, S), 0 for padding; None: no padding.
        """
        is_token = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        rows = torch.arange(len(input_ids), device=input_ids.device)[:, None]
        first = rows * INPUT + rows  # three segments a row
        owners = torch.where(is_token.bool(), first + token_type_ids, NO_SEGMENT)
        none = torch.full_like(first, NO_ANCESTOR)
        of_row = [torch.cat(pair, dim=1) for pair in ((none, none), (first, none), (first + 1, first))]  # each (B, 2)
        positions = (is_token.cumsum(dim=1) - 1).clamp(min=0) * is_token
        packed = Packed(
            input_ids, positions, token_type_ids * is_token, owners, torch.stack(of_row, dim=1).flatten(0, 1)
        )
        encoded, step = self.encoder(packed), INPUT + 1  # of 3B segments
        prediction = self.transition(encoded.z[CODE::step], encoded.z[INPUT::step], encoded.suspicion[CODE::step])
        return CodeLeWMOutput(logits=prediction.logit, z_pred=prediction.z_pred)

    def segments(self, tokenizer: Any, records: Sequence[Mapping[str, str]]) -> dict[str, Tensor]:
        """Arguments of `forward` for records of `prompt`, `code` and `input` as text, cut and padded as in training.

        Args:
            tokenizer: the folder's own, of `AutoTokenizer`.
            records: a missing `input` is the empty action.
        """
        longest = self.config.max_segment_tokens or {}
        rows = list[tuple[list[int], list[int]]]()
        for record in records:
            texts = {"prompt": "", "input": EMPTY_ACTION, **record}
            tokens, kinds = list[int](), list[int]()
            for kind, name in enumerate(SEGMENTS[: INPUT + 1]):
                ids = tokenizer(texts[name], add_special_tokens=False)["input_ids"] or [tokenizer.unk_token_id]
                ids = ids[: longest.get(name)]
                tokens, kinds = tokens + ids, kinds + [kind] * len(ids)
            rows.append((tokens, kinds))
        size = max(len(tokens) for tokens, _ in rows)
        padded = {name: torch.zeros(len(rows), size, dtype=torch.long)
                  for name in ("input_ids", "token_type_ids", "attention_mask")}  # fmt: skip
        for number, (tokens, kinds) in enumerate(rows):
            for name, values in zip(padded, (tokens, kinds, [1] * len(tokens)), strict=True):
                padded[name][number, : len(values)] = torch.tensor(values)
        return padded


CodeLeWMConfig.register_for_auto_class()
CodeLeWMModel.register_for_auto_class("AutoModel")
