"""Stage `evaluation`: scores of held-out rows, and the metric reports."""

from collections.abc import Callable, Collection, Mapping
from functools import wraps
from typing import Any

import dagster as dg
from pydantic import BaseModel

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import FOLDS, OUTPUT_BENCHMARKS
from codelewm_assets.core.package import versions
from codelewm_assets.core.records import Finding
from codelewm_assets.core.tables import arrow_schema, read_table, write_table
from codelewm_assets.dataset.decoys import OF_RECORDS
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.automation import OF_REPORTS
from codelewm_assets.defs.checks import check_of, rule_of
from codelewm_assets.defs.inputs import AssetOutput, Inputs
from codelewm_assets.defs.scorers import stated_in
from codelewm_assets.defs.ui_metadata import plots, sample
from codelewm_assets.evaluation import evidence
from codelewm_assets.evaluation.reports import RerankReport
from codelewm_assets.evaluation.rows import HeldoutRecord, ScoreRow
from codelewm_assets.evaluation.score_files import (
    p_pass_faults,
    sample_score_rows,
    score_lines,
)
from codelewm_assets.evaluation.score_table import ScoreTable
from codelewm_assets.evaluation.scored import Scored
from codelewm_assets.release.pictures import calibration_pictures, rerank_pictures
from codelewm_assets.store.store import Artifact


@artifact_asset(
    "evaluation", is_seeded=True, kinds={"pytorch", "parquet"}, code_version="9",
    deps=["checkpoint", "tokenized_pack", "execution_pack", "control_scores", "critic", "scorer_scores"],
    gated_by=["problem_splits"],  # read by its check and by claims: automation looks at direct parents alone
)  # fmt: skip
def heldout_scores(run: AssetRun) -> Plan:
    """One row per held-out record, completion and pool member, with p_pass and every control's score."""
    inputs = run.inputs
    trained, tokens, *_, read_text, further = run.parents()

    def make() -> AssetOutput:
        from safetensors.numpy import save

        from codelewm_assets.evaluation.critic_rows import CriticScores
        from codelewm_assets.evaluation.heldout import join_folds, join_outputs, score_fold, score_outputs
        from codelewm_assets.evaluation.scorer_rows import named_scorer, with_scores
        from codelewm_assets.evaluation.transfer import TwinScore, equivalent_pairs
        from codelewm_assets.scorers.named import NamedScore
        from codelewm_assets.training.data import load_fold
        from codelewm_assets.training.latents import Scorer
        from codelewm_assets.training.sidecar import require_matching

        sidecar = require_matching(trained, tokens)
        rows, controls = {row.record_id: row for row in inputs.pack()}, inputs.control_scores()
        paired = {name for pair in equivalent_pairs(rows.values()) for name in (pair.unedited, pair.edited)}
        asked = [name for name in inputs.profile.sources.by_benchmark if name in OUTPUT_BENCHMARKS]
        parts, of_outputs = [], {name: list[Any]() for name in asked}
        for fold in sidecar.folds:
            fold_data = load_fold(tokens, fold)
            scorer = Scorer(trained, sidecar, fold_data)
            parts.append(score_fold(scorer, fold_data, rows, controls, paired=paired))
            for name, scored in of_outputs.items():
                scored.append(score_outputs(scorer, fold_data, rows, name, parts[-1].scalings[0]))
        scores = join_folds(parts)
        read = CriticScores.read(read_text)
        critic, stated = read.scorer, stated_in(further)
        values = read_table(further.path("scores.parquet"), NamedScore)
        named = [named_scorer(row, values, controls, seed=int(run.seed)) for row in stated]
        others, files, counts = [critic, *named], dict[str, bytes](), dict[str, int]()
        for own in others:
            beside = [other for other in others if other is not own]
            pooled, alone = own.rows(controls, beside, needs_score=own is critic)
            folder, counts[own.name] = f"scorers/{own.name}", len(alone)
            files |= {
                f"{folder}/score_rows.jsonl": score_lines(pooled),
                f"{folder}/completion_scores.jsonl": score_lines(alone),
            }
            if own is not critic:
                files[f"{folder}/platt_scaling.json"] = pretty_json([s.model_dump(mode="json") for s in own.scalings])
        if read.unseen_models.scores:
            tables = read.unseen_models.rows(controls, named, needs_score=True)
            for name, table in zip(evidence.SCORE_FILES, tables, strict=True):
                files[f"scorers/critic/{evidence.UNSEEN_MODELS}{name}"] = score_lines(table)
        record_counts = dict[str, int]()
        for name, scored in of_outputs.items():
            records, latents = join_outputs(scored)
            files[f"outputs/{name}/records.parquet"] = write_table(records, arrow_schema(HeldoutRecord))
            files[f"outputs/{name}/latents.safetensors"] = save(dict(latents))
            record_counts[f"{name}_record_count"] = len(records)
        scalings = [scaling.model_dump(mode="json") for scaling in scores.scalings]
        return AssetOutput(
            {
                "score_rows.jsonl": score_lines(with_scores(row, others) for row in scores.members),
                "completion_scores.jsonl": score_lines(with_scores(row, others) for row in scores.completions),
                **files,
                "scorers.json": pretty_json([row.model_dump(mode="json") for row in stated]),
                "records.parquet": write_table(scores.records),
                "latents.safetensors": save(dict(scores.latents)),
                "twins.parquet": write_table(scores.twins, arrow_schema(TwinScore)),
                "probe_fit.parquet": write_table(scores.fit_records),
                "probe_fit_latents.safetensors": save(dict(scores.fit_latents)),
                "platt_scaling.json": pretty_json(scalings),
            },
            {
                "platt_scaling": {
                    f"{s.fold} {'model' if s.by_models else s.level}": [s.slope, s.intercept] for s in scores.scalings
                },
                "record_count": len(scores.records),
                "completion_count": len(scores.completions),
                "pool_member_count": len(scores.members),
                **{f"{name}_completion_count": count for name, count in counts.items()},
                **record_counts,
                "problem_count": len({record.problem_id for record in scores.records}),
            },
        )

    def show(scores: Artifact) -> Mapping[str, Any]:
        return sample(inputs, scores, lambda: sample_score_rows(scores.path("score_rows.jsonl")), ScoreRow)

    return Plan(make, versions("torch", "scikit-learn"), show=show)


def every_score_row_has_p_pass(inputs: Inputs, partition: str | None) -> Finding:
    """Every score row carries a finite p_pass in [0, 1]."""
    bad, count = list[str](), 0
    for name in evidence.SCORE_FILES:
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
    """Each scored problem is in the test split of the model that scored it."""
    fold = {split.problem_id: split.fold for split in inputs.splits()}
    scored = inputs.artifact("heldout_scores", partition)
    by = {(row.problem_id, row.fold) for row in evidence.stored_score_rows(scored)}
    bad = sorted(f"{name}: of fold {fold.get(name)}, scored by {m}" for name, m in by if fold.get(name) != m)
    return finding(
        "only_held_out_rows_were_scored",
        bad,
        blocker="scored_problem_trained_on",
        message="A problem is scored only by the model that had it in test.",
        figures={"problems": len({name for name, _ in by}), "folds": len({model for _, model in by} & set(FOLDS))},
    )


Figures = dict[str, Any]
ReportFunction = Callable[[Scored, Inputs], tuple[Mapping[str, BaseModel], Figures]]
"""Reports by file name, without its suffix, and figures of the metadata."""


def _report(
    *deps: str,
    kinds: Collection[str] = ("numpy", "json"),
    has_draws: bool = True,
    draw: Callable[[Scored, Artifact], dict[str, bytes]] | None = None,
) -> Callable[[ReportFunction], dg.AssetsDefinition]:
    """A metric report of one seed. The decorated function returns the reports and the figures of the metadata; None is omitted.

    Args: has_draws: its intervals are by resampling, so the number of resamples is part of the cache key. draw: draws pictures
        of a report for the UI.
    """

    def decorate(compute: ReportFunction) -> dg.AssetsDefinition:
        @wraps(compute)
        def plan(run: AssetRun) -> Plan:
            resamples, inputs = run.profile.bootstrap_resamples, run.inputs
            artifact = inputs.artifact("heldout_scores", run.seed)
            scored = Scored(artifact, inputs.store, seed=int(run.seed), resamples=resamples)

            def make() -> AssetOutput:
                reports, metadata = compute(scored, inputs)
                return AssetOutput(
                    {f"{file}.json": pretty_json(report.model_dump(mode="json")) for file, report in reports.items()},
                    {key: value for key, value in metadata.items() if value is not None},
                )

            read = [inputs.artifact(name) for name in deps if name != "execution_pack"]
            parents = [scored.artifact, scored.pack, *read] if "execution_pack" in deps else None
            config = {"resamples": resamples} if has_draws else {}
            if draw is None:
                return Plan(make, config, parents=parents)
            show = lambda report: plots(inputs, report, lambda: draw(scored, report))  # noqa: E731
            return Plan(make, config, parents=parents, show=show)

        return artifact_asset("evaluation", deps=["heldout_scores", *deps], kinds=kinds, code_version="8", is_seeded=True,
                              freshness=OF_REPORTS)(plan)  # fmt: skip

    return decorate


@_report(has_draws=False, draw=calibration_pictures)
def p_pass_calibration(scored: Scored, inputs: Inputs) -> tuple[Mapping[str, BaseModel], Figures]:
    """Discrimination of p_pass and every control, and calibration of p_pass."""
    from codelewm_assets.evaluation.calibration import calibration_report
    from codelewm_assets.evaluation.score_rows import record_rows

    report = calibration_report(scored.table("completion_scores"), seed=scored.seed)
    records, _ = scored.records_and_latents()
    of_records = calibration_report(ScoreTable.of(record_rows(records)), seed=scored.seed, level="record")
    names = ("roc_auc", "within_pool_auc", "expected_calibration_error", "brier_score", "brier_skill_score")
    reports = {"p_pass_calibration_report": report, "record_calibration_report": of_records}
    for name in scored.scorers:
        table = scored.table("completion_scores", name)
        reports[f"scorers/{name}/p_pass_calibration_report"] = calibration_report(table, seed=scored.seed, subject=name)
    for prefix, subject, table in scored.of_model_programs("completion_scores"):
        reports[f"{prefix}calibration_report"] = calibration_report(table, seed=scored.seed, subject=subject)
    return reports, {name: getattr(report.overall["p_pass"], name) for name in names}


@_report("execution_pack")
def retrieval_report(scored: Scored, inputs: Inputs) -> tuple[Mapping[str, BaseModel], Figures]:
    """Retrieval of the real output among held-out outputs by the predicted latent, against no_action."""
    from codelewm_assets.evaluation.retrieval import retrieval_report as compute

    rows = scored.pack_rows()
    report = compute(*scored.records_and_latents(), rows, **scored.drawn)
    model = report.scores["model"] if report.scores else None
    metadata: Figures = {"recall_at_1": model.recall_at_1, "mrr": model.mrr} if model else {}
    reports: dict[str, BaseModel] = {"retrieval_report": report}
    for name in scored.output_benchmarks:
        own = compute(*scored.published_records(name, rows), rows, **scored.drawn)
        reports[f"outputs/{name}/retrieval_report"] = own
        metadata |= {f"{name}_query_count": own.query_count,
                     f"{name}_recall_at_1": own.scores["model"].recall_at_1 if own.scores else None}  # fmt: skip
    return reports, {"query_count": report.query_count, **metadata}


@_report("semantic_decoys")
def surprise_report(scored: Scored, inputs: Inputs) -> tuple[Mapping[str, BaseModel], Figures]:
    """Energy of decoys against that of real outputs, per decoy category."""
    from codelewm_assets.evaluation.surprise import surprise_report as compute

    decoys = inputs.decoys()
    report = compute(*scored.records_and_latents(), decoys, **scored.drawn)
    metadata: Figures = {f"{name}_auc": category.auc for name, category in report.categories.items()}
    reports: dict[str, BaseModel] = {"surprise_report": report}
    for name in scored.output_benchmarks:
        own = compute(*scored.output_records(name), decoys, **scored.drawn)
        reports[f"outputs/{name}/surprise_report"] = own
        metadata |= {f"{name}_{category}_auc": own.categories[category].auc for category in OF_RECORDS}
    return reports, metadata


@_report("execution_pack", kinds=("scikitlearn", "json"))
def latent_probe_report(scored: Scored, inputs: Inputs) -> tuple[Mapping[str, BaseModel], Figures]:
    """Linear probes of the predicted latent, against probes of the model's inputs."""
    from codelewm_assets.evaluation.probe import latent_probe_report as compute

    report = compute(*scored.records_and_latents(), *scored.probe_fit(), scored.pack_rows(), **scored.drawn)
    return {"latent_probe_report": report}, {
        f"{name}_lift": target.lift_over_best_control for name, target in report.targets.items()
    }


@_report("execution_pack", "problem_splits", draw=rerank_pictures)
def rerank_report(scored: Scored, inputs: Inputs) -> tuple[Mapping[str, BaseModel], Figures]:
    """Pass@1 and MRR of pools ordered by p_pass, by benchmark, with lifts over every control and their intervals."""
    from codelewm_assets.evaluation.rerank import rerank_report as compute

    candidates = {"critic", *scored.named("candidate")}  # of p_pass the critic is a control

    def judge(table: ScoreTable, subject: str) -> RerankReport:
        rivals = candidates - {"critic" if subject == "p_pass" else subject}
        named = [name for name in scored.named("control") if name != subject]
        return compute(
            table, subject=subject, candidates=rivals, named_controls=named, labels=scored.labels, **scored.drawn
        )

    splits = inputs.splits()
    report = judge(scored.table("score_rows"), "p_pass")
    metadata: Figures = {}
    for benchmark, result in report.benchmarks.items():
        lift = result.lift_over_best_control
        metadata |= {f"{benchmark}_pass_at_1": result.pass_at_1["p_pass"], f"{benchmark}_pool_count": result.pool_count,
                     f"{benchmark}_best_control": result.best_control,
                     f"{benchmark}_lift_points": lift.points if lift else None}  # fmt: skip
    reports: dict[str, BaseModel] = {"rerank_report": report, **scored.transfer_reports(splits)}
    for name in scored.scorers:
        own = judge(scored.table("score_rows", name), name)
        reports[f"scorers/{name}/rerank_report"] = own
        for benchmark, result in own.benchmarks.items():
            lift = result.lift_over_best_control
            metadata |= {f"{benchmark}_{name}_pass_at_1": result.pass_at_1[name],
                         f"{benchmark}_{name}_lift_points": lift.points if lift else None}  # fmt: skip
    for prefix, subject, table in scored.of_model_programs("score_rows"):
        reports[f"{prefix}rerank_report"] = judge(table, subject)
    return reports | scored.contamination_reports(splits), metadata


ASSETS = [heldout_scores, p_pass_calibration, retrieval_report, surprise_report, latent_probe_report, rerank_report]
CHECKS = [
    check_of(rule_of("heldout_scores", every_score_row_has_p_pass, is_stored=True), is_seeded=True),
    check_of(rule_of("heldout_scores", only_held_out_rows_were_scored, is_stored=True), is_seeded=True),
]
