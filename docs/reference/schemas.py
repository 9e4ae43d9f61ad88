"""JSON schemas of every artifact's files, written from the records: a file a record, and a page that lists them by artifact."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import TypeAdapter

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.claims.audit import ClaimAudit
from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.core import records as core
from codelewm_assets.core.sample_records import ImportedSample, SampledRow, SourceReading
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.near_duplicates import NearDuplicate
from codelewm_assets.dataset.published import PublishedRow
from codelewm_assets.dataset.solution_sets import SolutionSet
from codelewm_assets.evaluation import reports, rows
from codelewm_assets.evaluation.model_rates import ModelRatesReport
from codelewm_assets.evaluation.platt import PlattScaling
from codelewm_assets.evaluation.transfer import TwinScore
from codelewm_assets.library.overlap import Overlap
from codelewm_assets.preflight.report import PreflightReport
from codelewm_assets.published.records import Recheck
from codelewm_assets.release.hub_plan import ReleasePlan
from codelewm_assets.release.reproducibility import AnswerSheet
from codelewm_assets.release.statements import Statement
from codelewm_assets.release.tracker import TrackerStatus
from codelewm_assets.scorers import fitting
from codelewm_assets.scorers.named import NamedScore, StatedTraining
from codelewm_assets.store.manifest import Manifest
from codelewm_assets.training.sidecar import Sidecar
from docs.reference.markdown import code, page, table

INTRO = """# Schemas

Written from the records when this site is built: a [JSON schema](https://json-schema.org) for each. A schema of a table is that of
one row, of a `.jsonl` file that of one line. Arrays (`.npy`, `.safetensors`), tokenizers, pictures, texts and the event stream of
training have none; [artifacts](../artifacts.md) says where they lie. `tensors.parquet`, and `records.parquet` of `tokenized_pack`,
are tables without a record; `artifact_index.json` is manifests by digest without the three fields that no digest covers."""
FOLDER = "reference/schemas"
ROWS, LISTED = "row", "list"  # a file holds records as rows or lines, or one list of them
FILES: dict[str, tuple[tuple[str, type[Any], str], ...]] = {
    "benchmark_problems": (("*/problems.parquet", core.Problem, ROWS), ("left_out.json", core.ExcludedProblem, LISTED)),
    "library_functions": (("functions.parquet", core.LibraryFunction, ROWS), ("left_out.json", Overlap, LISTED)),
    "sampled_completions": (("sampled-*.jsonl", SampledRow, ROWS),),
    "candidate_completions": (
        ("*/completions.parquet", core.Completion, ROWS), ("*/samples.parquet", ImportedSample, ROWS),
        ("imports.json", SourceReading, LISTED),
    ),
    "model_rates": (("model_rates.json", ModelRatesReport, ""),),
    "labelled_completions": (
        ("*/labelled.parquet", core.LabelledCompletion, ROWS), ("left_out.json", core.ExcludedProblem, LISTED),
    ),
    "library_variants": (("variants.parquet", core.LibraryVariant, ROWS),),
    "execution_pack": (("pack.parquet", core.PackRow, ROWS),),
    "problem_splits": (("splits.parquet", ProblemSplit, ROWS), ("near_duplicates.parquet", NearDuplicate, ROWS)),
    "semantic_decoys": (("decoys.parquet", core.Decoy, ROWS),),
    "rerank_pools": (("pools.parquet", core.PoolMember, ROWS),),
    "control_scores": (("controls.parquet", ControlRow, ROWS),),
    "preflight_report": (("preflight_report.json", PreflightReport, ""),),
    "tokenized_pack": (),
    "checkpoint": (("sidecar.json", Sidecar, ""),),
    "critic": (
        ("critic.json", fitting.CriticAbout, ""), ("scores.parquet", fitting.CriticScore, ROWS),
        ("unseen.parquet", fitting.FamilyCriticScore, ROWS), ("unseen_models.parquet", fitting.CriticScore, ROWS),
    ),
    "scorer_scores": (("scores.parquet", NamedScore, ROWS), ("scorers.json", StatedTraining, LISTED)),
    "published_evidence": (("recheck.json", Recheck, ""),),
    "checkpoint_inspection": (("checkpoint_inspection.json", reports.CollapseReport, ""),),
    "heldout_scores": (
        ("score_rows.jsonl", rows.ScoreRow, ROWS), ("completion_scores.jsonl", rows.ScoreRow, ROWS),
        ("scorers/*/*.jsonl", rows.ScoreRow, ROWS), ("records.parquet", rows.HeldoutRecord, ROWS),
        ("probe_fit.parquet", rows.LabelledRecord, ROWS), ("platt_scaling.json", PlattScaling, LISTED),
        ("twins.parquet", TwinScore, ROWS),
    ),
    "p_pass_calibration": (("*calibration_report.json", reports.CalibrationReport, ""),),
    "retrieval_report": (("retrieval_report.json", reports.RetrievalReport, ""),),
    "surprise_report": (("surprise_report.json", reports.SurpriseReport, ""),),
    "latent_probe_report": (("latent_probe_report.json", reports.LatentProbeReport, ""),),
    "rerank_report": (
        ("*rerank_report.json", reports.RerankReport, ""), ("scorers/*/transfer_report.json", reports.TransferReport, ""),
    ),
    "claim_gates": (("claim_gates.json", ClaimGates, ""),),
    "claim_audit": (("claim_audit.json", ClaimAudit, ""),),
    "results_report": (("reproducibility.json", AnswerSheet, ""),),
    "dataset_card": (("data/pack.parquet", PublishedRow, ROWS), ("data/solution_sets.parquet", SolutionSet, ROWS)),
    "model_card": (),
    "tracker_status": (("tracker_status.json", TrackerStatus, ""),),
    "artifact_index": (),
    "review_site": (("claim_gates.json", ClaimGates, ""),),
    "hub_release": (("release_plan.json", ReleasePlan, ""),),
}  # fmt: skip
"""Asset → its files that are written from records, each with the record and how the file holds it."""
BESIDE: tuple[tuple[str, type[Any]], ...] = (("manifest.json, beside the files of every artifact", Manifest),
                                                   ("*.intoto.json, the payload", Statement))  # fmt: skip


def schema_of(model: type[Any], form: str) -> dict[str, Any]:
    """The schema of a record, or of a list of records, as it is written."""
    kind: Any = list[model] if form == LISTED else model  # type: ignore[valid-type]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | TypeAdapter(kind).json_schema(
        mode="serialization"
    )


def _place(model: type[Any], form: str) -> str:
    return f"{FOLDER}/{model.__name__}{'.list' if form == LISTED else ''}.json"


def schema_files() -> dict[str, Callable[[], str]]:
    """Place under docs/ of each schema, and what writes it."""
    rows = [(model, form) for files in FILES.values() for _, model, form in files] + [
        (model, "") for _, model in BESIDE
    ]
    return {_place(model, form): partial(_written, model, form) for model, form in rows}


def _written(model: type[Any], form: str) -> str:
    return json.dumps(schema_of(model, form), indent=2, sort_keys=True) + "\n"


def schemas_page() -> str:
    """A row for each file of each artifact, with its record and schema."""
    rows = [
        (code(asset), code(name), f"one {form}" if form == ROWS else form or "the file", _link(model, form))
        for asset, files in FILES.items()
        for name, model, form in files
    ]
    rows += [("every artifact and release", name, "the file", _link(model, "")) for name, model in BESIDE]
    return page(INTRO, table(("artifact", "file", "describes", "schema"), rows))


def _link(model: type[Any], form: str) -> str:
    return f"[{model.__name__}]({_place(model, form).removeprefix('reference/')})"
