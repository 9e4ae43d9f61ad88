"""What the assets of `release` are made from: released artifacts, the tree of records, states of checks, Data Docs pages."""

from collections.abc import Mapping
from typing import Any

from codelewm_assets.core.ids import SEEDS
from codelewm_assets.core.records import Finding
from codelewm_assets.defs.claims import read_gates
from codelewm_assets.defs.evidence import seed_evidence
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.plumbing import latest_materializations
from codelewm_assets.defs.status import Listing, check_statuses
from codelewm_assets.evaluation.reports import CalibrationReport
from codelewm_assets.preflight.contracts.suites import CONTRACTS
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.report_records import report_records
from codelewm_assets.release.site_pages import CheckRow, DataDocs
from codelewm_assets.release.tracker import Today
from codelewm_assets.store.store import Artifact

RELEASED = ("results_report", "dataset_card", "model_card", "tracker_status")
MADE_LATER = ("hub_release",)  # after everything that tells states: theirs would be those of an earlier run
RECORD_REPORT = "record_calibration_report.json"


def lineage_of(inputs: Inputs, artifacts: list[Artifact]) -> dict[str, Artifact]:
    """Digest → artifact of these and of everything they were made from."""
    found: dict[str, Artifact] = {}
    for artifact in artifacts:
        found |= inputs.store.lineage(artifact)
    return found


def findings_of(preflight: Artifact) -> list[Finding]:
    """Every rule's finding."""
    return [Finding.model_validate(row) for row in preflight.read_json("preflight_report.json")["findings"]]


def records_of(inputs: Inputs, reports: dict[str, Artifact], *, seeds: tuple[int, ...] = SEEDS, **more: Any) -> Records:
    """The tree of records that the texts are rendered from. Args: reports: those that count as evidence."""
    evidence = {seed: found for seed, found in seed_evidence(reports).items() if seed in seeds}
    return report_records(read_gates(inputs), evidence, record_calibration=_record_calibration(reports, seeds), **more)


def _record_calibration(reports: dict[str, Artifact], seeds: tuple[int, ...]) -> dict[int, CalibrationReport]:
    """The calibration of execution records, for the seeds whose report has one."""
    found = {seed: reports.get(f"p_pass_calibration[{seed}]") for seed in seeds}
    return {
        seed: CalibrationReport.model_validate(artifact.read_json(RECORD_REPORT))
        for seed, artifact in found.items()
        if artifact and RECORD_REPORT in {file.path for file in artifact.manifest.files}
    }


def check_rows(inputs: Inputs, listing: Listing) -> list[CheckRow]:
    """Every check of the graph with its state now, without when it ran: the same states give the same bytes."""
    rows = []
    for row in check_statuses(inputs.instance, listing):
        told: tuple[str, str, str | None, Mapping[str, Any]] = (row.state, row.detail, row.judged, dict(row.figures))
        if row.asset in MADE_LATER:
            told = ("JUDGED_AFTER_THIS", "", None, {})
        stage, sentence = listing.assets[row.asset].stage, listing.checks[row.asset, row.check]
        rows.append(CheckRow(stage, row.asset, row.check, row.partition, sentence, *told))
    return rows


def today(inputs: Inputs, listing: Listing, wanted: set[str]) -> Today:
    """What the instance says of checks and assets. Args: wanted: `asset:check` of the checks to tell."""
    checks: dict[str, list[tuple[str, str]]] = {}
    for row in check_rows(inputs, listing):
        name = f"{row.asset}:{row.check}"
        if name in wanted:
            checks.setdefault(name, []).append((row.state, row.detail if row.state != "GREEN" else ""))
    every = [(kind, partition) for kind, asset in listing.assets.items() for partition in asset.partitions]
    latest = latest_materializations(inputs.instance, every)
    made = {
        kind: [(kind, partition) in latest for partition in asset.partitions] for kind, asset in listing.assets.items()
    }
    return Today(checks, made, inputs.profile.compute.backend)


def data_docs(inputs: Inputs, lineage: Mapping[str, Artifact]) -> list[DataDocs]:
    """The page that each contract check wrote of the tables in a lineage, where it did."""
    found = []
    for asset in dict.fromkeys(contract.asset for contract in CONTRACTS):
        for digest in sorted(d for d, artifact in lineage.items() if artifact.manifest.artifact_kind == asset):
            page = inputs.store.work / "data_docs" / asset / "all" / digest / "index.html"
            found.append(DataDocs(asset, digest, page.read_bytes() if page.is_file() else None))
    return found
