"""A seed's held-out scores as reports read them."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.core.ids import kind_and_partition
from codelewm_assets.core.records import PackRow
from codelewm_assets.core.tables import R, read_table
from codelewm_assets.evaluation.critic_rows import CriticScores
from codelewm_assets.evaluation.reports import HeldoutRecord, LabelledRecord, TransferReport
from codelewm_assets.evaluation.score_files import read_score_table
from codelewm_assets.evaluation.score_table import ScoreTable
from codelewm_assets.store.store import Artifact, ArtifactStore


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

    def table(self, name: str, scorer: str = "codelewm", *, by_models: bool = False, folder: str = "") -> ScoreTable:
        """Score rows of one scorer: `score_rows` of pool members, or `completion_scores`.

        Args:
            by_models: of programs that models wrote, in place of twins.
            folder: within the scorer's.
        """
        path, subject = (
            (f"{name}.jsonl", "p_pass") if scorer == "codelewm" else (f"scorers/{scorer}/{folder}{name}.jsonl", scorer)
        )
        return read_score_table(self.artifact.path(path), subject=subject, by_models=by_models)

    def of_model_programs(self, name: str) -> Iterator[tuple[str, str, ScoreTable]]:
        """(prefix of the report's file, score, rows) of each scorer on programs that models wrote, where there are any."""
        stored = {file.path for file in self.artifact.manifest.files}
        for scorer, subject in (("codelewm", "p_pass"), ("critic", "critic")):
            if len(rows := self.table(name, scorer, by_models=True)):
                yield f"scorers/{scorer}/model_", subject, rows
        if f"scorers/critic/unseen_models/{name}.jsonl" in stored:
            rows = self.table(name, "critic", by_models=True, folder="unseen_models/")
            yield "scorers/critic/unseen_model_", "critic", rows

    def critic_transfer(self) -> TransferReport:
        """What the critic of this seed reaches on operators that it never saw, and where an edit changed nothing."""
        critic = self._parent(f"critic[{self.seed}]")
        controls = read_table(self._parent("control_scores").path("controls.parquet"), ControlRow)
        return CriticScores.read(critic).transfer(controls, **self.drawn)

    def _parent(self, name: str) -> Artifact:
        kind, partition = kind_and_partition(name)
        return self._store.load(kind, self.artifact.manifest.parent_artifacts[name], partition=partition)

    def records_and_latents(self) -> tuple[Sequence[HeldoutRecord], Any]:
        """Held-out records, and their latent arrays by name."""
        return self._table("records", HeldoutRecord), self._arrays("latents")

    def probe_fit(self) -> tuple[Sequence[LabelledRecord], Any]:
        """Records of the train part that probes are fitted on, and their latent arrays by name."""
        return self._table("probe_fit", LabelledRecord), self._arrays("probe_fit_latents")

    def _table(self, name: str, model: type[R]) -> Sequence[R]:
        return read_table(self.artifact.path(f"{name}.parquet"), model)

    def _arrays(self, name: str) -> Any:
        from safetensors.numpy import load_file

        return load_file(self.artifact.path(f"{name}.safetensors"))
