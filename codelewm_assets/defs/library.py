"""Library code for training: functions (stage `sources`) and their labelled variants (stage `completions`)."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from codelewm_assets.core.digests import pretty_json, unit_interval
from codelewm_assets.core.package import versions
from codelewm_assets.core.records import LibraryFunction, LibraryVariant
from codelewm_assets.core.tables import arrow_schema, in_groups, write_groups, write_table
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import checks_on
from codelewm_assets.defs.inputs import AssetOutput, Inputs
from codelewm_assets.defs.resources import StoreResource
from codelewm_assets.library.packages import package_versions
from codelewm_assets.sandbox.isolation import bubblewrap_works
from codelewm_assets.sandbox.seccomp import filters

VARIANTS_VERSION = "1"  # of variants and labels: shards of another version are not resumed


@artifact_asset(
    "sources", deps=["benchmark_problems"], kinds={"python", "parquet"}, code_version="1", table=LibraryFunction
)
def library_functions(run: AssetRun) -> Plan:
    """Functions of the standard library and of installed packages that no benchmark has, with their licences."""
    settings, thresholds = run.profile.library, run.profile.splits.thresholds

    def make() -> AssetOutput:
        from codelewm_assets.library import functions, overlap

        collected = functions.library_functions(settings.packages, most=settings.functions, seed=settings.seed)
        overlaps = overlap.find_overlaps(collected, run.inputs.problems(), thresholds)
        excluded = {row.function_id for row in overlaps}
        kept = [function for function in collected if function.function_id not in excluded]
        return AssetOutput(
            {
                "functions.parquet": write_table(kept, arrow_schema(LibraryFunction)),
                "left_out.json": pretty_json([asdict(row) for row in overlaps]),
            },
            {
                "function_count": len(kept),
                "by_package": dict(sorted(Counter(function.package for function in kept).items())),
                "licences": {function.package: function.license for function in kept},
                "with_prompt_count": sum(bool(function.prompt) for function in kept),
                "left_out_count": len(excluded),
                "left_out_by_reason": dict(sorted(Counter(row.reason for row in overlaps).items())),
            },
        )

    config = settings.model_dump(include={"functions", "seed"}) | {
        "packages": package_versions(settings.packages),
        "thresholds": asdict(thresholds),
    }
    return Plan(make, config | versions("python"))


@artifact_asset(
    "completions", deps=["library_functions"], kinds={"python", "parquet"}, code_version=VARIANTS_VERSION, pool="sandbox",
    table=LibraryVariant,
)  # fmt: skip
def library_variants(run: AssetRun) -> Plan:
    """Rewrites, bugs and neutral edits of library functions, labelled by running where inputs can be had: training only."""
    settings, sandbox = run.profile.library, run.profile.sandbox
    config = settings.model_dump(include={"twins_per_function", "varied", "seed"}) | {
        "cpu_floor_s": sandbox.cpu_floor_s,
        "isolation": sandbox.isolation,
        "bubblewrap": bubblewrap_works(),
        "seccomp": filters() is not None,
    }
    config |= versions("python")
    return Plan(lambda: _label(run.inputs, run.store, config, run.folder, log=run.context.log.info), config)


def _label(
    inputs: Inputs, store: StoreResource, config: dict[str, Any], folder: Path, *, log: Callable[[str], None]
) -> AssetOutput:
    from codelewm_assets.completions.progress import Progress
    from codelewm_assets.completions.shards import ShardFolder
    from codelewm_assets.completions.spread import refuse_missing
    from codelewm_assets.library.label import LibraryShard, VariantSettings, label_library
    from codelewm_assets.sandbox.pool import SandboxPool

    settings, sandbox = inputs.profile.library, inputs.profile.sandbox
    functions = sorted(inputs.library_functions(), key=lambda f: unit_interval("varied", f.function_id))[
        : settings.varied
    ]
    counts, mutants = Counter[tuple[str, str, bool]](), dict[str, list[int]]()
    run_functions, path = 0, folder / "variants.parquet"
    with (
        Progress(store.progress_path("library_variants"), len(functions), log=log, items="functions") as progress,
        SandboxPool(sandbox.workers) as pool,
    ):
        refuse_missing(pool.isolation, sandbox.isolation)

        def rows() -> Iterator[LibraryVariant]:
            nonlocal run_functions
            for shard in label_library(
                functions,
                VariantSettings(settings.twins_per_function, settings.seed, sandbox.cpu_floor_s),
                pool=pool,
                folder=ShardFolder(store.partial_folder("library_variants"), LibraryShard),
                depends_on={**config, "code_version": VARIANTS_VERSION},
            ):
                progress.add(1)
                run_functions += shard.input_count > 0
                for variant in shard.variants:
                    counts[variant.kind, variant.labelled_by, variant.passed] += 1
                    if variant.kind == "mutant" and variant.labelled_by == "running":
                        row = mutants.setdefault(variant.operator, [0, 0])
                        row[0], row[1] = row[0] + 1, row[1] + variant.passed
                    yield variant

        total = write_groups(path, in_groups(rows()), LibraryVariant)
        layers = pool.isolation.layers
    by_running = sum(count for (_, labelled_by, _), count in counts.items() if labelled_by == "running")
    return AssetOutput(
        {"variants.parquet": path},
        {
            "isolation_layers": list(layers),
            "variant_count": total,
            "passed_count": sum(count for (_, _, passed), count in counts.items() if passed),
            "by_kind_and_label": {
                f"{kind}.{labelled_by}.{'passed' if passed else 'failed'}": count
                for (kind, labelled_by, passed), count in sorted(counts.items())
            },
            "run_function_count": run_functions,
            "run_share": by_running / total if total else None,
            "equivalent_mutants_by_operator": {
                operator: {"run": run, "passed": passed} for operator, (run, passed) in sorted(mutants.items())
            },
        },
    )


ASSETS = [library_functions, library_variants]
CHECKS = [*checks_on("library_functions"), *checks_on("library_variants")]
