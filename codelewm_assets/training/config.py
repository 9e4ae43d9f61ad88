"""Sizes and rates of the transition model. Imports no torch: the profile is validated without it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codelewm_assets.core.ids import FOLDS


class TrainingConfig(BaseModel):
    """One model's configuration; lengths are in tokens, sizes in dimensions.

    The weights of the loss's terms are those of the published v0.9 run (its configuration
    `codelewm_execution_v0_9_short_a10g.yaml`).

    Raises: pydantic.ValidationError: unknown key, value out of range, or `hidden` not a multiple of `heads`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    vocab_size: int = Field(default=2048, ge=300, le=65_536)
    code_length: int = Field(default=160, ge=8)
    input_length: int = Field(default=32, ge=4)
    output_length: int = Field(default=24, ge=4)
    prompt_length: int = Field(default=96, ge=4)
    hidden: int = Field(default=96, ge=8)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    feedforward: int = Field(default=256, ge=8)
    latent: int = Field(default=96, ge=4)
    predictor_hidden: int = Field(default=192, ge=4)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    row_tokens: int = Field(default=256, ge=8)  # of a packed row; no length may be longer
    output_values: int = Field(
        default=256, ge=1
    )  # most frequent outputs of the train part that have a class of their own
    steps: int = Field(default=200, ge=1)
    completions_per_batch: int = Field(default=24, ge=2)
    inputs_per_completion: int = Field(default=3, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    warmup_steps: int = Field(default=20, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    ema_decay: float = Field(default=0.99, gt=0, lt=1)
    beta2: float = Field(default=0.95, gt=0, lt=1)  # of AdamW, as published; beta1 is 0.9
    prediction_weight: float = Field(default=1.0, ge=0)  # a weight of 0 switches its term off
    sigreg_weight: float = Field(default=0.09, ge=0)
    action_swap_weight: float = Field(default=0.1, ge=0)
    inverse_action_weight: float = Field(default=0.05, ge=0)
    retrieval_weight: float = Field(default=0.05, ge=0)
    p_pass_weight: float = Field(default=0.5, ge=0)
    output_value_weight: float = Field(default=0.2, ge=0)
    temperature: float = Field(default=0.1, gt=0)
    swap_margin: float = Field(default=0.2, ge=0, le=2)  # of cosines
    sigreg_directions: int = Field(default=64, ge=1)
    log_every: int = Field(default=25, ge=1)  # steps between two events, and two looks at whether the loss is finite
    checkpoint_every: int = Field(default=100, ge=1)  # steps between two states that training can go on from
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    folds: tuple[int, ...] = (0,)
    threads: int = Field(default=2, ge=1)  # of each process
    processes: int = Field(default=1, ge=1, le=64)  # each trains on batches of its own; gradients are averaged
    device: Literal["cpu", "cuda"] = "cpu"
    wall_limit_s: int = Field(default=1800, ge=10)

    @model_validator(mode="after")
    def _consistent(self) -> "TrainingConfig":
        if self.hidden % self.heads:
            raise ValueError(f"hidden {self.hidden} is no multiple of heads {self.heads}")
        if (self.hidden // self.heads) % 2:
            raise ValueError(f"hidden {self.hidden} over heads {self.heads} is odd; rotary positions want pairs")
        longest = max(self.lengths.values())
        if longest > self.row_tokens:
            raise ValueError(f"row_tokens {self.row_tokens} is less than the longest length, {longest}")
        if not self.folds or len(set(self.folds)) != len(self.folds) or not set(self.folds) <= set(FOLDS):
            raise ValueError(f"folds {self.folds}: wanted some of {FOLDS}, each once")
        return self

    @property
    def has_every_term(self) -> bool:
        """Whether no term of the loss is switched off."""
        return all(getattr(self, name) > 0 for name in type(self).model_fields if name.endswith("_weight"))

    @property
    def lengths(self) -> dict[str, int]:
        """Most tokens of each field."""
        return {
            "code": self.code_length,
            "input": self.input_length,
            "output": self.output_length,
            "prompt": self.prompt_length,
        }
