"""Stage `splits`: folds of problems."""

from collections import Counter

import dagster as dg

from codelewm_assets.core.tables import write_table
from codelewm_assets.defs.automation import EAGER_WHEN_GREEN
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.plumbing import Made, column_schema, materialize, versions
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.defs.rules import checks_on
from codelewm_assets.defs.stages import OWNERS
from codelewm_assets.splits.folds import ProblemSplit


@dg.asset(
    group_name="splits",
    kinds={"scikitlearn", "parquet"},
    owners=OWNERS,
    deps=["execution_pack", dg.AssetDep("benchmark_problems", partition_mapping=dg.AllPartitionMapping())],
    code_version="1",
    automation_condition=EAGER_WHEN_GREEN,
    metadata=column_schema(ProblemSplit),
)
def problem_splits(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Which of five folds each problem belongs to, its near-duplicates with it."""
    inputs = Inputs(context.instance, store.get(), profile.get())
    settings = inputs.profile.splits

    def make() -> Made:
        from codelewm_assets.splits.folds import assign_folds

        found = assign_folds(
            inputs.pack(), inputs.references(), threshold=settings.near_duplicate_threshold, seed=settings.seed
        )
        sizes = Counter(f"fold {split.fold}" for split in found)
        metadata = {"problems_by_fold": dict(sorted(sizes.items())), "cluster_count": len({s.cluster for s in found})}
        return Made({"splits.parquet": write_table(found)}, metadata)

    parents = [inputs.artifact("execution_pack"), *inputs.of_benchmarks("benchmark_problems")]
    return materialize(
        context, inputs.store, parents=parents, config=settings.model_dump() | versions("scikit-learn"), make=make
    )


ASSETS = [problem_splits]
CHECKS = checks_on("problem_splits")
