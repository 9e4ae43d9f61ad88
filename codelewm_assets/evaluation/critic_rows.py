"""Score rows of the critic, whose five folds score every problem of its benchmarks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.core.tables import read_table
from codelewm_assets.evaluation.reports import ScoreRow, TransferReport
from codelewm_assets.evaluation.score_rows import score_row
from codelewm_assets.evaluation.transfer import EquivalentPair, transfer_report
from codelewm_assets.scorers.fitting import CriticScore, EquivalentScores, FamilyCriticScore
from codelewm_assets.store.store import Artifact


@dataclass(frozen=True, slots=True)
class CriticScores:
    """The scores of one seed's `critic`.

    Attributes:
        scores: completion id → score by the critic that never saw its problem.
        unseen: completion id → score by the critic that never saw its operator family either, and that family.
        unseen_models: completion id → score by the critic that never saw its model either, of programs that models wrote.
        pairs: scores of twins that both pass.
    """

    scores: Mapping[str, float]
    unseen: Mapping[str, FamilyCriticScore]
    unseen_models: Mapping[str, float]
    pairs: tuple[EquivalentPair, ...]

    @classmethod
    def read(cls, critic: Artifact) -> "CriticScores":
        """From the artifact."""

        def scores(name: str) -> dict[str, float]:
            return {row.completion_id: row.critic for row in read_table(critic.path(name), CriticScore)}

        return cls(
            scores("scores.parquet"),
            {row.completion_id: row for row in read_table(critic.path("unseen.parquet"), FamilyCriticScore)},
            scores("unseen_models.parquet"),
            tuple(
                EquivalentPair(row.problem_id, row.unedited, row.edited)
                for row in read_table(critic.path("equivalent.parquet"), EquivalentScores)
            ),
        )

    def rows(self, controls: Iterable[ControlRow]) -> dict[str, list[ScoreRow]]:
        """File of `heldout_scores` → its rows, with the critic's score and every control's; files without rows are absent."""
        files: dict[str, list[ScoreRow]] = defaultdict(list)
        for row in controls:
            name = "completion_scores.jsonl" if row.pool_id is None else "score_rows.jsonl"
            for folder, scores in (("", self.scores), ("unseen_models/", self.unseen_models)):
                if row.completion_id in scores:
                    own = {"critic": scores[row.completion_id]}
                    files[f"scorers/critic/{folder}{name}"].append(
                        score_row(row, own, model_fold=row.fold, subject="critic")
                    )
        return files

    def beside(self, row: ScoreRow) -> ScoreRow:
        """The row of another scorer with the critic's score, if there is one."""
        score = self.scores.get(row.completion_id)
        return row if score is None else row.model_copy(update={"scores": {**row.scores, "critic": score}})

    def transfer(self, controls: Iterable[ControlRow], *, seed: int, resamples: int) -> TransferReport:
        """What the critic reaches beyond the operators that it was trained on, and where an edit changed nothing."""
        unseen = (
            score_row(
                row, {"critic": self.unseen[row.completion_id].critic}, model_fold=row.fold, subject="critic"
            ).model_copy(update={"operator_family": self.unseen[row.completion_id].family})
            for row in controls
            if row.pool_id is not None and row.completion_id in self.unseen
        )
        return transfer_report(unseen, self.pairs, subject="critic", seed=seed, resamples=resamples)
