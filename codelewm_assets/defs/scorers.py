"""Stage `evaluation`: scores of the scorers that a profile names."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import dagster as dg

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.core.package import versions
from codelewm_assets.core.records import Finding
from codelewm_assets.core.tables import arrow_schema, read_table, sample_rows, write_table
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import check_of, rule_of
from codelewm_assets.defs.inputs import AssetOutput, Inputs
from codelewm_assets.defs.ui_metadata import sample
from codelewm_assets.evaluation.transfer import equivalent_pairs
from codelewm_assets.scorers.named import NamedScore, ScoredProgram, StatedTraining, named_scores, stated_training
from codelewm_assets.store.store import Artifact


@artifact_asset(
    "evaluation", deps=["execution_pack", "rerank_pools", "benchmark_problems"], kinds={"python", "parquet"}, code_version="2",
    table=NamedScore,
)  # fmt: skip
def scorer_scores(run: AssetRun) -> Plan:
    """Scores of everything that is scored by the scorers that the profile names, by models or from files."""
    inputs, settings = run.inputs, run.profile.scorers
    stated = [stated_training(name, scorer) for name, scorer in sorted(settings.items())]

    def make() -> AssetOutput:
        prompts, pooled = inputs.prompts(), {member.completion_id for member in inputs.pools()}
        paired = {name for pair in equivalent_pairs(inputs.pack()) for name in (pair.unedited, pair.edited)}
        programs = {
            row.source_submission_id: ScoredProgram(
                row.source_submission_id, prompts[row.source_problem_id], row.code_tokens
            )
            for row in inputs.pack()
            if row.source_dataset in BENCHMARKS
            and (row.is_scored or row.completion_kind == "model" or row.source_submission_id in pooled | paired)
        }
        asked = [programs[name] for name in sorted(programs)]
        scores = [score for row in stated for score in named_scores(row.name, settings[row.name], asked)]
        counts = Counter(score.scorer for score in {(s.scorer, s.completion_id): s for s in scores}.values())
        return AssetOutput(
            {
                "scores.parquet": write_table(scores, arrow_schema(NamedScore)),
                "scorers.json": pretty_json([row.model_dump(mode="json") for row in stated]),
            },
            {
                "program_count": len(asked) if settings else 0,
                "scored_count": {row.name: counts[row.name] for row in stated},
                "missing_count": {row.name: len(asked) - counts[row.name] for row in stated},
            },
        )

    def show(artifact: Artifact) -> Mapping[str, Any]:
        return sample(inputs, artifact, lambda: sample_rows(artifact.path("scores.parquet")), NamedScore)

    config = {"scorers": [row.model_dump(mode="json") for row in stated]}
    needs_models = any(row.kind != "external" for row in stated)
    return Plan(make, config | (versions("torch", "transformers") if needs_models else {}), show=show)


def stated_in(artifact: Artifact) -> list[StatedTraining]:
    """The scorers of `scorer_scores`."""
    return [StatedTraining.model_validate(row) for row in artifact.read_json("scorers.json")]


def scorers_score_every_pool_member(inputs: Inputs, partition: str | None) -> Finding:
    """Every scorer that the profile names has a score of every pool member of the folds that it is judged on."""
    artifact = inputs.artifact("scorer_scores")
    fold = {split.problem_id: split.fold for split in inputs.splits()}
    scored = {(row.scorer, row.completion_id) for row in read_table(artifact.path("scores.parquet"), NamedScore)}
    stated, pools = stated_in(artifact), inputs.pools()
    bad = []
    for row in stated:
        members = {m.completion_id for m in pools if fold.get(m.problem_id) in row.folds}
        missing = sorted(name for name in members if (row.name, name) not in scored)
        if missing:
            bad.append(f"{row.name}: {len(missing)} of {len(members)} pool members have no score, first {missing[0]}")
    return finding(
        "scorers_score_every_pool_member",
        bad,
        blocker="scores_missing",
        message="Every scorer of the profile has a score of every pool member.",
        figures={"scorers": len(stated), "scores": len(scored)},
    )


ASSETS: list[dg.AssetsDefinition] = [scorer_scores]
CHECKS = [check_of(rule_of("scorer_scores", scorers_score_every_pool_member), blocking=False)]
