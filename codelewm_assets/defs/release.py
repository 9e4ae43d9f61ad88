"""Stage `release`: what people read. What would be published stands in `hub_release`."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.records import Finding
from codelewm_assets.core.tables import in_groups, write_groups
from codelewm_assets.defs.automation import EAGER_WHEN_GREEN
from codelewm_assets.defs.claims import ALL
from codelewm_assets.defs.evidence import present_reports, seed_evidence
from codelewm_assets.defs.freshness import OF_REPORTS
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.partitions import SEED
from codelewm_assets.defs.plumbing import Made, inline_png, materialize, versions
from codelewm_assets.defs.preflight import verified
from codelewm_assets.defs.release_inputs import findings_of, lineage_of, records_of, released, today
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.defs.review_site import review_site
from codelewm_assets.defs.rules import check_of, rule_of
from codelewm_assets.defs.secrets import keeps_secrets
from codelewm_assets.defs.stages import OWNERS
from codelewm_assets.evaluation.score_files import read_score_rows
from codelewm_assets.store.store import Artifact

COMMON: dict[str, Any] = {
    "group_name": "release",
    "owners": OWNERS,
    "code_version": "1",
    "automation_condition": EAGER_WHEN_GREEN,
}
REPORT_DEPS = ("rerank_report", "p_pass_calibration", "retrieval_report", "surprise_report", "latent_probe_report",
               "checkpoint_inspection", "heldout_scores", "checkpoint")  # fmt: skip
OF_SEED = ("p_pass_calibration", "retrieval_report", "surprise_report", "latent_probe_report", "checkpoint_inspection",
           "checkpoint", "claim_gates", "execution_pack")  # fmt: skip


def _inputs(context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource) -> Inputs:
    return Inputs(context.instance, store.get(), profile.get())


def _digests(artifacts: Sequence[Artifact]) -> dict[str, str]:
    return {artifact.manifest.artifact_id: artifact.digest for artifact in artifacts}


@dg.asset(
    **COMMON | {"code_version": "2"},
    kinds={"markdown", "matplotlib"},
    freshness_policy=OF_REPORTS,
    deps=["claim_gates", "preflight_report", *(dg.AssetDep(name, partition_mapping=ALL) for name in REPORT_DEPS)],
)
@keeps_secrets
def results_report(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """The report: verdict, claims and gates with reasons, every metric beside every control, and the plots."""
    inputs = _inputs(context, store, profile)
    reports = present_reports(inputs)
    trained = {seed: inputs.artifact("checkpoint", str(seed)) for seed in SEEDS}
    scored = {seed: inputs.artifact("heldout_scores", str(seed)) for seed in SEEDS}
    preflight = inputs.artifact("preflight_report")
    parents = [inputs.artifact("claim_gates"), preflight, *trained.values(), *scored.values(), *reports.values()]

    def make() -> Made:
        from codelewm_assets.release.figures import CAPTIONS, draw_figures
        from codelewm_assets.release.results_report import results_markdown
        from codelewm_assets.training.progress import read_events
        from codelewm_assets.training.sidecar import read_sidecar

        findings = findings_of(preflight)
        events = {seed: read_events(artifact.path("progress.jsonl"))[0] for seed, artifact in trained.items()}
        rows = {seed: read_score_rows(artifact.path("completion_scores.jsonl")) for seed, artifact in scored.items()}
        figures = draw_figures(seed_evidence(reports), findings, completions=rows, events=events)
        training = {seed: (read_sidecar(artifact), events[seed]) for seed, artifact in trained.items()}
        records = records_of(inputs, reports, findings=findings, artifacts=_digests(parents), training=training)
        text = results_markdown(records, figures={name: CAPTIONS[name] for name in figures})
        return Made(
            {"results_report.md": text.encode("utf-8"), **figures},
            {"figure_count": len(figures), "characters": len(text)},
        )

    return materialize(
        context, inputs.store, parents=parents, config=versions("matplotlib"), make=make, show=_report_and_plots
    )


def _report_and_plots(artifact: Artifact) -> dict[str, dg.MetadataValue]:
    """The report's text and its plots, inline in the UI."""
    shown: dict[str, dg.MetadataValue] = {
        "report": dg.MetadataValue.md(artifact.path("results_report.md").read_text(encoding="utf-8"))
    }
    for file in artifact.manifest.files:
        if file.path.endswith(".png"):
            shown[file.path.removesuffix(".png")] = inline_png(artifact.path(file.path).read_bytes())
    return shown


@dg.asset(
    **COMMON | {"code_version": "3"},
    kinds={"markdown", "huggingface"},
    deps=[
        "execution_pack",
        "problem_splits",
        "claim_gates",
        dg.AssetDep("benchmark_problems", partition_mapping=ALL),
        dg.AssetDep("labelled_completions", partition_mapping=ALL),
    ],
)
@keeps_secrets
def dataset_card(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """What is published of the pack: its card, and its rows with hashed tokens in place of programs, inputs and outputs."""
    inputs = _inputs(context, store, profile)
    parents = [inputs.artifact(name) for name in ("execution_pack", "problem_splits", "claim_gates")]
    parents += [*inputs.of_benchmarks("benchmark_problems"), *inputs.of_benchmarks("labelled_completions")]

    def make(folder: Path) -> Made:
        from codelewm_assets.packs.published import PublishedRow, published_rows
        from codelewm_assets.release.cards import dataset_card as render

        rows, splits = inputs.pack(), inputs.splits()
        text = render(rows, splits, inputs.left_out(), records_of(inputs, {}), artifacts=_digests(parents))
        fold = {split.problem_id: split.fold for split in splits}
        table = folder / "pack.parquet"
        write_groups(table, in_groups(published_rows(rows, fold)), PublishedRow)
        return Made({"README.md": text.encode("utf-8"), "data/pack.parquet": table}, {"characters": len(text)})

    with TemporaryDirectory(prefix="codelewm-card-") as folder:
        return materialize(context, inputs.store, parents=parents, config={}, make=lambda: make(Path(folder)))


@dg.asset(
    **COMMON | {"code_version": "2"},
    kinds={"markdown", "huggingface"},
    partitions_def=SEED,
    deps=[*OF_SEED, dg.AssetDep("rerank_report", partition_mapping=dg.MultiToSingleDimensionPartitionMapping("seed"))],
)
@keeps_secrets
def model_card(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Card of one seed's checkpoint: what it was made from, its figures as the Hub reads them, gates and claims."""
    inputs, seed = _inputs(context, store, profile), context.partition_key
    trained = inputs.artifact("checkpoint", seed)
    reports = {name: artifact for name, artifact in present_reports(inputs).items() if _is_of(seed, name)}
    parents = [trained, inputs.artifact("checkpoint_inspection", seed), inputs.artifact("claim_gates")]
    parents = list({a.digest: a for a in [*parents, inputs.artifact("execution_pack"), *reports.values()]}.values())

    def make() -> Made:
        from codelewm_assets.release.cards import model_card as render
        from codelewm_assets.training.sidecar import read_sidecar

        records = records_of(inputs, reports, seeds=(int(seed),))
        text = render(read_sidecar(trained), records, artifacts=_digests(parents))
        return Made({"README.md": text.encode("utf-8")}, {"characters": len(text)})

    return materialize(context, inputs.store, parents=parents, config={}, make=make)


def _is_of(seed: str, artifact_id: str) -> bool:
    """Whether an artifact is of a seed: `kind[42]` or `kind[benchmark|42]`."""
    return artifact_id.removesuffix("]").replace("[", "|").split("|")[-1] == seed


@dg.asset(
    **COMMON | {"code_version": "2"},
    kinds={"markdown", "json"},
    deps=["claim_gates", results_report, dataset_card, dg.AssetDep(model_card, partition_mapping=ALL),
          *(dg.AssetDep(name, partition_mapping=ALL) for name in REPORT_DEPS)],
)  # fmt: skip
@keeps_secrets
def tracker_status(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Every criterion of the tracker with the asset, check or gate that shows it and its state now, as text and as rows."""
    from codelewm_assets.release import tracker
    from codelewm_assets.release.criteria import CRITERIA

    inputs = _inputs(context, store, profile)
    reports = present_reports(inputs)
    checks = {one.name for row in CRITERIA for one in row.shown_by if one.kind == "check"}
    now = today(inputs, checks)  # outside of the recipe's reach: states change without a change of any artifact
    records = records_of(inputs, reports)
    status = tracker.tracker_status(records, now)

    def make() -> Made:
        files: dict[str, bytes | Path] = {
            "tracker_status.md": tracker.tracker_markdown(status, records).encode("utf-8"),
            "tracker_status.json": pretty_json(status.model_dump(mode="json")),
        }
        states = [row.state for row in status.rows]
        return Made(
            files, {"criteria": len(states), "states": {name: states.count(name) for name in sorted(set(states))}}
        )

    parents = [inputs.artifact("claim_gates"), inputs.artifact("results_report"), *reports.values()]
    return materialize(
        context, inputs.store, parents=parents, config={"rows": status.model_dump(mode="json")}, make=make
    )


@dg.asset(
    **COMMON | {"code_version": "2"},
    kinds={"json", "markdown"},
    deps=[results_report, dataset_card, tracker_status, dg.AssetDep(model_card, partition_mapping=ALL)],
)
@keeps_secrets
def artifact_index(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Every artifact that the report and the cards rest on: digest, files, parents."""
    inputs = _inputs(context, store, profile)
    parents = released(inputs)

    def make() -> Made:
        from codelewm_assets.release.index import artifact_index as render
        from codelewm_assets.release.index import index_rows

        manifests = {digest: artifact.manifest for digest, artifact in lineage_of(inputs, parents).items()}
        files: dict[str, bytes | Path] = {
            "artifact_index.json": pretty_json(index_rows(manifests)),
            "artifact_index.md": render(manifests).encode("utf-8"),
        }
        return Made(files, {"artifact_count": len(manifests)})

    return materialize(context, inputs.store, parents=parents, config={}, make=make)


def artifacts_verify(inputs: Inputs, partition: str | None) -> Finding:
    """Every artifact of the index has the bytes of its manifest, and its parents are stored."""
    index = inputs.artifact("artifact_index").read_json("artifact_index.json")
    named = [(manifest["artifact_id"], digest) for digest, manifest in index.items()]
    return verified("artifacts_verify", inputs.store, named)


ASSETS = [results_report, dataset_card, model_card, tracker_status, artifact_index, review_site]
CHECKS = [check_of(rule_of("artifact_index", artifacts_verify))]
