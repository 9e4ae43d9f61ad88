"""The latest artifacts as domain records, each read once. What checks and assets are judged and made from."""

import dagster as dg

from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.core.records import (
    Completion,
    Decoy,
    LabelledCompletion,
    LeftOut,
    PackRow,
    PoolMember,
    Problem,
)
from codelewm_assets.core.tables import R, read_table
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.near_duplicates import NearDuplicate, near_duplicates_of_pack
from codelewm_assets.defs.plumbing import latest_artifact
from codelewm_assets.profiles.profile import Profile
from codelewm_assets.store.store import Artifact, ArtifactStore

_NEAR_DUPLICATES: dict[tuple[str, ...], list[NearDuplicate]] = {}  # of the last tables that were asked about


class Inputs:
    """Reads by the data versions that the instance knows, never "the latest folder"."""

    def __init__(self, instance: dg.DagsterInstance, store: ArtifactStore, profile: Profile) -> None:
        self.instance, self.store, self.profile = instance, store, profile
        self._artifacts: dict[tuple[str, str | None], Artifact] = {}
        self._tables: dict[tuple[str, str], list[object]] = {}

    def artifact(self, kind: str, partition: str | None = None) -> Artifact:
        """The artifact of the latest materialization. Raises: dg.Failure: there is none."""
        key = (kind, partition)
        if key not in self._artifacts:
            self._artifacts[key] = latest_artifact(self.instance, self.store, kind, partition)
        return self._artifacts[key]

    def _table(self, artifact: Artifact, name: str, model: type[R]) -> list[R]:
        key = (artifact.digest, name)
        if key not in self._tables:
            self._tables[key] = list(read_table(artifact.path(name), model))
        return self._tables[key]  # type: ignore[return-value]

    def _of_benchmarks(self, kind: str, file: str, model: type[R], benchmark: str | None = None) -> list[R]:
        """Rows of one benchmark, or of all: each has a file of its own."""
        artifact = self.artifact(kind)
        wanted = [benchmark] if benchmark else BENCHMARKS
        return [row for b in wanted for row in self._table(artifact, f"{b}/{file}", model)]

    def problems(self, benchmark: str | None = None) -> list[Problem]:
        """Problems of one benchmark, or of all."""
        return self._of_benchmarks("benchmark_problems", "problems.parquet", Problem, benchmark)

    def left_out(self) -> list[LeftOut]:
        """Problems left out by the sources and by labelling."""
        kinds = ("benchmark_problems", "labelled_completions")
        return [LeftOut.model_validate(row) for kind in kinds for row in self.artifact(kind).read_json("left_out.json")]

    def completions(self) -> list[Completion]:
        """Candidate completions."""
        return self._of_benchmarks("candidate_completions", "completions.parquet", Completion)

    def llm_order(self) -> dict[str, int]:
        """Completion id → place in which a language model gave it, of completions that one wrote."""
        return {c.completion_id: c.llm_order_rank for c in self.completions() if c.llm_order_rank is not None}

    def labelled(self) -> list[LabelledCompletion]:
        """Labelled completions."""
        return self._of_benchmarks("labelled_completions", "labelled.parquet", LabelledCompletion)

    def pack(self) -> list[PackRow]:
        """Rows of the execution pack."""
        return self._table(self.artifact("execution_pack"), "pack.parquet", PackRow)

    def splits(self) -> list[ProblemSplit]:
        """The fold of each problem."""
        return self._table(self.artifact("problem_splits"), "splits.parquet", ProblemSplit)

    def decoys(self) -> list[Decoy]:
        """Decoy pairs."""
        return self._table(self.artifact("semantic_decoys"), "decoys.parquet", Decoy)

    def pools(self) -> list[PoolMember]:
        """Members of all rerank pools."""
        return self._table(self.artifact("rerank_pools"), "pools.parquet", PoolMember)

    def prompts(self) -> dict[str, str]:
        """Problem id → prompt."""
        return {p.problem_id: p.prompt for p in self.problems()}

    def references(self) -> dict[str, str]:
        """Problem id → reference program."""
        return {p.problem_id: p.reference for p in self.problems()}

    def near_duplicates(self) -> list[NearDuplicate]:
        """Near-duplicates among the pack's problems, found now and not read: what is stored beside the folds may be wrong."""
        artifacts = [self.artifact("benchmark_problems"), self.artifact("execution_pack")]
        key = (*(artifact.digest for artifact in artifacts), str(self.profile.splits.thresholds))
        if key not in _NEAR_DUPLICATES:
            found = near_duplicates_of_pack(self.problems(), self.pack(), self.profile.splits.thresholds)
            _NEAR_DUPLICATES.clear()
            _NEAR_DUPLICATES[key] = found
        return _NEAR_DUPLICATES[key]

    def codes(self) -> dict[str, str]:
        """Completion id → program, from the pack."""
        return {row.source_submission_id: row.code_tokens for row in self.pack()}

    def benchmark_labels(self) -> dict[str, str]:
        """Benchmark id → what reports call it, as the execution pack says: the problems may have been rebuilt since."""
        return dict(self.artifact("execution_pack").manifest.metadata["benchmark_labels"])
