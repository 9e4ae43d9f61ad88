"""Rows of scores and of held-out records. Readers and gates import these; nothing here computes."""

import math
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from codelewm_assets.core.errors import OutputBenchmarkError
from codelewm_assets.core.ids import OUTPUT_BENCHMARKS, benchmark_by_prefix
from codelewm_assets.core.records import Record

MODEL_SCORES = ("p_pass", "p_pass_raw")
"""The model's own scores; every other score of a row is a control."""
CODELEWM_ROWS = "codelewm.eval.completion_score.v1"
"""Schema id of the score rows that CodeLeWM publishes; their model's score is `codelewm`."""


class ScoreRow(BaseModel):
    """One completion's scores, higher = more likely to pass. A score may be missing (None), p_pass included.

    Raises: pydantic.ValidationError: an unknown key, a value of another type, no `p_pass` (or no score of the `subject` that the
        validation context names), a finite `p_pass` outside [0, 1], or `split` train: training rows are not evidence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    completion_id: str
    problem_id: str
    benchmark_id: str
    split: str = "test"
    fold: int = Field(default=0, ge=0)
    passed: bool
    passed_share: float | None = Field(default=None, ge=0, le=1)  # of the inputs that it was called on
    scores: dict[str, float | None]
    pool_id: str | None = None
    completion_kind: str | None = None
    operator_family: str | None = None
    trained_on: bool | None = None  # the problem, or a near-duplicate of it, by the scorer that `score` asked
    schema_version: str | None = None  # these three stand in published v0.9 rows and are not read
    errors: dict[str, str] | None = None
    llm_order_rank: int | None = None
    inputs: list[dict[str, str | None]] | None = (
        None  # in rows that `label` writes: their outcomes give the share passed
    )
    llm: str | None = None  # this one and the two below stand in such rows and are not read
    outcome: str | None = None
    cpu_ms: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _names_its_benchmark(cls, row: Any) -> Any:
        """Published rows before v0.9 state no benchmark; the prefix of the problem id does."""
        if isinstance(row, dict) and row.get("schema_version") == CODELEWM_ROWS and "benchmark_id" not in row:
            benchmark = benchmark_by_prefix(row.get("problem_id"))
            return row if benchmark is None else row | {"benchmark_id": benchmark}
        return row

    @model_validator(mode="before")
    @classmethod
    def _failed_scores_are_missing(cls, row: Any) -> Any:
        """A score with an entry in `errors` failed: published rows write -1e12 in its place."""
        if isinstance(row, dict) and isinstance(row.get("errors"), dict) and isinstance(row.get("scores"), dict):
            errors = {name: error for name, error in row["errors"].items() if error is not None}  # Parquet writes nulls
            failed = dict.fromkeys(row["scores"].keys() & errors.keys())
            return row | {"errors": errors, "scores": row["scores"] | failed}
        return row

    @model_validator(mode="after")
    def _is_evidence(self, info: ValidationInfo) -> "ScoreRow":
        if self.benchmark_id in OUTPUT_BENCHMARKS:
            raise OutputBenchmarkError(self.benchmark_id)
        subject = (info.context or {}).get("subject", "p_pass")
        if subject not in self.scores:
            raise ValueError(f"scores has no {subject}; wanted the key, with null where there is none")
        for name in MODEL_SCORES:
            value = self.scores.get(name)
            if value is not None and not 0 <= value <= 1 and math.isfinite(value):
                raise ValueError(f"scores.{name} is {value!r}; wanted a probability in [0, 1]")
        if self.split == "train":
            raise ValueError("split is train; wanted rows that the model did not train on")
        return self

    @property
    def share(self) -> float:
        """Share of inputs passed; 1 or 0 by `passed` where the row has neither share nor inputs."""
        if self.passed_share is not None:
            return self.passed_share
        outcomes = [found.get("outcome") == "pass" for found in self.inputs or ()]
        return sum(outcomes) / len(outcomes) if outcomes else float(self.passed)

    def finite(self, name: str) -> float | None:
        """The score, or None when it is missing or not finite."""
        value = self.scores.get(name)
        return value if value is not None and math.isfinite(value) else None


class LabelledRecord(Record):
    """One pack row with the probe labels; `fold` is that of the model whose latents belong to it."""

    record_id: str
    problem_id: str
    fold: int
    passed: bool
    output_type: str
    output_magnitude_bucket: str
    output_length_bucket: str
    exception_class: str  # "none" where nothing was raised


class HeldoutRecord(LabelledRecord):
    """One held-out pack row; its latents have the same index in the latent arrays."""

    completion_id: str
    benchmark_id: str
    completion_passed: bool
    output: str
    execution_status: str
    p_pass: float
    p_pass_raw: float
    p_pass_no_action: float
    p_pass_shuffled_action: float
    input_prior: float | None = None  # probability of passing by the input alone
    energy: float
    energy_no_action: float
