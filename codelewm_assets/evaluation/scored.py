"""A seed's held-out scores as reports read them."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.core.ids import kind_and_partition
from codelewm_assets.core.records import PackRow
from codelewm_assets.core.tables import R, read_table
from codelewm_assets.evaluation.critic_rows import CriticScores
from codelewm_assets.evaluation.reports import HeldoutRecord, LabelledRecord, TransferReport
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
