"""All that a report is rendered from as one tree of records.

Paths begin with `gate`, `claim`, `seed`, `preflight`, …
"""

from collections.abc import Mapping, Sequence
from typing import Any

from codelewm_assets.claims.verdicts import ClaimGates, Gate
from codelewm_assets.core.records import Finding
from codelewm_assets.evaluation.reports import CalibrationReport, SeedEvidence
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.published import PUBLISHED
from codelewm_assets.training.sidecar import Sidecar

NO_SEED = "all"  # the key of a gate's evidence that belongs to no seed


def report_records(
    gates: ClaimGates,
    evidence: Mapping[int, SeedEvidence],
    findings: Sequence[Finding] = (),
    *,
    artifacts: Mapping[str, str] | None = None,
    record_calibration: Mapping[int, CalibrationReport] | None = None,
    training: Mapping[int, tuple[Sidecar, Sequence[Mapping[str, Any]]]] | None = None,
) -> Records:
    """The tree.

    Args:
        artifacts: artifact id → digest, of what the report is made from.
        record_calibration: seed → calibration of execution records, where it was made.
        training: seed → sidecar and events of its training.
    """
    seeds = {str(seed): _of_seed(found) for seed, found in sorted(evidence.items())}
    for seed, report in (record_calibration or {}).items():
        seeds.setdefault(str(seed), {})["record_calibration"] = report.model_dump(mode="json")
    tree: dict[str, Any] = {
        "profile": gates.profile,
        "benchmark_labels": dict(gates.benchmark_labels),
        "gate": {gate.gate: _gate(gate) for gate in gates.gates},
        "claim": {claim.claim_id: claim.model_dump(mode="json") for claim in gates.claims},
        "seed": seeds,
        "preflight": {found.rule: found.model_dump(mode="json") for found in findings},
        "artifact": dict(sorted((artifacts or {}).items())),
        "training": {str(seed): _training(*found) for seed, found in sorted((training or {}).items())},
        "published": {f"{row.figure}, {row.scope}": row.values() for row in PUBLISHED},
    }
    return Records(tree)


def _gate(gate: Gate) -> dict[str, Any]:
    return gate.model_dump(mode="json", exclude={"seeds"}) | {
        "seed": {NO_SEED if row.seed is None else str(row.seed): row.model_dump(mode="json") for row in gate.seeds}
    }


def _of_seed(found: SeedEvidence) -> dict[str, Any]:
    """The reports of one seed that are there; the rerank report is read by benchmark."""
    tree = {name: value for name, value in found.model_dump(mode="json").items() if value is not None}
    report = tree.get("rerank", {"benchmarks": {}})
    tree["rerank"] = {name: found | {"resamples": report["resamples"]} for name, found in report["benchmarks"].items()}
    return tree


def _training(sidecar: Sidecar, events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What was trained, and the last figures that its event stream gives of each fold."""
    last = {str(event["fold"]): event for event in events if event["event"] == "progress"}
    return {
        "parameter_count": sidecar.parameter_count,
        "device": sidecar.device,
        "fold": {
            fold: {"step": event["step"]} | {name: event["metrics"].get(name) for name in ("train_loss", "val_loss")}
            for fold, event in sorted(last.items())
        },
    }
