"""Joins of published files: by the manifest that lists both, by checkpoint digest and by pack id."""

from collections.abc import Iterator
from functools import cached_property

from codelewm_assets.published.evidence import Evidence, EvidenceFile
from codelewm_assets.published.forms import (
    MANIFEST,
    PACK_RECORD,
    RERANK,
    RETRIEVAL,
    SCORE_ROW,
    SURPRISE,
    DiagnosticMetadata,
    PublishedManifest,
    PublishedPackRecord,
    PublishedRerank,
    PublishedRetrieval,
    PublishedScoreRow,
    PublishedSurprise,
)

Rows = tuple[PublishedScoreRow, ...]


class Lineage:
    """Links among the files of a body of evidence."""

    def __init__(self, evidence: Evidence) -> None:
        """Args: evidence: all files."""
        self._evidence = evidence
        self._manifests = list(evidence.of(MANIFEST, PublishedManifest))
        self.rows: list[tuple[EvidenceFile, Rows]] = list(evidence.rows_of(SCORE_ROW, PublishedScoreRow))

    def mates(self, file: EvidenceFile) -> list[EvidenceFile]:
        """Files of the same manifest; without one, files of the same folder."""
        for manifest_file, manifest in self._manifests:
            paths = [(manifest_file.path.parent / entry.path).resolve() for entry in manifest.files]
            if file.path in paths:
                return [mate for path in paths if (mate := self._evidence.at(path)) is not None]
        return [mate for mate in self._evidence.files if mate.path.parent == file.path.parent]

    def manifest_of(self, file: EvidenceFile) -> PublishedManifest | None:
        """The manifest that lists a file."""
        return next(
            (
                manifest
                for at, manifest in self._manifests
                if any((at.path.parent / entry.path).resolve() == file.path for entry in manifest.files)
            ),
            None,
        )

    def rows_beside(self, file: EvidenceFile) -> list[tuple[EvidenceFile, Rows]]:
        """The files of score rows of the artifact that a report belongs to; a folder without a manifest may have several."""
        mates = {mate.path for mate in self.mates(file)}
        return [(at, rows) for at, rows in self.rows if at.path in mates]

    def rows_of_artifact(self, artifact_id: str) -> tuple[EvidenceFile, Rows] | None:
        """The score rows that the manifest of an artifact lists."""
        for at, manifest in self._manifests:
            if manifest.artifact_id == artifact_id:
                paths = {(at.path.parent / entry.path).resolve() for entry in manifest.files}
                return next(((file, rows) for file, rows in self.rows if file.path in paths), None)
        return None

    def report_beside(self, rows: EvidenceFile) -> PublishedRerank | None:
        """The rerank report of the artifact that score rows belong to; None where a folder without a manifest has several."""
        mates = {mate.path for mate in self.mates(rows)}
        reports = [report for file, report in self._evidence.of(RERANK, PublishedRerank) if file.path in mates]
        has_others = any(at.path in mates for at, _ in self.rows if at is not rows)
        return reports[0] if len(reports) == 1 and not has_others else None

    def checkpoint_of(self, rows: EvidenceFile) -> str | None:
        """sha256 of the checkpoint that score rows came from, as their report states."""
        report = self.report_beside(rows)
        return None if report is None else report.scoring_summary.checkpoint_sha256

    def pack_of(self, rows: EvidenceFile) -> str | None:
        """Id of the pack that the checkpoint of score rows was trained on, as any report on that checkpoint states."""
        checkpoint = self.checkpoint_of(rows)
        return None if checkpoint is None else self._packs.get(checkpoint)

    def heldout_list(self, pack_id: str) -> tuple[str, frozenset[str]] | None:
        """(file, problems) of a report that lists the held-out records of a pack."""
        return self._heldout.get(pack_id)

    @cached_property
    def pack_splits(self) -> dict[str, str]:
        """Problem → split, from the pack's own records; empty without them."""
        return {
            record.source_problem_id: record.split
            for _, records in self._evidence.rows_of(PACK_RECORD, PublishedPackRecord)
            for record in records
        }

    @cached_property
    def _packs(self) -> dict[str, str]:
        """Checkpoint sha256 → pack id."""
        stated = [
            (m.metadata.get("checkpoint_sha256"), m.metadata.get("dataset_artifact_id")) for _, m in self._manifests
        ]
        stated += [(metadata.checkpoint.sha256, metadata.dataset.artifact_id) for _, metadata, _ in self._listings()]
        return {str(checkpoint): str(pack) for checkpoint, pack in stated if checkpoint and pack}

    @cached_property
    def _heldout(self) -> dict[str, tuple[str, frozenset[str]]]:
        listed = {}
        for file, metadata, records in self._listings():
            pack = metadata.dataset.artifact_id
            if pack is not None and records:
                listed[pack] = file.name, frozenset(record.partition("::")[0] for record in records)
        return listed

    def _listings(self) -> Iterator[tuple[EvidenceFile, DiagnosticMetadata, list[str]]]:
        """(file, metadata, held-out record ids) of each report that lists them."""
        for file, surprise in self._evidence.of(SURPRISE, PublishedSurprise):
            yield file, surprise.metadata, [example.transition_id for example in surprise.examples]
        for file, retrieval in self._evidence.of(RETRIEVAL, PublishedRetrieval):
            ids = (entry.transition_id for entry in retrieval.candidate_pool.entries)
            yield file, retrieval.metadata, [name for name in ids if name is not None]
