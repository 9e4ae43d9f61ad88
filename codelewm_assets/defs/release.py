"""Stage `release`: what people read. What would be published stands in `hub_release`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.records import Finding
from codelewm_assets.core.store import Artifact
from codelewm_assets.core.tables import in_groups, write_groups
from codelewm_assets.defs.automation import EAGER_WHEN_GREEN
from codelewm_assets.defs.claims import ALL, read_gates
from codelewm_assets.defs.evidence import present_reports, seed_evidence
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.partitions import SEED
from codelewm_assets.defs.plumbing import Made, inline_png, materialize
from codelewm_assets.defs.preflight import verified
from codelewm_assets.defs.resources import ProfileResource, StoreResource
from codelewm_assets.defs.rules import check_of, rule_of
from codelewm_assets.defs.stages import OWNERS
from codelewm_assets.evaluation.score_files import read_score_rows

COMMON: dict[str, Any] = {
    "group_name": "release",
    "owners": OWNERS,
    "code_version": "1",
    "automation_condition": EAGER_WHEN_GREEN,
}
REPORT_DEPS = ("rerank_report", "p_pass_calibration", "retrieval_report", "surprise_report", "latent_probe_report",
               "checkpoint_inspection", "heldout_scores", "checkpoint")  # fmt: skip
PAGES = {"results_report": "Results", "tracker_status": "Status", "dataset_card": "Data", "artifact_index": "Artifacts"}


def _inputs(context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource) -> Inputs:
    return Inputs(context.instance, store.get(), profile.get())


@dg.asset(
    **COMMON,
    kinds={"markdown", "matplotlib"},
    deps=["claim_gates", "preflight_report", *(dg.AssetDep(name, partition_mapping=ALL) for name in REPORT_DEPS)],
)
def results_report(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """The report: claims and gates with reasons, every metric in tables, and the plots."""
    inputs = _inputs(context, store, profile)
    reports = present_reports(inputs)
    trained = [inputs.artifact("checkpoint", str(seed)) for seed in SEEDS]
    scored = [inputs.artifact("heldout_scores", str(seed)) for seed in SEEDS]
    preflight = inputs.artifact("preflight_report")

    def make() -> Made:
        from codelewm_assets.release.results_report import results_markdown

        evidence, gates = seed_evidence(reports), read_gates(inputs)
        findings = [Finding.model_validate(row) for row in preflight.read_json("preflight_report.json")["findings"]]
        figures = _figures(evidence, trained, scored)
        text = results_markdown(gates, evidence, findings, figures=list(figures))
        return Made(
            {"results_report.md": text.encode("utf-8"), **figures},
            {"figure_count": len(figures), "characters": len(text)},
        )

    parents = [inputs.artifact("claim_gates"), preflight, *trained, *scored, *reports.values()]
    return materialize(context, inputs.store, parents=parents, config={}, make=make, show=_report_and_plots)


def _report_and_plots(artifact: Artifact) -> dict[str, dg.MetadataValue]:
    """The report's text and its plots, inline in the UI."""
    shown: dict[str, dg.MetadataValue] = {
        "report": dg.MetadataValue.md(artifact.path("results_report.md").read_text(encoding="utf-8"))
    }
    for file in artifact.manifest.files:
        if file.path.endswith(".png"):
            shown[file.path.removesuffix(".png")] = inline_png(artifact.path(file.path).read_bytes())
    return shown


def _figures(evidence: Any, trained: list[Artifact], scored: list[Artifact]) -> dict[str, bytes]:
    from codelewm_assets.evaluation.curves import roc_points
    from codelewm_assets.release import plots
    from codelewm_assets.training.progress import read_events

    bins = {
        seed: found.calibration.overall["p_pass"].calibration_bins
        for seed, found in evidence.items()
        if found.calibration and found.calibration.overall["p_pass"].calibration_bins
    }
    curves = {}
    for seed, artifact in zip(SEEDS, scored, strict=True):
        rows = read_score_rows(artifact.path("completion_scores.jsonl"))
        for name in ("p_pass", "surface_lr"):
            points = roc_points(rows, name)
            if points is not None:
                curves[f"{name}, seed {seed}"] = points
    rerank = {
        f"{found.benchmark_label} {seed}": found
        for seed, one in evidence.items()
        for report in one.rerank.values()
        for found in report.benchmarks.values()
    }
    events = {
        seed: read_events(artifact.path("progress.jsonl"))[0] for seed, artifact in zip(SEEDS, trained, strict=True)
    }
    return {
        "reliability_curve.png": plots.reliability_curve(bins),
        "roc.png": plots.roc_curves(curves),
        "lifts.png": plots.lifts(rerank),
        "training_curve.png": plots.training_curve(events),
    }


@dg.asset(
    **COMMON | {"code_version": "2"},
    kinds={"markdown"},
    deps=[
        "execution_pack",
        "problem_splits",
        "claim_gates",
        dg.AssetDep("benchmark_problems", partition_mapping=ALL),
        dg.AssetDep("labelled_completions", partition_mapping=ALL),
    ],
)
def dataset_card(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """What is published of the pack: its card, and its rows with hashed tokens in place of programs, inputs and outputs."""
    inputs = _inputs(context, store, profile)

    def make(folder: Path) -> Made:
        from codelewm_assets.packs.published import PublishedRow, published_rows
        from codelewm_assets.release.cards import dataset_card as render

        rows, splits, labels = inputs.pack(), inputs.splits(), inputs.benchmark_labels()
        text = render(rows, splits, inputs.left_out(), read_gates(inputs), labels=labels)
        fold = {split.problem_id: split.fold for split in splits}
        table = folder / "pack.parquet"
        write_groups(table, in_groups(published_rows(rows, fold)), PublishedRow)
        return Made({"README.md": text.encode("utf-8"), "data/pack.parquet": table}, {"characters": len(text)})

    parents = [inputs.artifact(name) for name in ("execution_pack", "problem_splits", "claim_gates")]
    parents += [*inputs.of_benchmarks("benchmark_problems"), *inputs.of_benchmarks("labelled_completions")]
    with TemporaryDirectory(prefix="codelewm-card-") as folder:
        return materialize(context, inputs.store, parents=parents, config={}, make=lambda: make(Path(folder)))


def _markdown(name: str, text: str) -> Made:
    return Made({name: text.encode("utf-8")}, {"characters": len(text)})


@dg.asset(
    **COMMON,
    kinds={"markdown"},
    partitions_def=SEED,
    deps=["checkpoint", "checkpoint_inspection", "claim_gates", "execution_pack"],
)
def model_card(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Card of one seed's checkpoint: what it was made from, its configuration, gates and claims."""
    inputs, seed = _inputs(context, store, profile), context.partition_key
    trained, looked_at = inputs.artifact("checkpoint", seed), inputs.artifact("checkpoint_inspection", seed)

    def make() -> Made:
        from codelewm_assets.evaluation.records import CollapseReport
        from codelewm_assets.release.cards import model_card as render
        from codelewm_assets.training.sidecar import read_sidecar

        collapse = CollapseReport.model_validate(looked_at.read_json("checkpoint_inspection.json"))
        text = render(read_sidecar(trained), collapse, read_gates(inputs), labels=inputs.benchmark_labels())
        return _markdown("README.md", text)

    parents = [trained, looked_at, inputs.artifact("claim_gates"), inputs.artifact("execution_pack")]
    return materialize(context, inputs.store, parents=parents, config={}, make=make)


@dg.asset(**COMMON, kinds={"markdown", "json"}, deps=["claim_gates"])
def tracker_status(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Gates and claims as the body of a tracker comment, and as JSON."""
    inputs = _inputs(context, store, profile)

    def make() -> Made:
        from codelewm_assets.release.cards import tracker_status as render

        gates = read_gates(inputs)
        text = render(gates).encode("utf-8")
        return Made({"tracker_status.md": text, "tracker_status.json": pretty_json(gates.model_dump(mode="json"))})

    return materialize(context, inputs.store, parents=[inputs.artifact("claim_gates")], config={}, make=make)


@dg.asset(
    **COMMON,
    kinds={"json"},
    deps=[results_report, dataset_card, tracker_status, dg.AssetDep(model_card, partition_mapping=ALL)],
)
def artifact_index(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """Every artifact that the report and the cards rest on: digest, files, parents."""
    inputs = _inputs(context, store, profile)
    parents = _released(inputs)

    def make() -> Made:
        from codelewm_assets.release.cards import artifact_index as render

        found = _lineage_of(inputs, parents)
        manifests = {digest: artifact.manifest for digest, artifact in found.items()}
        rows = {
            d: m.model_dump(mode="json", exclude={"created_at", "source_git_sha", "command"})
            for d, m in manifests.items()
        }
        files: dict[str, bytes | Path] = {
            "artifact_index.json": pretty_json(rows),
            "artifact_index.md": render(manifests).encode("utf-8"),
        }
        return Made(files, {"artifact_count": len(rows)})

    return materialize(context, inputs.store, parents=parents, config={}, make=make)


def _released(inputs: Inputs) -> list[Artifact]:
    names = ("results_report", "dataset_card", "tracker_status")
    return [*(inputs.artifact(name) for name in names), *(inputs.artifact("model_card", str(seed)) for seed in SEEDS)]


def _lineage_of(inputs: Inputs, artifacts: list[Artifact]) -> dict[str, Artifact]:
    found: dict[str, Artifact] = {}
    for artifact in artifacts:
        found |= inputs.store.lineage(artifact)
    return found


def artifacts_verify(inputs: Inputs, partition: str | None) -> Finding:
    """Every artifact of the index has the bytes of its manifest, and its parents are stored."""
    index = inputs.artifact("artifact_index").read_json("artifact_index.json")
    named = [(manifest["artifact_id"], digest) for digest, manifest in index.items()]
    return verified("artifacts_verify", inputs.store, named)


@dg.asset(**COMMON, kinds={"html"}, deps=[results_report, dataset_card, tracker_status, artifact_index,
                                           dg.AssetDep(model_card, partition_mapping=ALL)])  # fmt: skip
def review_site(
    context: dg.AssetExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.MaterializeResult:
    """The report, the cards and the index as static pages; open index.html."""
    inputs = _inputs(context, store, profile)
    parents = [*_released(inputs), inputs.artifact("artifact_index")]

    def make() -> Made:
        from codelewm_assets.release.site import page

        shown = {("index.html" if kind == "results_report" else f"{kind}.html"): title for kind, title in PAGES.items()}
        shown |= {f"model_card_{seed}.html": f"Model {seed}" for seed in SEEDS}
        files: dict[str, bytes | Path] = {}
        for artifact in parents:
            kind = artifact.manifest.artifact_kind
            partition = artifact.manifest.artifact_id.partition("[")[2].removesuffix("]")
            name = "index.html" if kind == "results_report" else f"{kind}{'_' + partition if partition else ''}.html"
            for file in artifact.manifest.files:
                if file.path.endswith(".png"):
                    files[file.path] = artifact.path(file.path).read_bytes()
                elif file.path.endswith(".md"):
                    files[name] = page(shown[name], artifact.path(file.path).read_text(encoding="utf-8"), shown).encode(
                        "utf-8"
                    )
        return Made(files, {"page_count": len(shown)})

    return materialize(context, inputs.store, parents=parents, config={}, make=make)


ASSETS = [results_report, dataset_card, model_card, tracker_status, artifact_index, review_site]
CHECKS = [check_of(rule_of("artifact_index", artifacts_verify))]
