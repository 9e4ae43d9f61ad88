"""Settings of training, and of a job of Hugging Face Jobs. No heavy imports, since profiles are validated by them."""

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from codelewm_assets.core.ids import FOLDS

CODE_VERSION = "4"
"""Incremented by hand when the same inputs give other weights. A state of another version is not resumed."""
PACKAGE = "package:"  # begins a source that is an installed package


class ModelSource(BaseModel):
    """Source of a published model and its tokenizer.

    Raises: pydantic.ValidationError: a Hub name without a full commit hash.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str  # a folder, package:NAME for the folder of an installed package, or namespace/name on the Hub
    revision: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")  # of a Hub name
    gguf_file: str | None = None  # in that folder or repository

    @property
    def is_on_hub(self) -> bool:
        """True for a name on the Hub."""
        return re.fullmatch(r"[\w-]+/[\w.-]+", self.source) is not None and not Path(self.source).exists()

    @model_validator(mode="after")
    def _pinned(self) -> "ModelSource":
        if self.is_on_hub and self.revision is None:
            raise ValueError(
                f"{self.source} is no folder here, and on the Hub it can change; expected a revision of 40 hex digits"
            )
        return self


class PretrainedEncoder(ModelSource):
    """A pretrained model that takes the place of the encoder's layers, and its tokenizer."""

    is_causal: bool = True  # False for an encoder of the BERT kind
    is_frozen: bool = True  # features; False: fine-tuned
    learning_rate: float = Field(default=2e-5, gt=0)  # of its own weights, with the schedule of the others
    may_have_seen_benchmarks: Literal["true", "false", "unknown"] = "unknown"  # in its pretraining


class TrainingConfig(BaseModel):
    """One model's configuration; lengths are in tokens, sizes in dimensions.

    The weights of the loss's terms are those of the published v0.9 run (its configuration
    `codelewm_execution_v0_9_short_a10g.yaml`).

    Raises: pydantic.ValidationError: unknown key, value out of range, or `hidden` not a multiple of `heads`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    vocab_size: int = Field(default=2048, ge=300, le=65_536)  # of each fold's tokenizer
    code_length: int = Field(default=160, ge=8)  # tokens; a longer text is cut
    input_length: int = Field(default=32, ge=4)  # tokens, as above
    output_length: int = Field(default=24, ge=4)  # tokens, as above
    prompt_length: int = Field(default=256, ge=4)  # tokens, as above
    encoder: Literal["scratch", "pretrained"] = "scratch"  # layers of its own, or a published model
    pretrained: PretrainedEncoder | None = None  # hidden, layers, heads, feedforward and vocab_size are then its own
    hidden: int = Field(default=96, ge=8)  # width of the encoder
    layers: int = Field(default=2, ge=1)  # of the encoder
    heads: int = Field(default=4, ge=1)  # of attention, which share hidden out
    feedforward: int = Field(default=256, ge=8)  # inner width of an encoder's layer
    ngram_size: int = Field(default=16_384, ge=16)  # rows of the table of hashed 2- and 3-grams of tokens
    latent: int = Field(default=96, ge=4)  # dimensions of a latent
    predictor_hidden: int = Field(default=192, ge=4)  # inner width of predictor and heads
    dropout: float = Field(default=0.1, ge=0, lt=1)  # in the encoder and before p_pass
    row_tokens: int = Field(default=1024, ge=8)  # most of a packed row: a prompt with some of its programs and inputs
    output_values: int = Field(
        default=256, ge=1
    )  # most frequent outputs of the train part that have a class of their own
    steps: int = Field(default=200, ge=1)  # of the optimizer, for each fold, on its train part
    variant_steps: int = Field(default=0, ge=0)  # before them, on library variants
    completions_per_batch: int = Field(default=24, ge=2)  # half of them passing
    completions_per_problem: int = Field(default=8, ge=2)  # most of one problem in a batch
    inputs_per_completion: int = Field(default=2, ge=1)  # most records of one completion in a batch
    action_dropout: float = Field(default=0.15, ge=0, lt=1)  # part of a batch's records that see the empty action
    learning_rate: float = Field(default=1e-3, gt=0)  # the highest; half a cosine takes it down to a tenth
    warmup_steps: int = Field(default=20, ge=0)  # in which it rises
    weight_decay: float = Field(default=0.01, ge=0)  # of matrices; vectors have none
    clip_norm: float = Field(default=1.0, gt=0)  # most that the norm of the gradients may be
    ema_decay: float = Field(default=0.99, gt=0, lt=1)  # part of the target encoder that stays at each step
    beta2: float = Field(default=0.95, gt=0, lt=1)  # of AdamW, as published; beta1 is 0.9
    locate_weight: float = Field(default=1.0, ge=0)  # the tokens in which a failing program differs from its twin
    prediction_weight: float = Field(default=1.0, ge=0)  # predicted and target latent are near; 0 switches a term off
    sigreg_weight: float = Field(default=0.09, ge=0)  # latents spread like a normal distribution
    action_swap_weight: float = Field(default=0.1, ge=0)  # nearer to the output than on another input
    inverse_action_weight: float = Field(default=0.05, ge=0)  # code and output tell the input
    retrieval_weight: float = Field(default=0.05, ge=0)  # the prediction finds its output in the batch
    p_pass_weight: float = Field(default=1.0, ge=0)  # the record's run passes
    rank_weight: float = Field(default=1.0, ge=0)  # passing completions of a problem above its failing ones
    output_value_weight: float = Field(default=0.2, ge=0)  # which of the most frequent outputs it is
    temperature: float = Field(default=0.1, gt=0)  # of retrieval
    swap_margin: float = Field(default=0.2, ge=0, le=2)  # of cosines
    sigreg_directions: int = Field(default=64, ge=1)  # drawn anew at each step
    log_every: int = Field(default=25, ge=1)  # steps between two validations, of which the best weights are kept
    validation_completions: int = Field(default=8, ge=2)  # most of a val problem, half of them passing
    checkpoint_every: int = Field(default=100, ge=1)  # steps between two states that training can go on from
    precision: Literal["float32", "bfloat16"] = "float32"  # of the matrix products; weights are float32
    compile: bool = False  # torch.compile, with flex attention on CUDA
    folds: tuple[int, ...] = (0,)  # trained and scored; a model for each
    threads: int = Field(default=2, ge=1)  # of each process
    processes: int = Field(default=1, ge=1, le=64)  # each trains on batches of its own; gradients are averaged
    device: Literal["cpu", "cuda"] = "cpu"  # training fails where it is missing
    wall_limit_s: int = Field(default=1800, ge=10)  # of all folds; over it training fails and keeps its states

    @model_validator(mode="after")
    def _consistent(self) -> "TrainingConfig":
        if self.hidden % self.heads:
            raise ValueError(f"hidden {self.hidden} is no multiple of heads {self.heads}")
        if (self.hidden // self.heads) % 2:
            raise ValueError(f"hidden {self.hidden} over heads {self.heads} is odd; rotary positions want pairs")
        if not self.folds or len(set(self.folds)) != len(self.folds) or not set(self.folds) <= set(FOLDS):
            raise ValueError(f"folds {self.folds}: expected some of {FOLDS}, each once")
        if (self.encoder == "pretrained") != (self.pretrained is not None):
            raise ValueError(f"encoder is {self.encoder}; expected pretrained with its settings, or scratch without")
        needed = self.prompt_length + self.code_length + self.input_length
        if self.row_tokens < max(needed, self.output_length):
            raise ValueError(f"row_tokens {self.row_tokens} is below prompt, code and input together, {needed}")
        return self

    @property
    def has_every_term(self) -> bool:
        """True if every term of the loss has a positive weight."""
        return all(getattr(self, name) > 0 for name in type(self).model_fields if name.endswith("_weight"))

    @property
    def encoder_may_have_seen_benchmarks(self) -> Literal["true", "false", "unknown"]:
        """`true`, `false` or `unknown`: the encoder's pretraining may hold the benchmarks; from scratch there is none."""
        return self.pretrained.may_have_seen_benchmarks if self.pretrained else "false"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that determine the weights: all but the time limit."""
        return self.model_dump(mode="json", exclude={"wall_limit_s"})

    @property
    def lengths(self) -> dict[str, int]:
        """Maximum number of tokens of each field."""
        return {
            "code": self.code_length,
            "input": self.input_length,
            "output": self.output_length,
            "prompt": self.prompt_length,
        }


class HfJobsSettings(BaseModel):
    """Repository, machine, image and cost limits of a job."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")  # namespace/name of a private dataset repository
    flavor: str = Field(pattern=r"^[a-z0-9-]+$")  # the service's name of a machine, as a10g-small
    image: str  # with codelewm_assets installed, pinned by digest
    timeout_s: int = Field(ge=1)  # from the start of the job, waiting for a machine included
    price_per_hour_usd: float = Field(gt=0)  # of the flavor, as the service lists it
    spend_cap_usd: float = Field(gt=0)  # a job that could cost more is not started
    poll_s: float = Field(default=10.0, gt=0, le=300)  # between two looks; also the first pause after a failure
    attempts: int = Field(default=1, ge=1, le=5)  # how often the service may start the job

    @field_validator("image")
    @classmethod
    def _pinned(cls, value: str) -> str:
        name, separator, digest = value.partition("@sha256:")
        if not (name and separator and len(digest) == 64 and set(digest) <= set("0123456789abcdef")):
            raise ValueError(
                f"image {value!r} can change under its name; expected name@sha256:<64 hex digits>. Ask the registry for the "
                "digest of the tag and write it here"
            )
        return value

    @property
    def max_usd(self) -> float:
        """Maximum cost of a job in dollars: every attempt at its full time."""
        return self.attempts * self.timeout_s / 3600 * self.price_per_hour_usd

    @model_validator(mode="after")
    def _within_the_cap(self) -> "HfJobsSettings":
        if self.max_usd > self.spend_cap_usd:
            raise ValueError(
                f"a job could cost {self.max_usd:.2f} USD ({self.attempts} × {self.timeout_s} s at "
                f"{self.price_per_hour_usd:.2f} USD an hour), spend_cap_usd is {self.spend_cap_usd:.2f}; shorten timeout_s, "
                "take a cheaper flavor, or raise the cap"
            )
        return self


class CommandSettings(BaseModel):
    """A training command; `{seed}`, `{output}` and `{spec}` in its words are replaced."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    argv: tuple[str, ...] = Field(min_length=1)  # the program and its arguments; one of them has {seed} or {spec}

    @field_validator("argv")
    @classmethod
    def _has_the_seed(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not any("{seed}" in word or "{spec}" in word for word in value):
            raise ValueError(
                "no word has {seed} or {spec}, so both seeds would train the same model; expected e.g. --seed {seed}"
            )
        return value

    def argv_of(self, *, seed: int, output: str, spec: str) -> list[str]:
        """The words for one run.

        Args:
            output: folder that the command writes the checkpoint into.
            spec: path of the worker's JSON spec: store, digests, configuration.
        """
        values = {"{seed}": str(seed), "{output}": output, "{spec}": spec}
        words = []
        for word in self.argv:
            for name, value in values.items():
                word = word.replace(name, value)
            words.append(word)
        return words
