"""Scores of the scorers that a profile names, for programs of a build. Loads a model only when one is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

from codelewm_assets.core.digests import sha256_file, sha256_text
from codelewm_assets.core.errors import ScorerError
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.records import Record
from codelewm_assets.scorers.declared import ClassifierScorer, ExternalScorer, LikelihoodScorer, ScorerSettings
from codelewm_assets.scorers.external import read_external, scores_of_seed


class NamedScore(Record):
    """The score of one completion by a scorer of the profile, higher = more likely to pass."""

    scorer: str  # its name in the profile
    completion_id: str  # the program
    seed: int | None  # None: the same for every seed
    score: float  # finite; on the scorer's own scale


class StatedTraining(Record):
    """Identity of a scorer of the profile and the statement of its training; a row of `scorers.json`."""

    name: str  # in the profile and in score rows
    kind: str  # lm_likelihood, classifier or external
    role: str  # candidate or control
    reads: str  # what it reads
    folds: tuple[int, ...]  # whose problems it is judged on
    none_of_the_benchmarks: str | None  # the reason why it cannot have been trained on them
    problems: tuple[str, ...] | None  # that it was trained on; None, with no reason either: not stated
    no_generated_bugs: str | None = None  # the reason why it was trained on no operator's bugs; None: not stated
    source: dict[str, str]  # what the scores were computed from


@dataclass(frozen=True, slots=True)
class ScoredProgram:
    """A program and the prompt of its problem."""

    completion_id: str
    prompt: str
    code: str


def stated_training(name: str, settings: ScorerSettings) -> StatedTraining:
    """The declaration, with the digest of what the scores are computed from.

    Raises: ScorerError: a file that it names cannot be read. TrainingError: its model is not there.
    """
    stated = settings.trained_on
    names_problems = stated is not None and stated.none_of_the_benchmarks is None
    return StatedTraining(
        name=name,
        kind=settings.kind,
        role=settings.role,
        reads=settings.reads,
        folds=settings.folds,
        none_of_the_benchmarks=stated.none_of_the_benchmarks if stated else None,
        problems=tuple(sorted(stated.problem_ids())) if stated and names_problems else None,
        no_generated_bugs=settings.no_generated_bugs,
        source=_source(settings),
    )


def named_scores(name: str, settings: ScorerSettings, programs: Sequence[ScoredProgram]) -> list[NamedScore]:
    """Scores of the programs in their order, by seed where a file gives some; those without a score are absent.

    Raises: ScorerError, TrainingError: no score can be computed; the message says why.
    """
    match settings:
        case LikelihoodScorer() | ClassifierScorer():
            values = text_scores(settings, [(program.prompt, program.code) for program in programs])
            by_seed: Mapping[int | None, Mapping[str, float | None]] = {
                None: {program.completion_id: value for program, value in zip(programs, values, strict=True)}
            }
        case ExternalScorer():
            scores = read_external(Path(settings.file))
            digests = {program.completion_id: sha256_text(program.code) for program in programs}
            seeds = SEEDS if any(seed is not None for _, seed in scores) else (None,)
            by_seed = {
                seed: dict(scores_of_seed(scores, digests, seed=seed, file=Path(settings.file).name)) for seed in seeds
            }
        case _:
            assert_never(settings)
    return [
        NamedScore(scorer=name, completion_id=program.completion_id, seed=seed, score=value)
        for seed, values_of in by_seed.items()
        for program in programs
        if (value := values_of.get(program.completion_id)) is not None
    ]


def text_scores(settings: LikelihoodScorer | ClassifierScorer, texts: Sequence[tuple[str, str]]) -> list[float | None]:
    """The score of each (prompt, program); equal ones are computed once. Raises: as `named_scores`."""
    from codelewm_assets.scorers import published_models

    distinct = list(dict.fromkeys(texts))
    compute: Any = (
        published_models.likelihoods if isinstance(settings, LikelihoodScorer) else published_models.label_probabilities
    )
    known: dict[tuple[str, str], float | None] = dict(zip(distinct, compute(settings, distinct), strict=True))
    return [known[text] for text in texts]


def _source(settings: ScorerSettings) -> dict[str, str]:
    """Determinants of the scores besides the programs, for the cache key and the artifact."""
    if isinstance(settings, ExternalScorer):
        try:
            return {"file": Path(settings.file).name, "sha256": sha256_file(Path(settings.file))}
        except OSError as error:
            raise ScorerError(
                f"{settings.file} cannot be read ({error}). Name a file of scores in JSON lines or Parquet."
            ) from error
    from codelewm_assets.training.pretrained import identity

    own = settings.model_dump(mode="json", include={"label", "max_tokens"})
    return {key: str(value) for key, value in own.items()} | identity(settings)
