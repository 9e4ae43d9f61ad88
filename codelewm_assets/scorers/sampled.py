"""Declarations of models whose samples are judged: where a model is loaded from, and how it is sampled. No heavy imports."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from codelewm_assets.core.ids import BENCHMARKS, BenchmarkId, benchmark_of
from codelewm_assets.training.config import ModelSource


class SampledModel(ModelSource):
    """A causal language model of `transformers`, and how programs are drawn from it.

    Raises: pydantic.ValidationError: several samples at temperature 0, which would all be the same; a benchmark twice, whose
        problems would be asked twice; a revision of what is not on the Hub, which would not be read.
    """

    model: str = Field(pattern=r"^[\w.+-]{1,80}$")  # its name in ids and rates
    benchmarks: tuple[BenchmarkId, ...] = Field(default=tuple(BENCHMARKS), min_length=1)  # whose problems are asked
    problems: int | None = Field(default=None, ge=1)  # of each benchmark, the first; all by default
    prompt_form: Literal["continuation", "answer"] = "continuation"  # it goes on after the prompt, or answers in a chat
    samples: int = Field(default=1, ge=1, le=1000)  # of each problem
    temperature: float = Field(default=0.0, ge=0, le=10)  # 0: the most likely token each time
    top_p: float = Field(default=1.0, gt=0, le=1)  # draw among the likeliest tokens that together have this probability
    max_new_tokens: int = Field(default=512, ge=1, le=32_768)  # of a sample
    seed: int = Field(default=0, ge=0)  # of the draws, with the problem's id
    device: Literal["cpu", "cuda"] = "cpu"  # that the model runs on

    @property
    def source_name(self) -> str:
        """Name of the source that its samples are."""
        return f"sampled-{self.model}"

    @field_validator("benchmarks", mode="before")
    @classmethod
    def _any_spelling(cls, names: object) -> object:
        if not isinstance(names, list | tuple):
            return names
        return tuple(benchmark_of(name) if isinstance(name, str) else name for name in names)

    @model_validator(mode="after")
    def _samples_differ(self) -> "SampledModel":
        if self.temperature == 0 and self.samples > 1:
            raise ValueError(f"{self.samples} samples at temperature 0 are the same; expected a temperature above 0")
        return self

    @model_validator(mode="after")
    def _every_setting_counts(self) -> "SampledModel":
        if len(set(self.benchmarks)) < len(self.benchmarks):
            raise ValueError(f"benchmarks {list(self.benchmarks)}; expected each once")
        if self.revision is not None and not self.is_on_hub:
            raise ValueError(f"{self.source} is not on the Hub and has no revision; expected none")
        return self
