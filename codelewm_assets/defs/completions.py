"""Stage `completions`: candidate programs and their labels."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from codelewm_assets.core.digests import canonical_json, pretty_json
from codelewm_assets.core.ids import BENCHMARKS, AnyBenchmarkId
from codelewm_assets.core.package import versions
from codelewm_assets.core.records import Completion, ExcludedProblem, LabelledCompletion, Record
from codelewm_assets.core.sample_records import ImportedSample, SampledRow
from codelewm_assets.core.tables import arrow_schema, iter_table, write_groups, write_table
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.automation import IMPORTED_COMPLETIONS
from codelewm_assets.defs.checks import checks_on
from codelewm_assets.defs.inputs import AssetOutput, Inputs
from codelewm_assets.defs.resources import StoreResource
from codelewm_assets.profiles.profile import ImportedSource
from codelewm_assets.sandbox.isolation import bubblewrap_works
from codelewm_assets.sandbox.seccomp import filters
from codelewm_assets.store.store import Artifact

if TYPE_CHECKING:
    from codelewm_assets.completions.label import LabelShard
    from codelewm_assets.completions.samples.sources import LocalSource, SampleSource

SAMPLING_VERSION = "3"  # of the texts: a run of another version is not resumed
LABELLING_VERSION = "8"  # of the labels: shards of another version are not resumed


@artifact_asset("completions", deps=["benchmark_problems"], kinds={"pytorch", "json"}, code_version=SAMPLING_VERSION)
def sampled_completions(run: AssetRun) -> Plan:
    """Programs for each problem, sampled here from the language models that the profile names; empty without one."""
    models = run.profile.completions.sampled
    if not models:
        return Plan(lambda: AssetOutput({"sampled.json": pretty_json([])}, {"sample_count": 0}), {})
    from codelewm_assets.training.pretrained import identity

    of_libraries = versions("torch", "transformers") | {"code_version": SAMPLING_VERSION}
    config = {model.model: model.model_dump(mode="json") | identity(model) | of_libraries for model in models}
    return Plan(lambda: _sampled(run, config), {"models": config})


def _sampled(run: AssetRun, config: Mapping[str, Any]) -> AssetOutput:
    from codelewm_assets.completions.progress import Progress
    from codelewm_assets.completions.shards import ShardFolder
    from codelewm_assets.scorers.sampling import SampledTexts, sample_models

    shards = ShardFolder(run.store.partial_folder("sampled_completions"), SampledTexts)
    models = run.profile.completions.sampled
    asked = [(m, problem) for m in models for b in m.benchmarks for problem in run.inputs.problems(b)[: m.problems]]
    lines: dict[str, list[bytes]] = {model.source_name: [] for model in models}
    path, log = run.store.progress_path("sampled_completions"), run.context.log.info
    with Progress(path, len(asked), log=log, items="problems", verb="sampled") as progress:
        depends_on = {
            name: {k: v for k, v in own.items() if k not in ("benchmarks", "problems")} for name, own in config.items()
        }
        for model, problem, texts in sample_models(asked, shards, depends_on):
            rows = [SampledRow(task_id=problem.problem_id, completion=text, model=model.model) for text in texts]
            lines[model.source_name] += [canonical_json(row.model_dump()) + b"\n" for row in rows]
            progress.add(1)
    counts = {name: len(rows) for name, rows in lines.items()}
    files = {f"{name}.jsonl": b"".join(rows) for name, rows in lines.items()}
    return AssetOutput(
        files | {"sampled.json": pretty_json(list(config.values()))},
        {"sample_count": sum(counts.values()), "by_model": counts},
    )


@artifact_asset(
    "completions", deps=["benchmark_problems", "sampled_completions"], gated_by=[IMPORTED_COMPLETIONS],
    kinds={"python", "parquet"}, code_version="7", table=Completion,
)  # fmt: skip
def candidate_completions(run: AssetRun) -> Plan:
    """Programs to judge for each problem: the reference, twins of it, right ones and the same with a bug, and models' samples."""
    from codelewm_assets.completions.samples.sources import SampleSource, local_sources

    settings = run.profile.completions
    drawn = run.inputs.artifact("sampled_completions")
    rows = drawn.read_json("sampled.json")  # as they were sampled, whatever the profile says since
    sampled = [
        SampleSource(str(drawn.path(f"{name}.jsonl")), name=name, prompt_form=row["prompt_form"])
        for row in rows
        if (name := f"sampled-{row['model']}")
    ]
    sources = local_sources([*(sample_source(source) for source in settings.imported), *sampled], os.environ)
    numbers = settings.model_dump(exclude={"imported", "sampled"})
    imported = [[source.name, source.digest(), *source.options()] for source in sources]
    return Plan(lambda: _candidates(run, sources), numbers | {"imported": imported} | versions("python"))


def sample_source(source: ImportedSource) -> "SampleSource":
    """A source of the profile as the readers take it."""
    from codelewm_assets.completions.samples.sources import SampleSource

    settings = source.model_dump()
    return SampleSource(**settings | {"benchmark": None if source.benchmark == "auto" else source.benchmark})


def _candidates(run: AssetRun, sources: "Sequence[LocalSource]") -> AssetOutput:
    from codelewm_assets.completions.candidates import join_samples, make_completions
    from codelewm_assets.completions.samples.read import SourceReader

    settings, benchmarks = run.profile.completions, run.profile.sources.by_benchmark
    problems = {p.problem_id: p for p in run.inputs.problems() if p.benchmark_id in BENCHMARKS}
    generated = [
        completion
        for benchmark in benchmarks
        for completion in make_completions(
            run.inputs.problems(benchmark),
            bugs=settings.bugs,
            pairs_per_bug=settings.pairs_per_bug,
            seed=settings.seed,
            workers=run.profile.sandbox.workers,
        )
    ]
    readers = [SourceReader(source, problems) for source in sources]
    samples = chain.from_iterable(reader.samples() for reader in readers)
    joined = join_samples(generated, samples, most_per_problem=settings.most_per_problem)
    readings = [reader.reading for reader in readers]
    kinds = Counter(completion.completion_kind for completion in joined.completions)
    tables: list[tuple[str, Sequence[Completion] | Sequence[ImportedSample], type[Record]]] = [
        ("completions", joined.completions, Completion), ("samples", joined.samples, ImportedSample)
    ]  # fmt: skip
    files: dict[str, bytes | Path] = {
        f"{benchmark}/{name}.parquet": write_table(
            [r for r in rows if r.benchmark_id == benchmark], arrow_schema(model)
        )
        for benchmark in benchmarks
        for name, rows, model in tables
        if benchmark in BENCHMARKS or name == "completions"
    }
    return AssetOutput(
        files | {"imports.json": pretty_json([reading.model_dump() for reading in readings])},
        {
            "completion_count": sum(kinds.values()),
            "by_kind": dict(sorted(kinds.items())),
            "sample_count": len(joined.samples),
            "dropped_by_reason": joined.excluded,
            "imports": {r.source: f"{r.program_count} programs of {r.row_count} rows, {r.form}" for r in readings},
        },
    )


@artifact_asset(
    "completions", deps=["benchmark_problems", "candidate_completions"], kinds={"python", "parquet"},
    code_version=LABELLING_VERSION, pool="sandbox", table=LabelledCompletion,
)  # fmt: skip
def labelled_completions(run: AssetRun) -> Plan:
    """Each completion run twice on each input in the sandbox: outcome, output, and the label `passed`."""
    settings = run.profile.sandbox
    config = {
        "cpu_floor_s": settings.cpu_floor_s,
        "bubblewrap": bubblewrap_works(),
        "seccomp": filters() is not None,
        "isolation": settings.isolation,
    } | versions("python")  # not how they are spread: the labels are the same
    return Plan(lambda: _label(run.inputs, run.store, config, run.folder, log=run.context.log.info), config)


def _label(
    inputs: Inputs, store: StoreResource, config: dict[str, Any], folder: Path, *, log: Callable[[str], None]
) -> AssetOutput:
    from codelewm_assets.completions.label import LabelShard
    from codelewm_assets.completions.progress import Progress
    from codelewm_assets.completions.shards import ShardFolder
    from codelewm_assets.completions.spread import label_shards

    settings, started = inputs.profile.sandbox, time.monotonic()
    candidates = inputs.artifact("candidate_completions")
    problems = {problem.problem_id: problem for problem in inputs.problems()}
    total = int(candidates.manifest.metadata["completion_count"])
    counts, excluded, cpu_ms, excluded_inputs = Counter[tuple[str, str]](), list[ExcludedProblem](), 0.0, 0
    by_model: dict[str, Counter[str]] = {}

    def rows(labelled_shards: "Iterable[LabelShard]") -> Iterator[tuple[LabelledCompletion, ...]]:
        nonlocal cpu_ms, excluded_inputs
        for shard in labelled_shards:
            counts.update((row.completion.completion_kind, row.outcome) for row in shard.labelled)
            for row in shard.labelled:
                if row.completion.completion_kind == "model":
                    name = row.completion.llm or f"({row.completion.source})"
                    by_model.setdefault(name, Counter()).update([row.outcome])
            excluded.extend(shard.excluded)
            cpu_ms, excluded_inputs = cpu_ms + shard.cpu_ms, excluded_inputs + shard.excluded_input_count
            yield shard.labelled

    def benchmark_of(shard: "LabelShard") -> AnyBenchmarkId:
        first = shard.labelled[0].completion if shard.labelled else shard.excluded[0]
        return problems[first.problem_id].benchmark_id

    benchmarks = inputs.profile.sources.by_benchmark
    tables = {benchmark: candidates.path(f"{benchmark}/completions.parquet") for benchmark in benchmarks}
    files = {benchmark: folder / f"{benchmark}.parquet" for benchmark in benchmarks}
    with (
        Progress(store.progress_path("labelled_completions"), total, log=log) as progress,
        label_shards(
            chain.from_iterable(iter_table(table, Completion) for table in tables.values()),
            problems,
            spread=settings.spread,
            workers=settings.workers,
            ray_address=settings.ray_address,
            isolation=settings.isolation,
            cpu_floor_s=settings.cpu_floor_s,
            folder=ShardFolder(store.partial_folder("labelled_completions"), LabelShard),
            settings=config | {"code_version": LABELLING_VERSION},
            on_shard=progress.add,
        ) as labelling,
    ):
        for benchmark, shards in groupby(labelling.shards, benchmark_of):
            write_groups(files[benchmark], rows(shards), LabelledCompletion)
        layers = labelling.layers
    for path in files.values():
        if not path.exists():  # a benchmark without completions
            write_groups(path, [], LabelledCompletion)
    rewrites = {outcome: count for (kind, outcome), count in counts.items() if kind == "rewrite"}
    wrong = sum(count for outcome, count in rewrites.items() if outcome != "pass")
    return AssetOutput(
        {f"{benchmark}/labelled.parquet": path for benchmark, path in files.items()}
        | {"left_out.json": pretty_json([row.model_dump() for row in excluded])},
        {
            "isolation_layers": list(layers),
            "completion_count": sum(counts.values()),
            "by_kind_and_outcome": {f"{kind}.{outcome}": count for (kind, outcome), count in sorted(counts.items())},
            "by_model_and_outcome": {name: dict(sorted(own.items())) for name, own in sorted(by_model.items())},
            "nondeterministic_count": sum(count for (_, o), count in counts.items() if o == "nondeterministic"),
            "wrong_rewrite_share": wrong / sum(rewrites.values()) if rewrites else None,
            "left_out_count": len(excluded),
            "dropped_input_count": excluded_inputs,
        },
        {"cpu_s": cpu_ms / 1000, "wall_s": time.monotonic() - started},
    )


@artifact_asset(
    "completions", deps=["benchmark_problems", "candidate_completions", "labelled_completions"], kinds={"json"},
    code_version="1",
)  # fmt: skip
def model_rates(run: AssetRun) -> Plan:
    """Pass@k of each model's samples by benchmark, on base and on all inputs; empty without imported samples."""
    inputs, resamples = run.inputs, run.profile.bootstrap_resamples

    def make() -> AssetOutput:
        from codelewm_assets.evaluation.model_rates import model_rates as compute
        from codelewm_assets.release.model_rates import rates_markdown

        problems = {problem.problem_id: problem for problem in inputs.problems()}
        report = compute(inputs.samples(), inputs.labelled(), problems, resamples=resamples)
        counts = {"model_count": len({rate.model for rate in report.models}),
                  "sample_count": sum(rate.sample_count for rate in report.models)}  # fmt: skip
        text = rates_markdown(report, {problem.benchmark_id: problem.benchmark_label for problem in problems.values()})
        files = {
            "model_rates.json": pretty_json(report.model_dump(mode="json")),
            "model_rates.md": text.encode("utf-8"),
        }
        return AssetOutput(files, counts)

    def show(rates: Artifact) -> Mapping[str, Any]:
        return {"rates": dg.MetadataValue.md(rates.path("model_rates.md").read_text(encoding="utf-8"))}

    return Plan(make, {"resamples": resamples}, show=show)


ASSETS = [sampled_completions, candidate_completions, labelled_completions, model_rates]
CHECKS = [*checks_on("candidate_completions"), *checks_on("labelled_completions")]
