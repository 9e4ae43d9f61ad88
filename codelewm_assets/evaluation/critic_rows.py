"""Scores of the critic's artifact of one seed, and its transfer to operators that it was not trained on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.core.tables import read_table
from codelewm_assets.evaluation.reports import TransferReport
from codelewm_assets.evaluation.score_rows import score_row
from codelewm_assets.evaluation.scorer_rows import ScorerScores
from codelewm_assets.evaluation.transfer import transfer_report
from codelewm_assets.scorers.fitting import CriticScore, EquivalentScores, FamilyCriticScore
from codelewm_assets.store.store import Artifact


@dataclass(frozen=True, slots=True)
class CriticScores:
    """The scores of one seed's `critic`.

    Attributes:
        scorer: score of each completion by the critic that never saw its problem.
        unseen: completion id → score by the critic that never saw its operator family either, and that family.
        unseen_models: score of each program that models wrote by the critic without its model.
        pairs: scores of twins that both pass.
    """

    scorer: ScorerScores
    unseen: Mapping[str, FamilyCriticScore]
    unseen_models: ScorerScores
    pairs: tuple[EquivalentScores, ...]

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
            tuple(read_table(critic.path("equivalent.parquet"), EquivalentScores)),
        )

    def transfer(self, controls: Iterable[ControlRow], *, seed: int, resamples: int) -> TransferReport:
        """Transfer of the critic to operators that it was not trained on, and its order where an edit changed nothing."""
        unseen = (
            score_row(
                row, {"critic": self.unseen[row.completion_id].critic}, model_fold=row.fold, subject="critic"
            ).model_copy(update={"operator_family": self.unseen[row.completion_id].family})
            for row in controls
            if row.pool_id is not None and row.completion_id in self.unseen
        )
        return transfer_report(unseen, self.pairs, subject="critic", seed=seed, resamples=resamples)
