"""Stage `sources`: problems of every benchmark."""

import os
from collections.abc import Mapping
from pathlib import Path

from codelewm_assets.benchmarks.cruxeval import pinned_version
from codelewm_assets.benchmarks.pins import DATASETS, EVALPLUS_FILES, HUMANEVAL_WHEEL_SHA256
from codelewm_assets.benchmarks.stand_in import STAND_IN_REVISION, stand_in_digest
from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.ids import AnyBenchmarkId, SourceName
from codelewm_assets.core.records import Problem
from codelewm_assets.core.tables import write_table
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.automation import RELEASES
from codelewm_assets.defs.checks import checks_on
from codelewm_assets.defs.inputs import AssetOutput


@artifact_asset(
    "sources", gated_by=RELEASES.values(), kinds={"python", "parquet"}, code_version="4", pool="hub", table=Problem,
)  # fmt: skip
def benchmark_problems(run: AssetRun) -> Plan:
    """Problems of every benchmark as published, with their test inputs, and the excluded problems with reasons."""
    settings = run.profile.sources
    sources = settings.by_benchmark
    config = {
        "sources": {benchmark: [source, pinned(benchmark, source)] for benchmark, source in sources.items()},
        "max_inputs": settings.max_inputs_per_problem,
    }
    cache = run.store.work_folder() / "downloads"
    return Plan(lambda: _make(sources, settings.max_inputs_per_problem, cache), config)


def pinned(benchmark: AnyBenchmarkId, source: str) -> str:
    """The pin of a source: its revision or the digest of its bytes."""
    if source == "cruxeval":
        return pinned_version(DATASETS[benchmark], os.environ)
    pin = EVALPLUS_FILES[benchmark]
    revision = os.environ.get(pin.revision_environment) if not os.environ.get(pin.environment) else None
    return {
        "wheel": HUMANEVAL_WHEEL_SHA256,
        "stand_in": f"{STAND_IN_REVISION} {stand_in_digest()}",
        "evalplus": revision or pin.sha256,
    }[source]


def _make(sources: Mapping[AnyBenchmarkId, SourceName], max_inputs: int | None, cache: Path) -> AssetOutput:
    from codelewm_assets.benchmarks.problem import load_benchmark
    from codelewm_assets.completions.label_file import reference_runner
    from codelewm_assets.sandbox.pool import SandboxPool

    with SandboxPool(1) as pool:
        run = reference_runner(pool)
        by_benchmark = {
            benchmark: load_benchmark(
                benchmark, source=source, max_inputs=max_inputs, run=run, environment=os.environ, cache=cache
            )
            for benchmark, source in sources.items()
        }
    files: dict[str, bytes | Path] = {
        f"{benchmark}/problems.parquet": write_table(loaded.problems) for benchmark, loaded in by_benchmark.items()
    }
    excluded = [row.model_dump() for loaded in by_benchmark.values() for row in loaded.excluded]
    problems = [problem for loaded in by_benchmark.values() for problem in loaded.problems]
    return AssetOutput(
        files | {"left_out.json": pretty_json(excluded)},
        {
            "benchmark_labels": {b: loaded.problems[0].benchmark_label for b, loaded in by_benchmark.items()},
            "source_revisions": {b: loaded.revision for b, loaded in by_benchmark.items()},
            "problems_by_benchmark": {b: len(loaded.problems) for b, loaded in by_benchmark.items()},
            "problem_count": len(problems),
            "left_out_count": len(excluded),
            "input_count": sum(len(problem.inputs) for problem in problems),
        },
    )


ASSETS = [benchmark_problems]
CHECKS = checks_on("benchmark_problems")
