"""Stage `decoys`: pairs and pools made from the pack they are scored on."""

from collections import Counter

import dagster as dg

from codelewm_assets.core.records import Decoy, PoolMember
from codelewm_assets.core.tables import write_table
from codelewm_assets.defs.automation import EAGER_WHEN_GREEN
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.plumbing import Made, column_schema, materialize
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.defs.rules import checks_on
from codelewm_assets.defs.secrets import keeps_secrets
from codelewm_assets.defs.stages import OWNERS


@dg.asset(
    group_name="decoys",
    kinds={"python", "parquet"},
    owners=OWNERS,
    deps=["execution_pack"],
    code_version="2",
    automation_condition=EAGER_WHEN_GREEN,
    metadata=column_schema(Decoy),
)
@keeps_secrets
def semantic_decoys(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Pairs of records whose outputs differ: of another submission, another input, or a mutation."""
    inputs = Inputs(context.instance, store.get(), profile.get())
    settings = inputs.profile.decoys
    config = {"pairs_per_query": settings.pairs_per_query, "pairs_per_problem": settings.pairs_per_problem}

    def make() -> Made:
        from codelewm_assets.decoys.pairs import make_decoys

        found = make_decoys(inputs.pack(), **config)
        categories = Counter(decoy.category for decoy in found)
        return Made({"decoys.parquet": write_table(found)}, {"pair_count": len(found), "by_category": dict(categories)})

    parents = [inputs.artifact("execution_pack")]
    return materialize(context, inputs.store, parents=parents, config=config, make=make)


@dg.asset(
    group_name="decoys",
    kinds={"python", "parquet"},
    owners=OWNERS,
    deps=["execution_pack", "labelled_completions"],
    code_version="2",
    automation_condition=EAGER_WHEN_GREEN,
    metadata=column_schema(PoolMember),
)
@keeps_secrets
def rerank_pools(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Pools of completions of one problem, centred on a failing pivot, to be ordered."""
    inputs = Inputs(context.instance, store.get(), profile.get())
    settings = inputs.profile.decoys
    config = {
        "passing": settings.pool_passing,
        "failing": settings.pool_failing,
        "pools_per_problem": settings.pools_per_problem,
    }

    def make() -> Made:
        from codelewm_assets.decoys.pools import make_pools

        in_pack = {row.source_submission_id for row in inputs.pack()}
        found = make_pools([i for i in inputs.labelled() if i.completion.completion_id in in_pack], **config)
        pools = Counter(benchmark for benchmark, _ in {(member.benchmark_id, member.pool_id) for member in found})
        return Made(
            {"pools.parquet": write_table(found)},
            {"member_count": len(found), "pools_by_benchmark": dict(sorted(pools.items()))},
        )

    parents = [inputs.artifact("execution_pack"), inputs.artifact("labelled_completions")]
    return materialize(context, inputs.store, parents=parents, config=config, make=make)


ASSETS = [semantic_decoys, rerank_pools]
CHECKS = [*checks_on("semantic_decoys"), *checks_on("rerank_pools")]
