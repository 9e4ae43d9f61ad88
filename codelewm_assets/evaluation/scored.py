"""A seed's held-out scores as reports read them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from pydantic import BaseModel

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.core.ids import OUTPUT_BENCHMARKS, AnyBenchmarkId, kind_and_partition
from codelewm_assets.core.records import PackRow
from codelewm_assets.core.tables import R, read_table
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.evaluation.critic_rows import CriticScores
from codelewm_assets.evaluation.evidence import UNSEEN_MODELS
from codelewm_assets.evaluation.rows import HeldoutRecord, LabelledRecord, ScoreRow
from codelewm_assets.evaluation.score_files import read_score_table, score_rows
from codelewm_assets.evaluation.score_table import ScoreTable
from codelewm_assets.evaluation.scorer_rows import ScorerScores, contamination_report, own_scores
from codelewm_assets.evaluation.transfer import (
    EquivalentPair,
    TwinScore,
    equivalent_pairs,
    transfer_report,
    with_pool_family,
)
from codelewm_assets.scorers.declared import Role
from codelewm_assets.scorers.named import NamedScore, StatedTraining
from codelewm_assets.store.store import Artifact, ArtifactStore

SCORE_ROWS = ("score_rows", "completion_scores")


class Scored:
    """A seed's held-out scores, read lazily.

    Attributes:
        artifact: `heldout_scores` of the seed.
        seed: the seed.
        drawn: keyword arguments of reports whose intervals are by resampling.
    """

    def __init__(self, artifact: Artifact, store: ArtifactStore, *, seed: int, resamples: int) -> None:
        self.artifact, self._store, self.seed = artifact, store, seed
        self.drawn: dict[str, Any] = {"seed": seed, "resamples": resamples}

    @cached_property
    def pack(self) -> Artifact:
        """The pack that was scored, whether or not it is still the latest."""
        return self._store.load("execution_pack", self.artifact.manifest.parent_artifacts["execution_pack"])

    @property
    def labels(self) -> dict[str, str]:
        """Benchmark id → its name in reports."""
        return dict(self.pack.manifest.metadata["benchmark_labels"])

    def pack_rows(self) -> dict[str, PackRow]:
        """Rows of the pack that was scored, by record id."""
        return {row.record_id: row for row in read_table(self.pack.path("pack.parquet"), PackRow)}

    @cached_property
    def scorers(self) -> list[str]:
        """Names of the scorers with rows of their own: the critic, then those that the profile names."""
        return ["critic", *(row.name for row in self.stated)]

    @cached_property
    def stated(self) -> list[StatedTraining]:
        """The scorers that the profile names."""
        return [StatedTraining.model_validate(row) for row in self.artifact.read_json("scorers.json")]

    def named(self, role: Role) -> list[str]:
        """Names of the profile's scorers of this role."""
        return [row.name for row in self.stated if row.role == role]

    def table(self, name: str, scorer: str = "codelewm", *, by_models: bool = False) -> ScoreTable:
        """Score rows of one scorer.

        Args:
            name: `score_rows` of pool members, or `completion_scores`.
            by_models: of programs that models wrote, in place of twins.
        """
        path, subject = (
            (f"{name}.jsonl", "p_pass") if scorer == "codelewm" else (f"scorers/{scorer}/{name}.jsonl", scorer)
        )
        return read_score_table(self.artifact.path(path), subject=subject, by_models=by_models)

    def of_model_programs(self, name: str) -> Iterator[tuple[str, str, ScoreTable]]:
        """(prefix of the report's file, score, rows) of each scorer on programs that models wrote, where there are any.

        A scorer that was trained on no benchmark has seen no model's programs for its problems either.
        """
        stored = {file.path for file in self.artifact.manifest.files}
        unseen = {row.name for row in self.stated if row.none_of_the_benchmarks is not None}
        for scorer in ("codelewm", *self.scorers):
            rows = self.table(name, scorer, by_models=True)
            if len(rows):
                subject = "p_pass" if scorer == "codelewm" else scorer
                yield f"scorers/{scorer}/model_", subject, rows
                if scorer in unseen:
                    yield f"scorers/{scorer}/{UNSEEN_MODELS}", subject, rows
        if f"scorers/critic/{UNSEEN_MODELS}{name}.jsonl" in stored:
            yield (
                f"scorers/critic/{UNSEEN_MODELS}",
                "critic",
                self.table(f"{UNSEEN_MODELS}{name}", "critic", by_models=True),
            )

    def contamination_reports(self, splits: Sequence[ProblemSplit]) -> dict[str, BaseModel]:
        """File → what is stated of the training of each scorer of the profile, against the problems that it was judged on."""
        cluster = {split.problem_id: split.cluster for split in splits}
        pairs = self._pairs_by_scorer(splits)
        return {
            f"scorers/{row.name}/contamination_report": contamination_report(
                row,
                chain(
                    (r.problem_id for name in SCORE_ROWS for r in self._score_rows(name, row.name)),
                    (pair.problem_id for pair in pairs[row.name]),
                ),
                cluster,
                seed=self.seed,
            )
            for row in self.stated
        }

    def _score_rows(self, name: str, scorer: str) -> Iterable[ScoreRow]:
        return score_rows(self.artifact.path(f"scorers/{scorer}/{name}.jsonl"), subject=scorer)

    def _pairs_by_scorer(self, splits: Iterable[ProblemSplit]) -> dict[str, list[EquivalentPair]]:
        """Of each scorer of the profile, the pairs that both pass in the folds that it is judged on."""
        fold = {split.problem_id: split.fold for split in splits}
        return {row.name: [p for p in self._pairs if fold.get(p.problem_id) in row.folds] for row in self.stated}

    @cached_property
    def _pairs(self) -> list[EquivalentPair]:
        return equivalent_pairs(read_table(self.pack.path("pack.parquet"), PackRow))

    def transfer_reports(self, splits: Sequence[ProblemSplit]) -> dict[str, BaseModel]:
        """File → transfer of a scorer to operators that it never saw, and its order where an edit changed nothing.

        Of the scorers that the profile names, one that is stated to have seen no generated bug never saw any operator. They are
        asked about every pair of the folds that they are judged on, CodeLeWM and the critic about those that they scored.
        """
        critic = CriticScores.read(self._parent(f"critic[{self.seed}]"))
        controls = read_table(self._parent("control_scores").path("controls.parquet"), ControlRow)
        named = read_table(self._parent("scorer_scores").path("scores.parquet"), NamedScore)
        rows: dict[str, Iterable[ScoreRow]] = {"critic": critic.unseen_rows(controls)} | {
            row.name: with_pool_family(
                own for own in self._score_rows("score_rows", row.name) if own.completion_kind != "model"
            )
            for row in self.stated
            if row.no_generated_bugs is not None
        }
        twins = {row.completion_id: row.p_pass for row in self._table("twins", TwinScore)}
        scores = {"codelewm": ScorerScores("p_pass", twins), "critic": critic.scorer} | {
            row.name: ScorerScores(row.name, own_scores(row, named, self.seed), row.folds) for row in self.stated
        }
        pairs = {name: [p for p in self._pairs if p.unedited in scores[name].scores] for name in ("codelewm", "critic")}
        pairs |= self._pairs_by_scorer(splits)
        return {
            f"scorers/{name}/transfer_report": transfer_report(
                rows.get(name, ()), pairs[name], own.scores, subject=own.name, **self.drawn
            )
            for name, own in scores.items()
        }

    def _parent(self, name: str) -> Artifact:
        kind, partition = kind_and_partition(name)
        return self._store.load(kind, self.artifact.manifest.parent_artifacts[name], partition=partition)

    def records_and_latents(self) -> tuple[Sequence[HeldoutRecord], Any]:
        """Held-out records, and their latent arrays by name."""
        return self._table("records", HeldoutRecord), self._arrays("latents")

    @cached_property
    def output_benchmarks(self) -> list[AnyBenchmarkId]:
        """Benchmarks that ask for outputs, of which records were scored."""
        stored = {file.path for file in self.artifact.manifest.files}
        return [name for name in OUTPUT_BENCHMARKS if f"outputs/{name}/records.parquet" in stored]

    def output_records(self, benchmark: AnyBenchmarkId) -> tuple[Sequence[HeldoutRecord], Any]:
        """Held-out records of a benchmark that asks for outputs, and their latent arrays by name."""
        folder = f"outputs/{benchmark}"
        return self._table(f"{folder}/records", HeldoutRecord), self._arrays(f"{folder}/latents")

    def published_records(
        self, benchmark: AnyBenchmarkId, rows: Mapping[str, PackRow]
    ) -> tuple[Sequence[HeldoutRecord], Any]:
        """Those of `output_records` whose input is the published one, the first of its problem. Args: rows: by record id."""
        records, latents = self.output_records(benchmark)
        places = [i for i, record in enumerate(records) if rows[record.record_id].input_id == "i0"]
        return [records[i] for i in places], {name: values[places] for name, values in latents.items()}

    def probe_fit(self) -> tuple[Sequence[LabelledRecord], Any]:
        """Records of the train part that probes are fitted on, and their latent arrays by name."""
        return self._table("probe_fit", LabelledRecord), self._arrays("probe_fit_latents")

    def _table(self, name: str, model: type[R]) -> Sequence[R]:
        return read_table(self.artifact.path(f"{name}.parquet"), model)

    def _arrays(self, name: str) -> Any:
        from safetensors.numpy import load_file

        return load_file(self.artifact.path(f"{name}.safetensors"))
