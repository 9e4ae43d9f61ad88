"""Stage `completions`: programs to judge, and their labels."""

import time
from collections import Counter

import dagster as dg

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.records import Completion, LabelledCompletion
from codelewm_assets.core.tables import write_table
from codelewm_assets.defs.automation import EAGER_WHEN_GREEN
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.partitions import BENCHMARK
from codelewm_assets.defs.plumbing import Made, column_schema, materialize, versions
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.defs.rules import checks_on
from codelewm_assets.defs.stages import OWNERS
from codelewm_assets.sandbox.isolation import bubblewrap_works

PROGRESS_EVERY_S = 0.5


@dg.asset(
    group_name="completions",
    kinds={"python", "parquet"},
    owners=OWNERS,
    partitions_def=BENCHMARK,
    deps=["benchmark_problems"],
    code_version="1",
    automation_condition=EAGER_WHEN_GREEN,
    metadata=column_schema(Completion),
)
def candidate_completions(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Programs to judge for each problem: the reference, rewrites that should keep its meaning, one- and two-bug mutants."""
    inputs = Inputs(context.instance, store.get(), profile.get())
    settings, benchmark = inputs.profile.completions, context.partition_key

    def make() -> Made:
        from codelewm_assets.completions.candidates import make_completions

        found = make_completions(
            inputs.problems(benchmark),
            rewrites=settings.rewrites,
            one_bug=settings.one_bug,
            two_bug=settings.two_bug,
            seed=settings.seed,
        )
        kinds = Counter(completion.completion_kind for completion in found)
        return Made(
            {"completions.parquet": write_table(found)},
            {"completion_count": len(found), "by_kind": dict(sorted(kinds.items()))},
        )

    parents = [inputs.artifact("benchmark_problems", benchmark)]
    return materialize(
        context, inputs.store, parents=parents, config=settings.model_dump() | versions("python"), make=make
    )


@dg.asset(
    group_name="completions",
    kinds={"python", "parquet"},
    owners=OWNERS,
    partitions_def=BENCHMARK,
    deps=["benchmark_problems", candidate_completions],
    code_version="2",
    automation_condition=EAGER_WHEN_GREEN,
    metadata=column_schema(LabelledCompletion),
)
def labelled_completions(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Each completion run on each input in the sandbox, twice: outcome, output, and whether it passed."""
    inputs, benchmark = Inputs(context.instance, store.get(), profile.get()), context.partition_key
    parents = [inputs.artifact(name, benchmark) for name in ("benchmark_problems", "candidate_completions")]
    config = {"cpu_floor_s": inputs.profile.sandbox.cpu_floor_s, "bubblewrap": bubblewrap_works()} | versions("python")
    return materialize(
        context, inputs.store, parents=parents, config=config, make=lambda: _label(inputs, benchmark, store)
    )


def _label(inputs: Inputs, benchmark: str, store: StoreResource) -> Made:
    from codelewm_assets.completions.label import label_completions
    from codelewm_assets.sandbox.pool import SandboxPool
    from codelewm_assets.training.progress import event_line

    settings, started, last = inputs.profile.sandbox, time.monotonic(), [0.0]
    path = store.progress_path(f"labelled_completions-{benchmark}")
    with (
        path.open("w", encoding="utf-8", buffering=1) as stream,
        SandboxPool(settings.workers, hash_seed=0) as first,
        SandboxPool(settings.workers, hash_seed=1) as second,
    ):

        def on_progress(done: int, total: int) -> None:
            if done == total or time.monotonic() - last[0] > PROGRESS_EVERY_S:
                last[0] = time.monotonic()
                stream.write(event_line({"event": "labelled", "step": done, "steps": total}))

        result = label_completions(
            inputs.completions(benchmark),
            {problem.problem_id: problem for problem in inputs.problems(benchmark)},
            pools=(first, second),
            cpu_floor_s=settings.cpu_floor_s,
            on_progress=on_progress,
        )
        layers = first.isolation.layers
    outcomes = Counter(f"{row.completion.completion_kind}.{row.outcome}" for row in result.labelled)
    rewrites = [row for row in result.labelled if row.completion.completion_kind == "rewrite"]
    return Made(
        files={
            "labelled.parquet": write_table(result.labelled),
            "left_out.json": pretty_json([row.model_dump() for row in result.left_out]),
        },
        metadata={
            "isolation_layers": list(layers),
            "completion_count": len(result.labelled),
            "by_kind_and_outcome": dict(sorted(outcomes.items())),
            "wrong_rewrite_share": sum(not row.passed for row in rewrites) / len(rewrites) if rewrites else None,
            "left_out_count": len(result.left_out),
            "dropped_input_count": result.dropped_input_count,
        },
        shown={"cpu_s": sum(result.cpu_ms.values()) / 1000, "wall_s": time.monotonic() - started},
    )


ASSETS = [candidate_completions, labelled_completions]
CHECKS = [*checks_on("candidate_completions", BENCHMARK), *checks_on("labelled_completions", BENCHMARK)]
