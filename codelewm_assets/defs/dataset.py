"""Stages `packs`, `splits` and `decoys`: the execution pack, the fold of each problem, decoy pairs and rerank pools."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from codelewm_assets.core.package import versions
from codelewm_assets.core.records import Decoy, PackRow, PoolMember
from codelewm_assets.core.tables import arrow_schema, in_groups, sample_rows, write_groups, write_table
from codelewm_assets.dataset.folds import ProblemSplit
from codelewm_assets.dataset.near_duplicates import NearDuplicate, pairs_with_reasons
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.automation import OF_DATA
from codelewm_assets.defs.checks import checks_on
from codelewm_assets.defs.inputs import AssetOutput, Inputs
from codelewm_assets.defs.ui_metadata import sample
from codelewm_assets.store.store import Artifact


@artifact_asset(
    "packs", deps=["benchmark_problems", "labelled_completions"], kinds={"python", "parquet"}, code_version="6",
    table=PackRow, freshness=OF_DATA,
)  # fmt: skip
def execution_pack(run: AssetRun) -> Plan:
    """One row per problem, completion and input of every benchmark, under the published field names."""
    inputs, settings = run.inputs, run.profile.pack.model_dump()

    def make() -> AssetOutput:
        from codelewm_assets.dataset.pack import build_pack, pack_summary

        problems = {problem.problem_id: problem for problem in inputs.problems()}
        rows = build_pack(inputs.labelled(), problems, **settings)
        labels: dict[str, str] = {p.benchmark_id: p.benchmark_label for p in inputs.problems()}
        write_groups(run.folder / "pack.parquet", in_groups(rows), PackRow)
        return AssetOutput({"pack.parquet": run.folder / "pack.parquet"}, pack_summary(rows, labels))

    return Plan(
        make, settings, show=lambda pack: sample(inputs, pack, lambda: sample_rows(pack.path("pack.parquet")), PackRow)
    )


@artifact_asset(
    "splits", deps=["execution_pack", "benchmark_problems"], kinds={"scikitlearn", "parquet"}, code_version="2",
    table=ProblemSplit,
)  # fmt: skip
def problem_splits(run: AssetRun) -> Plan:
    """The fold, of five, of each problem; near-duplicates share a fold."""
    floors = run.profile.preflight.floors.of_cells
    config = run.profile.splits.model_dump() | {"floors": floors} | versions("scikit-learn", "datasketch")
    return Plan(lambda: _make(run.inputs), config)


def _make(inputs: Inputs) -> AssetOutput:
    from codelewm_assets.dataset.folds import assign_folds, folds_summary

    settings, near = inputs.profile.splits, inputs.near_duplicates()
    pairs, floors = pairs_with_reasons(near), inputs.profile.preflight.floors.of_cells
    drawn = assign_folds(inputs.pack(), pairs, floors=floors, seed=settings.seed, seed_search=settings.seed_search)
    reasons = Counter(row.reason for row in near)
    files = {
        "splits.parquet": write_table(drawn.splits),
        "near_duplicates.parquet": write_table(near, arrow_schema(NearDuplicate)),
    }
    near_counts = {"near_duplicate_pairs": len(pairs), "near_duplicates_by_reason": dict(sorted(reasons.items()))}
    return AssetOutput(files, folds_summary(drawn) | near_counts)


@artifact_asset("decoys", deps=["execution_pack"], kinds={"python", "parquet"}, code_version="4", table=Decoy)
def semantic_decoys(run: AssetRun) -> Plan:
    """Pairs of records whose outputs differ: of another submission, another input, or a mutation."""
    settings = run.profile.decoys
    config = {"pairs_per_query": settings.pairs_per_query, "pairs_per_problem": settings.pairs_per_problem}

    def make() -> AssetOutput:
        from codelewm_assets.dataset.decoys import make_decoys

        decoys = make_decoys(run.inputs.pack(), **config)
        categories = Counter(decoy.category for decoy in decoys)
        return AssetOutput(
            {"decoys.parquet": write_table(decoys)}, {"pair_count": len(decoys), "by_category": dict(categories)}
        )

    return Plan(make, config)


@artifact_asset(
    "decoys", deps=["execution_pack", "labelled_completions"], kinds={"python", "parquet"}, code_version="4",
    table=PoolMember,
)  # fmt: skip
def rerank_pools(run: AssetRun) -> Plan:
    """Pools of one problem's programs to be ordered: twins, half of them with the same bug, and programs that models wrote."""
    inputs, settings = run.inputs, run.profile.decoys
    twins = {"pool_pairs": settings.pool_pairs, "pools_per_problem": settings.pools_per_problem}
    models = {"pool_size": settings.model_pool_size, "pools_per_problem": settings.model_pools_per_problem}

    def make() -> AssetOutput:
        from codelewm_assets.dataset.model_pools import make_model_pools
        from codelewm_assets.dataset.pools import make_pools

        in_pack = {row.source_submission_id for row in inputs.pack()}
        labelled = [item for item in inputs.labelled() if item.completion.completion_id in in_pack]
        members = [*make_pools(labelled, **twins), *make_model_pools(labelled, **models)]
        pools = Counter(
            (kind, benchmark) for kind, benchmark, _ in {(m.pool_kind, m.benchmark_id, m.pool_id) for m in members}
        )
        counts = {f"{kind}.{benchmark}": count for (kind, benchmark), count in sorted(pools.items())}
        return AssetOutput(
            {"pools.parquet": write_table(members, arrow_schema(PoolMember))},
            {"member_count": len(members), "pools_by_kind_and_benchmark": counts},
        )

    def show(pools: Artifact) -> Mapping[str, Any]:
        return sample(inputs, pools, lambda: sample_rows(pools.path("pools.parquet")), PoolMember)

    return Plan(make, {"twin": twins, "model": models}, show=show)


ASSETS = [execution_pack, problem_splits, semantic_decoys, rerank_pools]
CHECKS = [check for asset in ASSETS for check in checks_on(asset.key.to_user_string())]
