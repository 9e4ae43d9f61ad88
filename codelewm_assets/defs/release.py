"""Stage `release`: reports, cards and the review site. The release plan is in `hub_release`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from codelewm_assets.core.digests import pretty_json, sha256_bytes
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.package import versions
from codelewm_assets.core.records import Finding
from codelewm_assets.core.tables import arrow_schema, in_groups, write_groups, write_table
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.automation import OF_REPORTS
from codelewm_assets.defs.checks import check_of, rule_of
from codelewm_assets.defs.claims import gates_in
from codelewm_assets.defs.inputs import AssetOutput, Inputs, inline_png, latest_materializations
from codelewm_assets.defs.status import Listing, check_statuses
from codelewm_assets.evaluation.evidence import REPORTS, seed_evidence
from codelewm_assets.evaluation.model_rates import ModelRatesReport
from codelewm_assets.evaluation.score_files import read_twin_rows
from codelewm_assets.preflight.stored_rules import verified
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.report_records import report_records
from codelewm_assets.release.site_pages import CheckRow
from codelewm_assets.release.site_pools import scored_pools
from codelewm_assets.release.site_sources import data_docs, judged_lineage, page_texts
from codelewm_assets.release.tracker import InstanceState
from codelewm_assets.store.store import Artifact

RELEASED = ("results_report", "dataset_card", "model_card", "tracker_status")
BUILT_LATER = ("hub_release",)  # built after the pages that show states, which would show those of an earlier run


def judged_reports(inputs: Inputs) -> dict[str, Artifact]:
    """Artifact id → report, of those behind the latest gates."""
    return inputs.store.parents(inputs.artifact("claim_gates"), REPORTS)


def rates_in(rates: Artifact) -> ModelRatesReport:
    """Rates of models' samples."""
    return ModelRatesReport.model_validate(rates.read_json("model_rates.json"))


def findings_of(preflight: Artifact) -> list[Finding]:
    """Every rule's finding."""
    return [Finding.model_validate(row) for row in preflight.read_json("preflight_report.json")["findings"]]


def records_of(
    gates: Artifact, reports: dict[str, Artifact], *, seeds: tuple[int, ...] = SEEDS, **other_fields: Any
) -> Records:
    """The tree of records that the texts are rendered from. Args: gates: `claim_gates`. reports: the reports behind them."""
    evidence = {seed: record for seed, record in seed_evidence(reports).items() if seed in seeds}
    return report_records(gates_in(gates), evidence, **other_fields)


def check_rows(inputs: Inputs, listing: Listing) -> list[CheckRow]:
    """Every check of the graph with its current state, without times: the same states give the same bytes."""
    rows = []
    for row in check_statuses(inputs.instance, listing):
        state: tuple[str, str, str | None, Mapping[str, Any]] = (row.state, row.detail, row.judged, dict(row.figures))
        if row.asset in BUILT_LATER:
            state = ("JUDGED_AFTER_THIS", "", None, {})
        stage, sentence = listing.assets[row.asset].stage, listing.checks[row.asset, row.check]
        rows.append(CheckRow(stage, row.asset, row.check, row.partition, sentence, *state))
    return rows


def instance_state(inputs: Inputs, listing: Listing, check_names: set[str]) -> InstanceState:
    """The states of checks and assets in the instance. Args: check_names: `asset:check` of the checks to include."""
    checks: dict[str, list[tuple[str, str]]] = {}
    for row in check_rows(inputs, listing):
        name = f"{row.asset}:{row.check}"
        if name in check_names:
            checks.setdefault(name, []).append((row.state, row.detail if row.state != "GREEN" else ""))
    every = [(kind, partition) for kind, asset in listing.assets.items() for partition in asset.partitions]
    latest = latest_materializations(inputs.instance, every)
    built = {
        kind: [(kind, partition) in latest for partition in asset.partitions] for kind, asset in listing.assets.items()
    }
    return InstanceState(checks, built, inputs.profile.compute.backend)


def _digests(artifacts: Sequence[Artifact]) -> dict[str, str]:
    return {artifact.manifest.artifact_id: artifact.digest for artifact in artifacts}


@artifact_asset(
    "release", deps=["claim_gates", "preflight_report", "checkpoint", "heldout_scores", "model_rates"],
    kinds={"markdown", "matplotlib"}, code_version="6", freshness=OF_REPORTS,
)  # fmt: skip
def results_report(run: AssetRun) -> Plan:
    """The report: verdict, claims, gates with reasons, a section per question, plots; an appendix with every metric and control."""
    inputs = run.inputs
    reports = judged_reports(inputs)
    trained = {seed: inputs.artifact("checkpoint", str(seed)) for seed in SEEDS}
    scored = {seed: inputs.artifact("heldout_scores", str(seed)) for seed in SEEDS}
    gates, preflight = inputs.artifact("claim_gates"), inputs.artifact("preflight_report")
    rates = inputs.artifact("model_rates")
    parents = [gates, preflight, *trained.values(), *scored.values(), rates]

    def make() -> AssetOutput:
        from codelewm_assets.release.figures import CAPTIONS, draw_figures
        from codelewm_assets.release.report_records import run_facts
        from codelewm_assets.release.reproducibility import Evidence, answer_sheet
        from codelewm_assets.release.results_report import results_files
        from codelewm_assets.training.progress import read_events
        from codelewm_assets.training.sidecar import read_sidecar

        findings = findings_of(preflight)
        events = {seed: read_events(artifact.path("progress.jsonl"))[0] for seed, artifact in trained.items()}
        rows = {seed: read_twin_rows(artifact.path("completion_scores.jsonl")) for seed, artifact in scored.items()}
        labels = gates_in(gates).benchmark_labels
        figures = draw_figures(seed_evidence(reports), findings, completions=rows, events=events, labels=labels)
        training = {seed: (read_sidecar(artifact), events[seed]) for seed, artifact in trained.items()}
        lineage = [artifact.manifest for artifact in inputs.store.lineage(*parents).values()]
        run_of = run_facts(gates.manifest, lineage, version=package["versions"]["codelewm_assets"])
        records = records_of(
            gates, reports, findings=findings, training=training, run=run_of, model_rates=rates_in(rates),
            artifacts=_digests([*parents, *reports.values()]),
        )  # fmt: skip
        texts = results_files(records, figures={name: CAPTIONS[name] for name in figures})
        by_id = {manifest.artifact_id: manifest for manifest in lineage}
        sidecars = {seed: sidecar for seed, (sidecar, _) in training.items()}
        sheet = answer_sheet(Evidence(by_id, sidecars, seed_evidence(reports)))
        answers = {"reproducibility.json": pretty_json(sheet.model_dump(mode="json"))}
        return AssetOutput(
            {name: text.encode("utf-8") for name, text in texts.items()} | figures | answers,
            {"figure_count": len(figures), "characters": sum(map(len, texts.values()))},
        )

    package = versions("matplotlib", "codelewm_assets")
    return Plan(make, package, parents, _report_and_plots)


def _report_and_plots(artifact: Artifact) -> dict[str, dg.MetadataValue]:
    """The report's text and its plots, inline in the UI."""
    metadata: dict[str, dg.MetadataValue] = {
        "report": dg.MetadataValue.md(artifact.path("results_report.md").read_text(encoding="utf-8"))
    }
    for file in artifact.manifest.files:
        if file.path.endswith(".png"):
            metadata[file.path.removesuffix(".png")] = inline_png(artifact.path(file.path).read_bytes())
    return metadata


@artifact_asset(
    "release", deps=[
        "execution_pack", "problem_splits", "rerank_pools", "claim_gates", "benchmark_problems", "labelled_completions",
    ],
    kinds={"markdown", "huggingface"}, code_version="7",
)  # fmt: skip
def dataset_card(run: AssetRun) -> Plan:
    """The published part of the pack: its card, and its rows with hashed tokens in place of programs, inputs and outputs."""
    inputs = run.inputs

    def make() -> AssetOutput:
        from codelewm_assets.dataset.published import PublishedRow, published_rows
        from codelewm_assets.dataset.solution_sets import SolutionSet, solution_sets
        from codelewm_assets.release.cards import dataset_card as render

        rows, splits = [row for row in inputs.pack() if row.is_scored], inputs.splits()
        text = render(
            rows,
            splits,
            inputs.excluded_problems(),
            records_of(inputs.artifact("claim_gates"), judged_reports(inputs)),
            artifacts=_digests(run.parents()),
        )
        fold = {split.problem_id: split.fold for split in splits}
        table = run.folder / "pack.parquet"
        write_groups(table, in_groups(published_rows(rows, fold)), PublishedRow)
        sets = write_table(
            solution_sets([member for member in inputs.pools() if member.pool_kind == "twin"], rows, fold),
            arrow_schema(SolutionSet),
        )
        files: dict[str, bytes | Path] = {
            "README.md": text.encode("utf-8"),
            "data/pack.parquet": table,
            "data/solution_sets.parquet": sets,
        }
        return AssetOutput(files, {"characters": len(text)})

    return Plan(make)


@artifact_asset(
    "release", deps=["claim_gates", "execution_pack", "checkpoint"], kinds={"markdown", "huggingface"}, code_version="7",
)  # fmt: skip
def model_card(run: AssetRun) -> Plan:
    """A card for each seed's checkpoint: lineage, figures in the Hub's schema, gates and claims."""
    inputs = run.inputs
    reports = judged_reports(inputs)
    trained = {seed: inputs.artifact("checkpoint", str(seed)) for seed in SEEDS}
    shared = [inputs.artifact("claim_gates"), inputs.artifact("execution_pack")]

    def card(seed: int) -> dict[str, bytes]:
        from codelewm_assets.release.cards import model_card as render
        from codelewm_assets.release.hub_benchmark import eval_results
        from codelewm_assets.training.sidecar import read_sidecar

        of_seed = {name: artifact for name, artifact in reports.items() if name.endswith(f"[{seed}]")}
        digests = _digests([trained[seed], *shared, *of_seed.values()])
        records = records_of(shared[0], of_seed, seeds=(seed,))
        text = render(read_sidecar(trained[seed]), records, artifacts=digests)
        return {"README.md": text.encode("utf-8"), **dict(eval_results(records, seed))}

    def make() -> AssetOutput:
        files: dict[str, bytes | Path] = {f"{seed}/{name}": data for seed in SEEDS for name, data in card(seed).items()}
        return AssetOutput(files, {"file_count": len(files)})

    return Plan(make)


@artifact_asset(
    "release", deps=["claim_gates"], gated_by=["results_report", "dataset_card", "model_card"],
    kinds={"markdown", "json"}, code_version="6", resources=["listing"],
)  # fmt: skip
def tracker_status(run: AssetRun) -> Plan:
    """Every criterion of the tracker with its evidence (asset, check or gate) and current state, as text and as rows."""
    from codelewm_assets.release import tracker
    from codelewm_assets.release.criteria import CRITERIA

    inputs = run.inputs
    reports = judged_reports(inputs)
    checks = {evidence.name for row in CRITERIA for evidence in row.evidence if evidence.kind == "check"}
    # not part of the cache key: states change without a change of any artifact
    now = instance_state(inputs, run.context.resources.listing, checks)
    records = records_of(inputs.artifact("claim_gates"), reports)
    status = tracker.tracker_status(records, now)

    def make() -> AssetOutput:
        files = {
            "tracker_status.md": tracker.tracker_markdown(status, records).encode("utf-8"),
            "tracker_status.json": pretty_json(status.model_dump(mode="json")),
        }
        states = Counter(row.state for row in status.rows)
        return AssetOutput(files, {"criteria": states.total(), "states": dict(sorted(states.items()))})

    return Plan(make, {"rows": status.model_dump(mode="json")})


@artifact_asset("release", deps=["claim_audit"], kinds={"json", "markdown"}, code_version="3")
def artifact_index(run: AssetRun) -> Plan:
    """Every artifact behind the audit, the report and the cards: digest, files, parents."""
    inputs = run.inputs
    parents = run.parents()

    def make() -> AssetOutput:
        from codelewm_assets.release.site_pages import artifact_index as render
        from codelewm_assets.release.site_pages import index_rows

        manifests = {digest: artifact.manifest for digest, artifact in inputs.store.lineage(*parents).items()}
        files = {
            "artifact_index.json": pretty_json(index_rows(manifests)),
            "artifact_index.md": render(manifests).encode(),
        }
        return AssetOutput(files, {"artifact_count": len(manifests)})

    return Plan(make)


def artifacts_verify(inputs: Inputs, partition: str | None) -> Finding:
    """Every artifact of the index has the bytes of its manifest, and its parents are stored."""
    index = inputs.artifact("artifact_index").read_json("artifact_index.json")
    named = [(manifest["artifact_id"], digest) for digest, manifest in index.items()]
    return verified("artifacts_verify", inputs.store, named)


@artifact_asset(
    "release", deps=["artifact_index"], kinds={"html"}, code_version="7", resources=["listing"],
)  # fmt: skip
def review_site(run: AssetRun) -> Plan:
    """Report, cards, claims, scored pools, checks, digests and Data Docs as static pages; open index.html from disk."""
    inputs, (index,) = run.inputs, run.parents()
    (audit,) = inputs.store.parents(index, ["claim_audit"]).values()
    audited = inputs.store.parents(audit, ["claim_gates", *RELEASED])
    gates, sources = audited["claim_gates"], [audited[name] for name in RELEASED]
    lineage = inputs.store.lineage(index)
    (rates,) = inputs.store.parents(audited["results_report"], ["model_rates"]).values()
    checks, docs = check_rows(inputs, run.context.resources.listing), data_docs(inputs.store.work, lineage)

    def make() -> AssetOutput:
        from codelewm_assets.release.site_pages import SiteContents, site_files

        records = records_of(gates, {}, model_rates=rates_in(rates))
        contents = SiteContents(
            records=records,
            texts=page_texts(sources),
            claim_gates=gates.path("claim_gates.json").read_bytes(),
            pools=scored_pools(lineage, records.labels),
            pictures={f.path: a.path(f.path).read_bytes() for a in sources for f in a.manifest.files if f.path.endswith(".png")},
            checks=checks,
            manifests={d: a.manifest for d, a in (judged_lineage(inputs.store, checks) | lineage).items()},
            data_docs=docs,
        )  # fmt: skip
        files: dict[str, bytes | Path] = {**site_files(contents)}
        counts = {"page_count": sum(name.endswith(".html") for name in files), "check_count": len(checks)}
        return AssetOutput(files, counts | {"data_docs_count": sum(page.document is not None for page in docs)})

    config: dict[str, Any] = {  # inputs besides the parents: states, and pages that are not artifacts
        "checks": [[row.asset, row.check, row.partition, row.state, row.detail, row.judged] for row in checks],
        "data_docs": [[page.asset, sha256_bytes(page.document) if page.document else None] for page in docs],
    }
    return Plan(make, config)


ASSETS = [results_report, dataset_card, model_card, tracker_status, artifact_index, review_site]
CHECKS = [check_of(rule_of("artifact_index", artifacts_verify))]
