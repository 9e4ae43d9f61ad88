"""Scores of the critic's artifact of one seed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.core.tables import read_table
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.evaluation.score_rows import score_row
from codelewm_assets.evaluation.scorer_rows import ScorerScores
from codelewm_assets.scorers.fitting import CriticScore, FamilyCriticScore
from codelewm_assets.store.store import Artifact


@dataclass(frozen=True, slots=True)
class CriticScores:
    """The scores of one seed's `critic`.

    Attributes:
        scorer: score of each completion by the critic that never saw its problem.
        unseen: completion id → score by the critic that never saw its operator family either, and that family.
        unseen_models: score of each program that models wrote by the critic without its model.
    """

    scorer: ScorerScores
    unseen: Mapping[str, FamilyCriticScore]
    unseen_models: ScorerScores

    @classmethod
    def read(cls, critic: Artifact) -> "CriticScores":
        """From the artifact."""

        def scores(name: str) -> ScorerScores:
            rows = read_table(critic.path(name), CriticScore)
            return ScorerScores("critic", {row.completion_id: row.critic for row in rows})

        return cls(
            scores("scores.parquet"),
            {row.completion_id: row for row in read_table(critic.path("unseen.parquet"), FamilyCriticScore)},
            scores("unseen_models.parquet"),
        )

    def unseen_rows(self, controls: Iterable[ControlRow]) -> Iterator[ScoreRow]:
        """Pool members with the score of the critic that never saw their operator family, and that family."""
        for row in controls:
            known = self.unseen.get(row.completion_id)
            if row.pool_id is not None and known is not None:
                own = score_row(row, {"critic": known.critic}, model_fold=row.fold, subject="critic")
                yield own.model_copy(update={"operator_family": known.family})
