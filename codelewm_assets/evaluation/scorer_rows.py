"""Score rows of scorers that have one score a completion: the critic, and those that a profile names."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.core.ids import FOLDS, published_id
from codelewm_assets.evaluation.platt import PlattScaling, fit_platt, logit_of
from codelewm_assets.evaluation.reports import ContaminationReport, Statement
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.evaluation.score_rows import score_row
from codelewm_assets.scorers.named import NamedScore, StatedTraining

Rows = tuple[ScoreRow, ...]


@dataclass(frozen=True, slots=True)
class ScorerScores:
    """The scores of one scorer on one seed.

    Attributes:
        name: in score rows.
        scores: completion id → score.
        folds: whose problems it is judged on.
        scalings: of the folds, where the scores are probabilities by Platt scaling.
    """

    name: str
    scores: Mapping[str, float]
    folds: Collection[int] = FOLDS
    scalings: tuple[PlattScaling, ...] = field(default=())

    def rows(
        self, controls: Iterable[ControlRow], beside: Sequence["ScorerScores"] = (), *, needs_score: bool = False
    ) -> tuple[Rows, Rows]:
        """(one row per pool member, one per completion) with the score, every control's, and those of other scorers.

        Args:
            beside: other scorers whose scores the rows show.
            needs_score: leave out completions without a score; else their score is null, and counted where it is missing.
        """
        rows = [
            with_scores(
                score_row(row, {self.name: self.scores.get(row.completion_id)}, model_fold=row.fold, subject=self.name),
                beside,
            )
            for row in controls
            if row.fold in self.folds and (row.completion_id in self.scores or not needs_score)
        ]
        return tuple(row for row in rows if row.pool_id is not None), tuple(row for row in rows if row.pool_id is None)


def with_scores(row: ScoreRow, scorers: Iterable[ScorerScores]) -> ScoreRow:
    """The row of another scorer with the scores of these, where they have one."""
    beside = {s.name: s.scores[row.completion_id] for s in scorers if row.completion_id in s.scores}
    return row.model_copy(update={"scores": {**row.scores, **beside}}) if beside else row


def named_scorer(
    stated: StatedTraining, scores: Iterable[NamedScore], controls: Sequence[ControlRow], *, seed: int
) -> ScorerScores:
    """A scorer of the profile on one seed, its scores as probabilities of passing.

    Platt scaling as for every scorer: fold k's scores by slope and intercept that are fitted on completions of fold k + 1 of the
    same kind, programs that models wrote or twins. The slope is positive, so the order within a pool is the scorer's own. Where a
    fold's validation part has not both classes of a kind with scores, no score of that kind is scaled.

    Args:
        scores: of any scorers and seeds.
        controls: rows of `control_scores`, which have the labels.
    """
    own = own_scores(stated, scores, seed)
    values = np.array(list(own.values()), dtype=np.float64)
    is_probability = bool(len(values)) and values.min() >= 0 and values.max() <= 1
    logits = dict(zip(own, (logit_of(values) if is_probability else values).tolist(), strict=True))
    scaled, scalings = dict[str, float](), list[PlattScaling]()
    for by_models in (False, True):
        rows = [row for row in controls if row.completion_id in own and (row.completion_kind == "model") is by_models]
        fitted = [_scaling(rows, logits, fold, by_models=by_models) for fold in stated.folds]
        known = [scaling for scaling in fitted if scaling is not None]
        if len(known) < len(fitted):
            scaled |= {row.completion_id: own[row.completion_id] for row in rows}
            continue
        for scaling in known:
            names = list(dict.fromkeys(row.completion_id for row in rows if row.fold == scaling.fold))
            probabilities = scaling.probabilities(np.array([logits[name] for name in names], dtype=np.float64))
            scaled |= zip(names, probabilities.tolist(), strict=True)
        scalings += known
    return ScorerScores(stated.name, scaled, stated.folds, tuple(scalings))


def own_scores(stated: StatedTraining, scores: Iterable[NamedScore], seed: int) -> dict[str, float]:
    """Completion id → score of one scorer on one seed, on its own scale."""
    return {row.completion_id: row.score for row in scores if row.scorer == stated.name and row.seed in (None, seed)}


def _scaling(
    rows: Sequence[ControlRow], logits: Mapping[str, float], fold: int, *, by_models: bool
) -> PlattScaling | None:
    """Of one fold's scores, fitted on the completions of the next; None if they have not both classes."""
    validation = [row for row in rows if row.pool_id is None and row.fold == (fold + 1) % len(FOLDS)]
    values = np.array([logits[row.completion_id] for row in validation], dtype=np.float64)
    labels = [row.passed for row in validation]
    if len(set(labels)) < 2:
        return None
    center, spread = float(values.mean()), float(values.std()) or 1.0
    fitted = fit_platt((values - center) / spread, labels, fold=fold, level="completion", by_models=by_models)
    slope = fitted.slope / spread
    return fitted.model_copy(update={"slope": slope, "intercept": fitted.intercept - slope * center})


def contamination_report(
    stated: StatedTraining, scored: Iterable[str], clusters: Mapping[str, int], *, seed: int
) -> ContaminationReport:
    """Report that sets the statement of a scorer's training against the problems that it was judged on.

    Args:
        scored: ids of the problems of its score rows.
        clusters: problem id → its cluster of near-duplicates; a problem in a cluster of a trained one counts as trained on.
    """
    problems = sorted(set(scored))
    trained = {published_id(name) or name for name in stated.problems or ()}
    near = {cluster for name, cluster in clusters.items() if (published_id(name) or name) in trained}
    seen = [name for name in problems if (published_id(name) or name) in trained or clusters.get(name) in near]
    is_read = all(published_id(name) is not None or name in clusters for name in trained)
    statement: Statement = "unknown"
    if stated.none_of_the_benchmarks is not None:
        statement = "none_of_the_benchmarks"
    elif stated.problems is not None and (is_read or seen):  # an id that is no problem's clears nothing
        statement = "problems"
    return ContaminationReport(
        seed=seed,
        scorer=stated.name,
        kind=stated.kind,
        role="candidate" if stated.role == "candidate" else "control",
        reads=stated.reads,
        statement=statement,
        reason=stated.none_of_the_benchmarks,
        declared_problem_count=len(trained),
        scored_problem_count=len(problems),
        scored_problems_trained_on=seen,
    )
