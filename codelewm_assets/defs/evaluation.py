"""Stage `evaluation`: scores of held-out rows, and the metric reports."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import dagster as dg
from pydantic import BaseModel

from codelewm_assets.core.digests import canonical_json, pretty_json
from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import FOLDS
from codelewm_assets.core.records import Finding, PackRow
from codelewm_assets.core.tables import read_table, write_table
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import check_of, rule_of
from codelewm_assets.defs.freshness import OF_REPORTS
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.plumbing import Made, versions
from codelewm_assets.evaluation.reports import ScoreRow
from codelewm_assets.evaluation.score_files import p_pass_faults, read_score_rows, read_score_table
from codelewm_assets.evaluation.score_table import ScoreTable
from codelewm_assets.store.store import Artifact

REPORT_KINDS = {"numpy", "json"}
SCORED = ("execution_pack", "problem_splits", "rerank_pools", "benchmark_problems", "candidate_completions")


def json_lines(rows: list[ScoreRow] | tuple[ScoreRow, ...]) -> bytes:
    """Score rows as JSON lines."""
    return b"".join(canonical_json(row.model_dump(mode="json")) + b"\n" for row in rows)


@artifact_asset(
    "evaluation", deps=["checkpoint", "tokenized_pack", *SCORED], kinds={"pytorch", "parquet"}, code_version="3",
    is_seeded=True,
)  # fmt: skip
def heldout_scores(run: AssetRun) -> Plan:
    """One row per held-out record, completion and pool member, with p_pass and every control's score."""
    inputs = run.inputs
    trained, tokens, *_ = run.parents()

    def make() -> Made:
        from safetensors.numpy import save

        from codelewm_assets.evaluation.heldout import join_folds, score_fold
        from codelewm_assets.training.data import load_fold
        from codelewm_assets.training.latents import Scorer
        from codelewm_assets.training.sidecar import require_matching

        sidecar = require_matching(trained, tokens)
        rows, prompts, order = {row.record_id: row for row in inputs.pack()}, inputs.prompts(), inputs.llm_order()
        parts = []
        for fold in sidecar.folds:
            own = load_fold(tokens, fold)
            scorer = Scorer(trained, sidecar, own)
            parts.append(score_fold(scorer, own, rows, inputs.pools(), prompts, llm_order=order))
        scores = join_folds(parts)
        temperatures = [found.model_dump(mode="json") for found in scores.temperatures]
        return Made(
            {
                "score_rows.jsonl": json_lines(scores.members),
                "completion_scores.jsonl": json_lines(scores.completions),
                "records.parquet": write_table(scores.records),
                "latents.safetensors": save(dict(scores.latents)),
                "probe_fit.parquet": write_table(scores.fit_records),
                "probe_fit_latents.safetensors": save(dict(scores.fit_latents)),
                "temperature.json": pretty_json(temperatures),
            },
            {
                "temperature": {str(found.fold): found.value for found in scores.temperatures},
                "record_count": len(scores.records),
                "completion_count": len(scores.completions),
                "pool_member_count": len(scores.members),
                "problem_count": len({record.problem_id for record in scores.records}),
            },
        )

    return Plan(make, versions("torch", "scikit-learn"))


def every_score_row_has_p_pass(inputs: Inputs, partition: str | None) -> Finding:
    """Every score row carries a finite p_pass in [0, 1]."""
    bad, count = list[str](), 0
    for name in ("score_rows.jsonl", "completion_scores.jsonl"):
        rows, faults = p_pass_faults(inputs.artifact("heldout_scores", partition).path(name))
        count, bad = count + rows, bad + [f"{name} {fault}" for fault in faults]
    return finding(
        "every_score_row_has_p_pass",
        bad,
        blocker="p_pass_missing",
        message="p_pass is written out.",
        figures={"rows": count},
    )


def only_held_out_rows_were_scored(inputs: Inputs, partition: str | None) -> Finding:
    """Each scored problem was in test for the very fold's model that scored it."""
    fold = {split.problem_id: split.fold for split in inputs.splits()}
    scored = inputs.artifact("heldout_scores", partition)
    rows = [
        row for name in ("score_rows.jsonl", "completion_scores.jsonl") for row in read_score_rows(scored.path(name))
    ]
    bad = sorted(
        {
            f"{r.problem_id}: of fold {fold.get(r.problem_id)}, scored by {r.fold}"
            for r in rows
            if fold.get(r.problem_id) != r.fold
        }
    )
    problems = {row.problem_id for row in rows}
    return finding(
        "only_held_out_rows_were_scored",
        bad,
        blocker="scored_problem_trained_on",
        message="A problem is scored only by the model that had it in test.",
        figures={"problems": len(problems), "folds": len({row.fold for row in rows} & set(FOLDS))},
    )


class Scored:
    """A seed's held-out scores, read as they are needed."""

    def __init__(self, run: AssetRun) -> None:
        self.inputs, self.seed = run.inputs, int(run.seed)
        self.artifact = self.inputs.artifact("heldout_scores", run.seed)
        self.resamples = run.profile.bootstrap_resamples

    def records_and_latents(self) -> tuple[Any, Any]:
        """Held-out records, and their latent arrays by name."""
        from safetensors.numpy import load_file

        from codelewm_assets.evaluation.heldout_records import HeldoutRecord

        return (
            read_table(self.artifact.path("records.parquet"), HeldoutRecord),
            load_file(self.artifact.path("latents.safetensors")),
        )

    def probe_fit(self) -> tuple[Any, Any]:
        """Records of the train part that probes are fitted on, and their latent arrays by name."""
        from safetensors.numpy import load_file

        from codelewm_assets.evaluation.heldout_records import LabelledRecord

        return (
            read_table(self.artifact.path("probe_fit.parquet"), LabelledRecord),
            load_file(self.artifact.path("probe_fit_latents.safetensors")),
        )

    def pack_rows(self) -> dict[str, PackRow]:
        """Rows of the pack that was scored, by record id."""
        return {row.record_id: row for row in read_table(self.pack().path("pack.parquet"), PackRow)}

    def pack(self) -> Artifact:
        """The pack that was scored, whether or not it is still the latest."""
        return self.inputs.store.load("execution_pack", self.artifact.manifest.parent_artifacts["execution_pack"])


def _report(deps: Sequence[str], kinds: Collection[str]) -> Callable[[Callable[[AssetRun], Plan]], dg.AssetsDefinition]:
    """A metric report of one seed."""
    return artifact_asset(
        "evaluation", deps=deps, kinds=kinds, code_version="3", is_seeded=True, freshness=OF_REPORTS
    )  # fmt: skip


def report_of(report: BaseModel, name: str, metadata: dict[str, Any]) -> Made:
    """One JSON report as an artifact; absent figures stay out of the metadata."""
    return Made(
        {name: pretty_json(report.model_dump(mode="json"))}, {k: v for k, v in metadata.items() if v is not None}
    )


@_report(["heldout_scores"], REPORT_KINDS)
def p_pass_calibration(run: AssetRun) -> Plan:
    """How well p_pass and each control tell passing from failing, and whether p_pass means what it says."""
    scored = Scored(run)

    def make() -> Made:
        from codelewm_assets.evaluation.calibration import calibration_report
        from codelewm_assets.evaluation.score_rows import record_rows

        rows = read_score_table(scored.artifact.path("completion_scores.jsonl"))
        report = calibration_report(rows, seed=scored.seed)
        records, _ = scored.records_and_latents()
        of_records = calibration_report(ScoreTable.of(record_rows(records)), seed=scored.seed, level="record")
        ours = report.overall["p_pass"]
        metadata = {
            "roc_auc": ours.roc_auc,
            "within_pool_auc": ours.within_pool_auc,
            "expected_calibration_error": ours.expected_calibration_error,
            "brier_score": ours.brier_score,
        }
        made = report_of(report, "p_pass_calibration_report.json", metadata)
        return Made(
            {**made.files, "record_calibration_report.json": pretty_json(of_records.model_dump(mode="json"))},
            made.metadata,
        )

    return Plan(make)


@_report(["heldout_scores", "execution_pack"], REPORT_KINDS)
def retrieval_report(run: AssetRun) -> Plan:
    """Whether the predicted latent finds the real output among other held-out outputs, against no_action."""
    scored = Scored(run)

    def make() -> Made:
        from codelewm_assets.evaluation.retrieval import retrieval_report as judge

        report = judge(*scored.records_and_latents(), scored.pack_rows(), seed=scored.seed, resamples=scored.resamples)
        model = report.scores["model"] if report.scores else None
        shown = {"recall_at_1": model.recall_at_1, "mrr": model.mrr} if model else {}
        return report_of(report, "retrieval_report.json", {"query_count": report.query_count, **shown})

    return Plan(make, {"resamples": scored.resamples}, parents=[scored.artifact, scored.pack()])


@_report(["heldout_scores", "semantic_decoys"], REPORT_KINDS)
def surprise_report(run: AssetRun) -> Plan:
    """Whether a decoy's output surprises the model more than the real one, per category."""
    scored = Scored(run)

    def make() -> Made:
        from codelewm_assets.evaluation.surprise import surprise_report as judge

        report = judge(
            *scored.records_and_latents(), scored.inputs.decoys(), seed=scored.seed, resamples=scored.resamples
        )
        shown = {f"{name}_auc": found.auc for name, found in report.categories.items()}
        return report_of(report, "surprise_report.json", shown)

    return Plan(make, {"resamples": scored.resamples})


@_report(["heldout_scores", "execution_pack"], {"scikitlearn", "json"})
def latent_probe_report(run: AssetRun) -> Plan:
    """What a linear probe reads off the predicted latent, against probes of what the model was given."""
    scored = Scored(run)

    def make() -> Made:
        from codelewm_assets.evaluation.probe import latent_probe_report as judge

        report = judge(
            *scored.records_and_latents(),
            *scored.probe_fit(),
            scored.pack_rows(),
            seed=scored.seed,
            resamples=scored.resamples,
        )
        shown = {f"{name}_lift": found.lift_over_best_control for name, found in report.targets.items()}
        return report_of(report, "latent_probe_report.json", shown)

    return Plan(make, {"resamples": scored.resamples}, parents=[scored.artifact, scored.pack()])


@_report(["heldout_scores", "execution_pack"], REPORT_KINDS)
def rerank_report(run: AssetRun) -> Plan:
    """Pass@1 and MRR of ordering pools by p_pass, by benchmark, with lifts over every control and their intervals."""
    scored = Scored(run)
    pack = scored.pack()
    labels = pack.manifest.metadata["benchmark_labels"]

    def make() -> Made:
        from codelewm_assets.evaluation.rerank import rerank_report as judge

        rows = read_score_table(scored.artifact.path("score_rows.jsonl"))
        report = judge(rows, seed=scored.seed, resamples=scored.resamples, labels=labels)
        shown: dict[str, Any] = {}
        for benchmark, found in report.benchmarks.items():
            lift = found.lift_over_best_control
            shown |= {f"{benchmark}_pass_at_1": found.pass_at_1["p_pass"], f"{benchmark}_pool_count": found.pool_count,
                      f"{benchmark}_best_control": found.best_control,
                      f"{benchmark}_lift_points": lift.points if lift else None}  # fmt: skip
        return report_of(report, "rerank_report.json", shown)

    return Plan(make, {"resamples": scored.resamples}, parents=[scored.artifact, pack])


ASSETS = [heldout_scores, p_pass_calibration, retrieval_report, surprise_report, latent_probe_report, rerank_report]
CHECKS = [
    check_of(rule_of("heldout_scores", every_score_row_has_p_pass, is_stored=True), is_seeded=True),
    check_of(rule_of("heldout_scores", only_held_out_rows_were_scored, is_stored=True), is_seeded=True),
]
