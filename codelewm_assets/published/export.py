"""The latest build in CodeLeWM's forms, as files of one folder. Pure: records in, bytes out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from codelewm_assets.core.digests import pretty_json, sha256_bytes
from codelewm_assets.core.errors import ReportError
from codelewm_assets.core.ids import split_of
from codelewm_assets.core.records import Decoy, PackRow
from codelewm_assets.evaluation.rows import ScoreRow
from codelewm_assets.published import codelewm_forms as forms
from codelewm_assets.published.calibration_recompute import calibration_document
from codelewm_assets.published.forms import PublishedCalibration, PublishedScoreRow
from codelewm_assets.published.pools import published_pools
from codelewm_assets.published.rerank_recompute import RerankSettings, rerank_document
from codelewm_assets.store.manifest import Manifest

ROWS, REPORT = "reports/completion_scores.jsonl", "reports/execution_rerank_report.json"
CALIBRATION = "reports/p_pass_calibration_report.json"
TEXTS = {
    "claim": "diagnostic_only: claim_gates of the build that was exported judges",
    "calibration": "A score in [0, 1] is read as a probability, any other through a sigmoid.",
    "claim_boundary": "An export of codelewm_assets; its own reports and gates are the evidence.",
    "threshold_free": "ROC-AUC and average precision are of the order alone.",
}
SCORES = ("p_pass", "codelewm", "no_action", "shuffled_action", "lexical", "random", "llm_order")


@dataclass(frozen=True, slots=True)
class SeedRun:
    """One seed's training and scores. `weights_sha256` is of the exported fold's weights; manifests are of the store."""

    events: Sequence[Mapping[str, Any]]
    weights_sha256: str
    rows: Sequence[ScoreRow]  # of pools
    trained: Manifest
    scored: Manifest


@dataclass(frozen=True, slots=True)
class Build:
    """The exported part of a build: one fold's view."""

    fold: int
    pack: Sequence[PackRow]
    folds: Mapping[str, int]  # problem → fold
    decoys: Sequence[Decoy]
    runs: Mapping[int, SeedRun]  # seed → run
    packed: Manifest
    paired: Manifest


@dataclass(slots=True)
class _Folder:
    files: dict[str, bytes] = field(default_factory=dict)

    def add(
        self, path: str, kind: str, files: Mapping[str, bytes], config: Mapping[str, Any], *, source: Manifest,
        parents: Sequence[str] = (), metadata: Mapping[str, Any] | None = None, name: str = "manifest.json",
    ) -> str:  # fmt: skip
        """Add an artifact with its configuration and manifest. Returns: its id."""
        every = {**files, "config.json": pretty_json(dict(config))}
        document = forms.manifest(kind, every, config, parents, metadata or {}, source)
        self.files |= {f"{path}/{file}": data for file, data in every.items()}
        self.files[f"{path}/{name}"] = pretty_json(document)
        return str(document["artifact_id"])


def export_files(build: Build) -> dict[str, bytes]:
    """Path → bytes of every exported file; the same build gives the same bytes.

    Raises: ReportError: a pool row lacks a score, or no pool is of the exported fold.
    """
    folder = _Folder()
    pack_id = _pack(folder, build)
    for seed, run in sorted(build.runs.items()):
        training_id = _training(folder, build, seed, run, pack_id)
        reranks = [
            _rerank(folder, seed, benchmark, rows, run, [pack_id, training_id])
            for benchmark, rows in sorted(_by_benchmark(build, run).items())
        ]
        _calibration(folder, seed, reranks, run)
    return folder.files


def _split(build: Build, problem_id: str) -> str:
    return split_of(build.folds[problem_id], model_fold=build.fold)


def _pack(folder: _Folder, build: Build) -> str:
    records = dict[str, dict[str, Any]]()
    rejected = Counter[str]()
    for row in build.pack:
        split = _split(build, row.source_problem_id)
        if row.completion_kind == "model" or (not row.is_scored and split != "train"):
            continue  # what a held-out problem is not scored on stays out, as in the published data set
        record = forms.pack_record(row, split)
        if record is None:
            rejected[row.execution_status] += 1
        else:
            records[row.record_id] = record
    data = b"".join(map(forms.json_line, records.values()))
    counts = Counter(str(record["split"]) for record in records.values())
    config = {"fold": build.fold, "schema_version": "codelewm_assets.export.v1"}
    document = {
        "pack_jsonl_checksum": sha256_bytes(data), "record_count": len(records), "sandbox_reject_counts": dict(rejected),
        "schema_version": "codelewm.execution_pack_manifest.v1", "split_by": "source_problem_id", "split_counts": dict(counts),
        "tokenizer": {"id": "codelewm.tokenizer.blake2b_hash", "version": "v1"},
    }  # fmt: skip
    files = {"pack.jsonl": data, "manifest.json": pretty_json(document)}
    pack_id = folder.add("pack", "dataset", files, config, source=build.packed, name="artifact_manifest.json",
                         metadata={"record_count": len(records), "split_counts": dict(counts)})  # fmt: skip
    pairs = forms.decoy_pairs(build.decoys, records)
    files = {
        "semantic_decoy_pairs.jsonl": b"".join(map(forms.json_line, pairs)),
        "reports/semantic_decoy_summary.json": pretty_json(forms.decoy_summary(pairs)),
    }
    if pairs:
        folder.add("semantic_decoy_pack", "downstream_benchmark", files, config, source=build.paired, parents=[pack_id])
    return pack_id


def _training(folder: _Folder, build: Build, seed: int, run: SeedRun, pack_id: str) -> str:
    events = b"".join(map(forms.json_line, forms.job_events(run.events, build.fold)))
    metadata = {"checkpoint_sha256": run.weights_sha256, "dataset_artifact_id": pack_id, "seed": seed}
    return folder.add(
        f"seed-{seed}/training", "training_run", {"reports/job_progress.jsonl": events}, {"fold": build.fold, "seed": seed},
        source=run.trained, parents=[pack_id], metadata=metadata,
    )  # fmt: skip


def _by_benchmark(build: Build, run: SeedRun) -> dict[str, list[ScoreRow]]:
    rows = dict[str, list[ScoreRow]]()
    for row in run.rows:
        if row.fold == build.fold:
            rows.setdefault(row.benchmark_id, []).append(row)
    if not rows:
        known = sorted({row.fold for row in run.rows})
        raise ReportError(
            f"No pool is of fold {build.fold}; the build scored folds {known}. Name one of these with --fold."
        )
    return rows


@dataclass(frozen=True, slots=True)
class _Rerank:
    artifact_id: str
    path: str
    rows: tuple[PublishedScoreRow, ...]


def _rerank(
    folder: _Folder, seed: int, benchmark: str, rows: Sequence[ScoreRow], run: SeedRun, parents: Sequence[str]
) -> _Rerank:
    documents = forms.score_rows(rows)
    published = tuple(PublishedScoreRow.model_validate(document) for document in documents)
    pools = {pool.pool_id: pool.members for pool in published_pools(published)}
    summary = {
        "checkpoint": f"checkpoint[{seed}]", "checkpoint_sha256": run.weights_sha256, "completion_count": len(published),
        "completion_label_artifact_id": parents[0], "completion_label_path": "pack/pack.jsonl",
        "model_id": "codelewm_assets.p_pass", "problem_count": len(pools), "score_direction": "higher_is_better",
        "score_error_count": 0,
    }  # fmt: skip
    settings = RerankSettings()
    report = rerank_document(pools, settings, benchmark=benchmark, scoring_summary=summary)
    config = {
        "benchmark": benchmark, "bootstrap_samples": settings.bootstrap_samples, "min_lift_for_claim": settings.min_lift_for_claim,
        "pass_at_k": settings.pass_at_k, "seed": settings.seed,
    }  # fmt: skip
    path = f"seed-{seed}/rerank/{benchmark}"
    files = {REPORT: pretty_json(report), ROWS: b"".join(map(forms.json_line, documents))}
    metadata = {"benchmark": benchmark, "claim_allowed": report["claim_allowed"], "completion_count": len(published),
                "problem_count": len(pools)}  # fmt: skip
    artifact = folder.add(path, "eval_report", files, config, source=run.scored, parents=parents, metadata=metadata)
    return _Rerank(artifact, f"{path}/{ROWS}", published)


def _calibration(folder: _Folder, seed: int, reranks: Sequence[_Rerank], run: SeedRun) -> None:
    paths = [rerank.path for rerank in reranks]
    gate = {"allowed": False, "dataset_kind": "downstream_completion", "reason": TEXTS["claim"], "reasons": [TEXTS["claim"]],
            "required_followups": []}  # fmt: skip
    texts = PublishedCalibration.model_validate(
        {
            "schema_version": "codelewm.eval.p_pass_calibration_report.v1", "baselines_requested": list(SCORES),
            "calibration_bin_count": 10, "claim_allowed": False, "claim_gate": gate, "claim_reason": TEXTS["claim"],
            "dataset_kind": "downstream_completion", "overall": {}, "slices": {}, "row_count": 0, "score_paths": paths,
            "interpretation": {name: TEXTS[name] for name in ("calibration", "claim_boundary", "threshold_free")},
        }
    )  # fmt: skip
    report = calibration_document([row for rerank in reranks for row in rerank.rows], texts)
    config = {"baselines": list(SCORES), "dataset_kind": "downstream_completion", "scores": paths}
    folder.add(
        f"seed-{seed}/p_pass_calibration", "eval_report", {CALIBRATION: pretty_json(report)}, config, source=run.scored,
        parents=[rerank.artifact_id for rerank in reranks], metadata={"claim_allowed": False},
    )  # fmt: skip
