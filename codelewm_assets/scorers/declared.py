"""Declarations of scorers in a profile: what computes the score, what it reads, and what it was trained on. No heavy imports.

A scorer that is named here is judged as those of the project are, by the same labels, folds, pools, controls and gates.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codelewm_assets.core.errors import ScorerError
from codelewm_assets.core.ids import FOLDS, published_id
from codelewm_assets.training.config import PACKAGE, ModelSource

Role = Literal["candidate", "control"]


class TrainedOn(BaseModel):
    """A statement of what a scorer was trained on, one of the three.

    Raises: pydantic.ValidationError: none of them, or two.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    none_of_the_benchmarks: str | None = Field(default=None, min_length=1)  # the reason why it cannot be
    problems: tuple[str, ...] | None = None  # their ids
    problems_file: str | None = None  # a text file, an id a line

    @model_validator(mode="after")
    def _is_one(self) -> "TrainedOn":
        stated = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(stated) != 1:
            raise ValueError(
                f"{' and '.join(stated) or 'nothing'} stated; expected one of {', '.join(type(self).model_fields)}"
            )
        return self

    def problem_ids(self) -> frozenset[str]:
        """Problems that it was trained on, by their ids as published; an id that is no benchmark problem's stays as it is.

        Raises: ScorerError: the file cannot be read, or names none.
        """
        return frozenset(published_id(name) or name for name in self._stated_ids())

    def _stated_ids(self) -> frozenset[str]:
        if self.problems_file is None:
            return frozenset(self.problems or ())
        try:
            lines = Path(self.problems_file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ScorerError(
                f"{self.problems_file} cannot be read ({error}). Name a text file with a problem id a line."
            ) from error
        ids = frozenset(line.strip() for line in lines if line.strip())
        if not ids:
            raise ScorerError(f"{self.problems_file} names no problem; expected a problem id a line.")
        return ids


class _Declared(BaseModel):
    """Fields of every declaration."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    role: Role  # candidate: claims are about it; control: what a candidate must beat
    reads: str = Field(min_length=1)  # what it reads, as in "the program and its prompt"
    trained_on: TrainedOn | None = None  # None: not stated, and contamination stays UNDECIDED
    no_generated_bugs: str | None = Field(default=None, min_length=1)  # the reason why it cannot have seen any
    folds: tuple[int, ...] = FOLDS  # whose problems it is judged on

    @model_validator(mode="after")
    def _folds_exist(self) -> "_Declared":
        if not self.folds or len(set(self.folds)) != len(self.folds) or not set(self.folds) <= set(FOLDS):
            raise ValueError(f"folds {list(self.folds)}: expected some of {list(FOLDS)}, each once")
        return self


class LikelihoodScorer(_Declared, ModelSource):
    """Mean log-probability a token of the program after its prompt, under a causal language model of `transformers`."""

    kind: Literal["lm_likelihood"]
    max_tokens: int = Field(default=1024, ge=16)  # of prompt and program; a longer prompt loses its beginning


class ClassifierScorer(_Declared, ModelSource):
    """Probability of a label under a sequence-classification model of `transformers` that reads prompt and program."""

    kind: Literal["classifier"]
    label: str  # as the model's configuration names it
    max_tokens: int = Field(default=512, ge=16)  # of prompt and program; a longer prompt is cut


class ExternalScorer(_Declared):
    """A file of scores by completion id or by the digest of the program."""

    kind: Literal["external"]
    file: str  # JSON lines, or Parquet by its suffix


def missing_paths(scorer: LikelihoodScorer | ClassifierScorer | ExternalScorer) -> list[str]:
    """Files, folders and packages that a declaration names and that are not there."""
    problems = scorer.trained_on.problems_file if scorer.trained_on else None
    named = [problems] if problems else []
    missing = [path for path in named if not Path(path).is_file()]
    if isinstance(scorer, ExternalScorer):
        return missing if Path(scorer.file).is_file() else [*missing, scorer.file]
    return missing if is_model_there(scorer) else [*missing, scorer.source]


def is_model_there(model: ModelSource) -> bool:
    """False if the folder or package that it names is not on this machine."""
    package = model.source.removeprefix(PACKAGE)
    if package != model.source:
        return "." not in package and find_spec(package) is not None  # of the top level, which is not imported
    return model.is_on_hub or Path(model.source).is_dir()


ScorerSettings = Annotated[LikelihoodScorer | ClassifierScorer | ExternalScorer, Field(discriminator="kind")]
