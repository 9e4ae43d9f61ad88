"""Stage `sources`: problems of each benchmark."""

import os

import dagster as dg

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.records import Problem
from codelewm_assets.core.tables import write_table
from codelewm_assets.defs.partitions import BENCHMARK
from codelewm_assets.defs.plumbing import Made, column_schema, materialize
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.defs.rules import checks_on
from codelewm_assets.defs.secrets import keeps_secrets
from codelewm_assets.defs.stages import OWNERS
from codelewm_assets.sources.pins import EVALPLUS_FILES, HUMANEVAL_WHEEL_SHA256
from codelewm_assets.sources.stand_in import STAND_IN_REVISION, stand_in_digest


@dg.asset(
    group_name="sources",
    kinds={"python", "parquet"},
    owners=OWNERS,
    partitions_def=BENCHMARK,
    code_version="2",
    pool="hub",
    metadata=column_schema(Problem),
)
@keeps_secrets
def benchmark_problems(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Problems of one benchmark as published, with the inputs they are judged on, and those left out with reasons."""
    settings, benchmark = profile.get().sources, context.partition_key
    source = settings.humaneval if benchmark == "humaneval" else settings.mbpp_plus
    pin = EVALPLUS_FILES[benchmark]  # type: ignore[index]
    revision = os.environ.get(pin.revision_environment) if not os.environ.get(pin.environment) else None
    pinned = {
        "wheel": HUMANEVAL_WHEEL_SHA256,
        "stand_in": f"{STAND_IN_REVISION} {stand_in_digest()}",
        "evalplus": revision or pin.sha256,
    }[source]
    config = {"source": source, "max_inputs": settings.max_inputs_per_problem, "pinned": pinned}
    return materialize(
        context, store.get(), parents=[], config=config, make=lambda: _make(benchmark, source, store, profile)
    )


def _make(benchmark: str, source: str, store: StoreResource, profile: ProfileResource) -> Made:
    from codelewm_assets.sandbox.limits import Limits
    from codelewm_assets.sandbox.outcome import Program
    from codelewm_assets.sandbox.pool import SandboxPool
    from codelewm_assets.sources.problem import load_benchmark

    with SandboxPool(1) as pool:

        def run(code: str, entry_point: str, inputs: tuple[str, ...]) -> list[str | None]:
            return [
                r.output
                for r in pool.run(
                    Program(code, entry_point, inputs), Limits(input_cpu_s=20, cpu_s=20, wall_s=90)
                ).inputs
            ]

        read = load_benchmark(
            benchmark,  # type: ignore[arg-type]
            source=source,  # type: ignore[arg-type]
            max_inputs=profile.get().sources.max_inputs_per_problem,
            run=run,
            environment=os.environ,
            cache=store.work_folder() / "downloads",
        )
    return Made(
        files={
            "problems.parquet": write_table(read.problems),
            "left_out.json": pretty_json([row.model_dump() for row in read.left_out]),
        },
        metadata={
            "benchmark_label": read.problems[0].benchmark_label,
            "source_revision": read.revision,
            "problem_count": len(read.problems),
            "left_out_count": len(read.left_out),
            "input_count": sum(len(problem.inputs) for problem in read.problems),
        },
    )


ASSETS = [benchmark_problems]
CHECKS = checks_on("benchmark_problems", BENCHMARK)
