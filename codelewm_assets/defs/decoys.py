"""Stage `decoys`: pairs and pools made from the pack they are scored on."""

from collections import Counter

from codelewm_assets.core.records import Decoy, PoolMember
from codelewm_assets.core.tables import write_table
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import checks_on
from codelewm_assets.defs.plumbing import Made


@artifact_asset("decoys", deps=["execution_pack"], kinds={"python", "parquet"}, code_version="2", table=Decoy)
def semantic_decoys(run: AssetRun) -> Plan:
    """Pairs of records whose outputs differ: of another submission, another input, or a mutation."""
    settings = run.profile.decoys
    config = {"pairs_per_query": settings.pairs_per_query, "pairs_per_problem": settings.pairs_per_problem}

    def make() -> Made:
        from codelewm_assets.dataset.decoys import make_decoys

        found = make_decoys(run.inputs.pack(), **config)
        categories = Counter(decoy.category for decoy in found)
        return Made({"decoys.parquet": write_table(found)}, {"pair_count": len(found), "by_category": dict(categories)})

    return Plan(make, config)


@artifact_asset(
    "decoys", deps=["execution_pack", "labelled_completions"], kinds={"python", "parquet"}, code_version="2",
    table=PoolMember,
)  # fmt: skip
def rerank_pools(run: AssetRun) -> Plan:
    """Pools of completions of one problem, centred on a failing pivot, to be ordered."""
    inputs, settings = run.inputs, run.profile.decoys
    config = {
        "passing": settings.pool_passing,
        "failing": settings.pool_failing,
        "pools_per_problem": settings.pools_per_problem,
    }

    def make() -> Made:
        from codelewm_assets.dataset.pools import make_pools

        in_pack = {row.source_submission_id for row in inputs.pack()}
        found = make_pools([i for i in inputs.labelled() if i.completion.completion_id in in_pack], **config)
        pools = Counter(benchmark for benchmark, _ in {(member.benchmark_id, member.pool_id) for member in found})
        return Made(
            {"pools.parquet": write_table(found)},
            {"member_count": len(found), "pools_by_benchmark": dict(sorted(pools.items()))},
        )

    return Plan(make, config)


ASSETS = [semantic_decoys, rerank_pools]
CHECKS = [*checks_on("semantic_decoys"), *checks_on("rerank_pools")]
