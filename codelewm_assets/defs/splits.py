"""Stage `splits`: folds of problems."""

from collections import Counter

from codelewm_assets.core.tables import arrow_schema, write_table
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.near_duplicates import NearDuplicate, pairs_with_reasons
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import checks_on
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.plumbing import Made, versions


@artifact_asset(
    "splits", deps=["execution_pack", "benchmark_problems"], kinds={"scikitlearn", "parquet"}, code_version="2",
    table=ProblemSplit,
)  # fmt: skip
def problem_splits(run: AssetRun) -> Plan:
    """Which of five folds each problem belongs to, its near-duplicates with it."""
    floors = run.profile.preflight.floors.of_cells
    config = run.profile.splits.model_dump() | {"floors": floors} | versions("scikit-learn", "datasketch")
    return Plan(lambda: _make(run.inputs), config)


def _make(inputs: Inputs) -> Made:
    from codelewm_assets.dataset.folds import assign_folds

    settings, near = inputs.profile.splits, inputs.near_duplicates()
    pairs = pairs_with_reasons(near)
    floors = inputs.profile.preflight.floors.of_cells
    drawn = assign_folds(inputs.pack(), pairs, floors=floors, seed=settings.seed, seed_search=settings.seed_search)
    sizes = Counter(split.cluster for split in drawn.splits)
    metadata = {
        "problems_by_fold": dict(sorted(Counter(f"fold {split.fold}" for split in drawn.splits).items())),
        "cluster_count": len(sizes),
        "largest_cluster": max(sizes.values()),
        "near_duplicate_pairs": len(pairs),
        "near_duplicates_by_reason": dict(sorted(Counter(row.reason for row in near).items())),
        "seed": drawn.seed,
        "seeds_tried": drawn.seeds_tried,
        "rows_below_floors": drawn.shortfall,
    }
    files = {
        "splits.parquet": write_table(drawn.splits),
        "near_duplicates.parquet": write_table(near, arrow_schema(NearDuplicate)),
    }
    return Made(files, metadata)


ASSETS = [problem_splits]
CHECKS = checks_on("problem_splits")
