"""Stage `training`: the critic, which reads the text of programs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.findings import finding
from codelewm_assets.core.ids import split_of
from codelewm_assets.core.package import versions
from codelewm_assets.core.records import Finding
from codelewm_assets.core.tables import arrow_schema, sample_rows, write_table
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import check_of, rule_of
from codelewm_assets.defs.guards import require_clear, require_same_settings
from codelewm_assets.defs.inputs import AssetOutput, Inputs
from codelewm_assets.defs.ui_metadata import sample
from codelewm_assets.preflight.clearance import BEFORE_THE_PACK, require_clear_artifacts
from codelewm_assets.release.preregistration import preregister
from codelewm_assets.store.store import Artifact

TRAINED_ON = ("execution_pack", "problem_splits", "benchmark_problems", "library_functions", "library_variants")


@artifact_asset(
    "training", deps=["preflight_report", *TRAINED_ON], kinds={"scikitlearn"}, code_version="5", is_seeded=True,
    gated_by=[*(name for name in BEFORE_THE_PACK if name not in TRAINED_ON), "rerank_pools", "semantic_decoys", "control_scores"],
)  # fmt: skip
def critic(run: AssetRun) -> Plan:
    """The critic of every fold of one seed, and its scores; starts only when every check on exactly its inputs is green."""
    inputs, settings = run.inputs, run.profile.critic
    require_clear(run.context.instance)
    require_same_settings(inputs)
    digests = {parent.manifest.artifact_id: parent.digest for parent in run.parents()}

    def make() -> AssetOutput:
        from codelewm_assets.scorers import fitting

        require_clear_artifacts(inputs.store, digests, folds=None, trained_on=TRAINED_ON)
        preregister(inputs.store.work, digests["preflight_report"], datetime.now(UTC))
        functions = inputs.library_functions()
        folds, names = fitting.pack_examples(inputs.pack(), inputs.splits(), inputs.prompts(), settings.benchmarks)
        fitted = fitting.fit_critics(
            features := fitting.library_features(tuple(function.code for function in functions)),
            folds,
            names,
            fitting.library_examples(functions, inputs.library_variants()),
            seed=int(run.seed),
            with_unseen=settings.unseen_operators,
            with_unseen_models=settings.unseen_models,
        )
        require_clear(run.context.instance)  # again: the data may have been rebuilt while it was fitted
        about = fitting.CriticAbout(
            seed=int(run.seed),
            folds=tuple(sorted(fitted.critics)),
            benchmarks=tuple(settings.benchmarks),
            trained_on={name: digests[name] for name in TRAINED_ON},
        )
        return AssetOutput(
            {
                "features.safetensors": features.dumps(),
                **{f"fold{fold}.safetensors": own.dumps() for fold, own in fitted.critics.items()},
                "scores.parquet": write_table(fitted.scores, arrow_schema(fitting.CriticScore)),
                "unseen.parquet": write_table(fitted.unseen, arrow_schema(fitting.FamilyCriticScore)),
                "unseen_models.parquet": write_table(fitted.unseen_models, arrow_schema(fitting.CriticScore)),
                "critic.json": pretty_json(about.model_dump(mode="json")),
            },
            {
                "fold_count": len(fitted.critics),
                "completion_count": len(fitted.scores),
                "unseen_family_count": len({row.family for row in fitted.unseen}),
            },
        )

    def show(artifact: Artifact) -> Mapping[str, Any]:
        from codelewm_assets.scorers.fitting import CriticScore

        return sample(inputs, artifact, lambda: sample_rows(artifact.path("scores.parquet")), CriticScore)

    return Plan(make, settings.model_dump(mode="json") | versions("scikit-learn", "numpy"), show=show)


def critic_scores_held_out_programs(inputs: Inputs, partition: str | None) -> Finding:
    """Each score is of a problem in the fold of the critic that gave it, and was fitted on the latest clear data."""
    from codelewm_assets.core.tables import read_table
    from codelewm_assets.scorers.fitting import CriticScore

    artifact = inputs.artifact("critic", partition)
    fold = {split.problem_id: split.fold for split in inputs.splits()}
    about = artifact.read_json("critic.json")
    rows = read_table(artifact.path("scores.parquet"), CriticScore)
    bad = sorted(
        {f"{row.problem_id}: of fold {fold.get(row.problem_id)}, scored by {row.fold}" for row in rows
         if row.problem_id not in fold or split_of(fold[row.problem_id], model_fold=row.fold) != "test"}
    )  # fmt: skip
    bad += [
        f"{name} was rebuilt since"
        for name in TRAINED_ON
        if about["trained_on"].get(name) != inputs.artifact(name).digest
    ]
    return finding(
        "critic_scores_held_out_programs",
        bad,
        blocker="scored_problem_trained_on",
        message="The critic scored only problems that it never saw.",
        figures={"completions": len(rows), "problems": len({row.problem_id for row in rows})},
    )


ASSETS: list[dg.AssetsDefinition] = [critic]
CHECKS = [check_of(rule_of("critic", critic_scores_held_out_programs), is_seeded=True)]
