"""Difference between two builds: gates, the artifacts behind them, and the score rows of which they are made.

A build is known by its `claim_gates`. The artifacts behind it are those of its lineage.
"""

from collections.abc import Collection, Iterator, Mapping

from pydantic import JsonValue

from codelewm_assets.claims.verdicts import ClaimGates, SeedGate
from codelewm_assets.core.records import Record
from codelewm_assets.evaluation.evidence import REPORTS, score_files
from codelewm_assets.evaluation.score_files import score_rows
from codelewm_assets.store.store import Artifact, ArtifactStore

MAX_ROWS_SHOWN = 10
RERANK, CALIBRATION, INSPECTION = "rerank_report", "p_pass_calibration", "checkpoint_inspection"
READS: Mapping[str, tuple[str, ...]] = {
    "collapse": (INSPECTION,),
    "contamination": (INSPECTION,),
    "retrieval": ("retrieval_report",),
    "surprise": ("surprise_report",),
    "probe": ("latent_probe_report",),
    "calibration": (CALIBRATION,),
    "rerank": (RERANK,),
    "action_use": (CALIBRATION, RERANK),
    "unseen_operators": (RERANK,),
    "equivalent_edits": (RERANK,),
    "model_programs": (CALIBRATION, RERANK),
    "integrity": REPORTS,
}
"""Gate, without scorer and benchmark → kinds of the reports that it reads."""
RowKey = tuple[str, str, str]  # pool or "", problem, completion


class ArtifactChange(Record):
    """An artifact that differs."""

    artifact_id: str
    before: str | None  # digest; None: not in this build
    after: str | None
    is_origin: bool  # it differs and nothing that both were made from does: data, settings or code of its own changed


class FigureChange(Record):
    """A figure of a gate that moved; None: the gate had no such figure."""

    name: str
    before: float | None
    after: float | None


class GateChange(Record):
    """A gate that moved on the evidence of one seed."""

    gate: str
    seed: int | None  # None: the evidence belongs to no seed
    before: str | None  # state; None: the build had no such gate
    after: str | None
    figures: tuple[FigureChange, ...]
    artifacts: tuple[str, ...]  # changed reports that it reads; `claim_gates`: none, so its rules or thresholds changed


class RowChange(Record):
    """A score row that differs."""

    pool_id: str | None
    problem_id: str
    completion_id: str
    before: dict[str, JsonValue] | None  # what differs of it; None: not in this build
    after: dict[str, JsonValue] | None


class RowChanges(Record):
    """Differing score rows of one file."""

    artifact_id: str
    file: str
    row_count: int  # over both builds
    added: int
    removed: int
    changed: int
    first: tuple[RowChange, ...]  # at most ten


class BuildDiff(Record):
    """The difference of two builds."""

    before: str  # digest of claim_gates
    after: str
    gates: tuple[GateChange, ...]
    artifacts: tuple[ArtifactChange, ...]
    rows: tuple[RowChanges, ...]


def build_diff(store: ArtifactStore, before: Artifact, after: Artifact) -> BuildDiff:
    """The difference of two builds. Args: before, after: `claim_gates`. Raises: StoreError: an ancestor is not stored."""
    old, new = ({a.manifest.artifact_id: a for a in store.lineage(gates).values()} for gates in (before, after))
    artifacts = tuple(_artifact_changes(old, new))
    changed = {change.artifact_id for change in artifacts}
    judged_before, judged_after = (
        ClaimGates.model_validate(gates.read_json("claim_gates.json")) for gates in (before, after)
    )
    return BuildDiff(
        before=before.digest,
        after=after.digest,
        gates=tuple(_gate_changes(judged_before, judged_after, changed)),
        artifacts=artifacts,
        rows=tuple(_row_changes(old, new, changed)),
    )


def _artifact_changes(before: Mapping[str, Artifact], after: Mapping[str, Artifact]) -> Iterator[ArtifactChange]:
    digests = [{name: artifact.digest for name, artifact in build.items()} for build in (before, after)]
    changed = {name for name in before.keys() | after.keys() if digests[0].get(name) != digests[1].get(name)}
    for name in sorted(changed):
        parents = {p for build in (before, after) if name in build for p in build[name].manifest.parent_artifacts}
        yield ArtifactChange(
            artifact_id=name,
            before=digests[0].get(name),
            after=digests[1].get(name),
            is_origin=not parents & changed,
        )


def _gate_changes(before: ClaimGates, after: ClaimGates, changed: Collection[str]) -> Iterator[GateChange]:
    rows = [{(row.gate, row.seed): row for gate in gates.gates for row in gate.seeds} for gates in (before, after)]
    for gate, seed in dict.fromkeys([*rows[0], *rows[1]]):
        old, new = (build.get((gate, seed)) for build in rows)
        figures = tuple(_figure_changes(old, new))
        states = [None if row is None else row.state for row in (old, new)]
        if figures or states[0] != states[1]:
            yield GateChange(gate=gate, seed=seed, before=states[0], after=states[1], figures=figures,
                             artifacts=_behind(gate, seed, changed))  # fmt: skip


def _figure_changes(old: SeedGate | None, new: SeedGate | None) -> Iterator[FigureChange]:
    before, after = ({} if row is None else row.figures for row in (old, new))
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield FigureChange(name=name, before=before.get(name), after=after.get(name))


def _behind(gate: str, seed: int | None, changed: Collection[str]) -> tuple[str, ...]:
    kinds = next(READS[part] for part in gate.split(":") if part in READS)  # the name of a scorer may stand before
    read = sorted(name for name in changed
                  if name.partition("[")[0] in kinds and (seed is None or name.endswith(f"[{seed}]")))  # fmt: skip
    return tuple(read) or ("claim_gates",)


def _row_changes(
    before: Mapping[str, Artifact], after: Mapping[str, Artifact], changed: Collection[str]
) -> Iterator[RowChanges]:
    for name in sorted(name for name in changed if name.startswith("heldout_scores[")):
        files = {
            file: subject
            for build in (before, after)
            if name in build
            for file, subject in score_files(build[name]).items()
        }
        for file, subject in sorted(files.items()):
            old, new = (_rows(build.get(name), file, subject) for build in (before, after))
            keys = sorted(old.keys() | new.keys())
            differing = [key for key in keys if old.get(key) != new.get(key)]
            if differing:
                yield RowChanges(
                    artifact_id=name,
                    file=file,
                    row_count=len(keys),
                    added=sum(key not in old for key in differing),
                    removed=sum(key not in new for key in differing),
                    changed=sum(key in old and key in new for key in differing),
                    first=tuple(_row_change(key, old.get(key), new.get(key)) for key in differing[:MAX_ROWS_SHOWN]),
                )


def _rows(artifact: Artifact | None, file: str, subject: str) -> dict[RowKey, dict[str, JsonValue]]:
    """Pool, problem and completion → verdict, fold and scores; none where the build has no such file."""
    if artifact is None or file not in {stored.path for stored in artifact.manifest.files}:
        return {}
    return {
        (row.pool_id or "", row.problem_id, row.completion_id): {"passed": row.passed, "fold": row.fold, **row.scores}
        for row in score_rows(artifact.path(file), subject=subject)
    }


def _row_change(key: RowKey, old: dict[str, JsonValue] | None, new: dict[str, JsonValue] | None) -> RowChange:
    both = old is not None and new is not None

    def differing(row: dict[str, JsonValue] | None, other: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        if row is None or not both or other is None:
            return row
        return {name: value for name, value in row.items() if name not in other or other[name] != value}

    pool_id, problem_id, completion_id = key
    return RowChange(pool_id=pool_id or None, problem_id=problem_id, completion_id=completion_id,
                     before=differing(old, new), after=differing(new, old))  # fmt: skip
