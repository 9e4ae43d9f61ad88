"""`reproducibility.json`: answers to a reproducibility checklist, each read from an artifact. No answer is typed in by hand.

The questions follow the Machine Learning Reproducibility Checklist, version 2.0 (J. Pineau et al., Improving Reproducibility in
Machine Learning Research, JMLR 22(164), 2021), in this project's words. Its questions about proofs are not asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from codelewm_assets.core.records import Record
from codelewm_assets.evaluation.reports import SeedEvidence
from codelewm_assets.store.manifest import Manifest
from codelewm_assets.training.sidecar import Sidecar

Section = Literal["model", "data", "code", "results"]
SOURCE = "Machine Learning Reproducibility Checklist 2.0 (Pineau et al., JMLR 22(164), 2021)"


class Answer(Record):
    """The answer to one question."""

    question_id: str
    section: Section
    question: str
    answer: Literal["yes", "no"]  # no: the artifact that would show it is missing or does not say
    value: JsonValue  # what the artifact says; None: nothing
    artifact_id: str | None  # that it is read from
    digest: str | None  # of that artifact
    place: str  # file and key in it


class AnswerSheet(Record):
    """All answers."""

    schema_version: Literal["codelewm_assets.reproducibility.v1"] = "codelewm_assets.reproducibility.v1"
    source: str = SOURCE
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Artifacts that answers are read from.

    Attributes:
        manifests: artifact id → manifest, of the lineage of the report.
        sidecars: seed → sidecar.
        reports: seed → reports.
    """

    manifests: Mapping[str, Manifest]
    sidecars: Mapping[int, Sidecar]
    reports: Mapping[int, SeedEvidence]

    def of_sidecars(self, *names: str) -> JsonValue:
        """Seed → fields of its sidecar; None without one."""
        rows = {
            str(seed): row.model_dump(mode="json", include=set(names)) for seed, row in sorted(self.sidecars.items())
        }
        return rows or None  # type: ignore[return-value]

    def metadata(self, artifact_id: str, *names: str) -> JsonValue:
        """Metadata of an artifact; None: it is not there, or lacks one of these."""
        manifest = self.manifests.get(artifact_id)
        if manifest is None or not set(names) <= manifest.metadata.keys():
            return None
        return {name: manifest.metadata[name] for name in names}

    def commits(self) -> JsonValue:
        """Commits that artifacts were made from; None where one is not known."""
        found = sorted({manifest.source_git_sha for manifest in self.manifests.values()})
        return None if not found or "unknown" in found else list(found)

    def commands(self) -> JsonValue:
        """True where every manifest states the command that made it; the commands themselves may name a machine's paths."""
        found = {manifest.command for manifest in self.manifests.values()}
        return None if not found or "" in found else True

    def intervals(self) -> JsonValue:
        """Seed → benchmark → 95% interval of the lift over the best control; None where a seed has none."""
        reports = {seed: item.rerank for seed, item in sorted(self.reports.items())}
        if not reports or any(report is None for report in reports.values()):
            return None
        lifts = {
            str(seed): {name: row.lift_over_best_control for name, row in report.benchmarks.items()}
            for seed, report in reports.items()
            if report is not None
        }
        if any(lift is None for of_seed in lifts.values() for lift in of_seed.values()):
            return None
        return {seed: {name: list(lift.ci95) for name, lift in rows.items() if lift} for seed, rows in lifts.items()}


@dataclass(frozen=True, slots=True)
class Question:
    """A question: the artifact that answers it, the place in it, and how the answer is read."""

    question_id: str
    section: Section
    text: str
    artifact_id: str
    place: str
    read: Callable[[Evidence], JsonValue]


QUESTIONS = (
    Question("model.description", "model", "Is the model described in full, by every setting that it was built and trained with?",
             "checkpoint[42]", "sidecar.json config", lambda e: e.of_sidecars("config")),
    Question("model.size", "model", "Is the number of trained parameters stated?",
             "checkpoint[42]", "sidecar.json parameter_count", lambda e: e.of_sidecars("parameter_count")),
    Question("model.pretraining", "model", "Is it stated whether pretraining may have seen the evaluation data?",
             "checkpoint[42]", "sidecar.json encoder_may_have_seen_benchmarks",
             lambda e: e.of_sidecars("encoder_may_have_seen_benchmarks")),
    Question("data.statistics", "data", "Are the numbers of problems and inputs stated?",
             "benchmark_problems", "manifest.json metadata",
             lambda e: e.metadata("benchmark_problems", "problem_count", "input_count")),
    Question("data.source", "data", "Is the exact version of each data source stated?",
             "benchmark_problems", "manifest.json metadata", lambda e: e.metadata("benchmark_problems", "source_revisions")),
    Question("data.excluded", "data", "Is it stated what was excluded?",
             "benchmark_problems", "left_out.json", lambda e: e.metadata("benchmark_problems", "left_out_count")),
    Question("data.splits", "data", "Are train, validation and test parts given problem by problem?",
             "problem_splits", "splits.parquet", lambda e: e.metadata("problem_splits", "near_duplicate_pairs")),
    Question("data.collection", "data", "Is it stated how labels were collected and what kept programs from influencing them?",
             "labelled_completions", "manifest.json metadata", lambda e: e.metadata("labelled_completions", "isolation_layers")),
    Question("code.dependencies", "code", "Are the dependencies stated with their versions?",
             "checkpoint[42]", "sidecar.json versions", lambda e: e.of_sidecars("versions")),
    Question("code.revision", "code", "Is the revision of the code for training and evaluation stated?",
             "claim_gates", "manifest.json source_git_sha", Evidence.commits),
    Question("code.command", "code", "Is the command stated that makes the results?",
             "claim_gates", "manifest.json command", Evidence.commands),
    Question("code.weights", "code", "Are the trained weights kept, with a digest?",
             "checkpoint[42]", "sidecar.json weights_sha256", lambda e: e.of_sidecars("weights_sha256")),
    Question("results.hyperparameters", "results", "Are all hyperparameters of the results stated?",
             "checkpoint[42]", "sidecar.json config", lambda e: e.of_sidecars("config")),
    Question("results.runs", "results", "Is the number of training and evaluation runs stated?",
             "checkpoint[42]", "sidecar.json seed and folds", lambda e: e.of_sidecars("seed", "folds")),
    Question("results.measures", "results", "Are measures and thresholds defined before training?",
             "preflight_report", "preflight_report.json register_digest",
             lambda e: e.metadata("preflight_report", "register_digest")),
    Question("results.variation", "results", "Is the variation of the results stated, as intervals?",
             "rerank_report[42]", "rerank_report.json benchmarks.*.lift_over_best_control.ci95", Evidence.intervals),
    Question("results.runtime", "results", "Is the run time stated?",
             "checkpoint[42]", "manifest.json metadata wall_s", lambda e: e.metadata("checkpoint[42]", "wall_s")),
    Question("results.infrastructure", "results", "Is the computing infrastructure stated?",
             "checkpoint[42]", "sidecar.json device", lambda e: e.of_sidecars("device")),
)  # fmt: skip


def answer_sheet(evidence: Evidence) -> AnswerSheet:
    """An answer to each question: yes where the artifact says it, and no otherwise."""
    return AnswerSheet(answers=tuple(_answer(question, evidence) for question in QUESTIONS))


def _answer(question: Question, evidence: Evidence) -> Answer:
    manifest, value = evidence.manifests.get(question.artifact_id), question.read(evidence)
    is_known = manifest is not None and value is not None
    return Answer(
        question_id=question.question_id,
        section=question.section,
        question=question.text,
        answer="yes" if is_known else "no",
        value=value if is_known else None,
        artifact_id=question.artifact_id if manifest else None,
        digest=manifest.digest if manifest else None,
        place=question.place,
    )
