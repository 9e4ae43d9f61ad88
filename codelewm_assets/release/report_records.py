"""The tree of records that a report is rendered from.

Paths begin with `gate`, `claim`, `seed`, `preflight`, …
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from codelewm_assets.claims.headline import headline
from codelewm_assets.claims.verdicts import ClaimGates, Gate
from codelewm_assets.core.records import Finding
from codelewm_assets.evaluation.model_rates import ModelRatesReport
from codelewm_assets.evaluation.reports import SeedEvidence
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.model_rates import rates_tree
from codelewm_assets.release.preregistration import preregistration_order
from codelewm_assets.release.published import PUBLISHED
from codelewm_assets.sandbox.isolation import STRICT_LAYERS
from codelewm_assets.store.manifest import Manifest
from codelewm_assets.training.sidecar import Sidecar

NO_SEED = "all"  # the key of a gate's evidence that belongs to no seed


def report_records(
    gates: ClaimGates,
    evidence: Mapping[int, SeedEvidence],
    findings: Sequence[Finding] = (),
    *,
    artifacts: Mapping[str, str] | None = None,
    training: Mapping[int, tuple[Sidecar, Sequence[Mapping[str, Any]]]] | None = None,
    run: Mapping[str, Any] | None = None,
    model_rates: ModelRatesReport | None = None,
) -> Records:
    """The tree.

    Args:
        artifacts: artifact id → digest, of the report's inputs.
        training: seed → sidecar and events of its training.
        run: facts of the run, from `run_facts`.
        model_rates: rates of models' samples.
    """
    seeds = {str(seed): _of_seed(item) for seed, item in sorted(evidence.items())}
    tree: dict[str, Any] = {
        "profile": gates.profile,
        "headline": headline(gates),
        "benchmark_labels": dict(gates.benchmark_labels),
        "gate": {gate.gate: _gate(gate) for gate in gates.gates},
        "claim": {claim.claim_id: claim.model_dump(mode="json") for claim in gates.claims},
        "seed": seeds,
        "preflight": {item.rule: item.model_dump(mode="json") for item in findings},
        "artifact": dict(sorted((artifacts or {}).items())),
        "training": {str(seed): _training(*item) for seed, item in sorted((training or {}).items())},
        "run": dict(run or {}),
        "model_rates": rates_tree(model_rates) if model_rates else [],
        "published": {f"{row.figure}, {row.scope}": row.values() for row in PUBLISHED},
    }
    return Records(tree)


def run_facts(gates_manifest: Manifest, lineage: Iterable[Manifest], *, version: str) -> dict[str, Any]:
    """Date of the gates, commits, version, and isolation of the labels: from manifests, not from the clock.

    Args:
        gates_manifest: of `claim_gates`.
        lineage: of the whole report; an isolation layer is present if all labels had it.
        version: of this package.
    """
    lineage = list(lineage)
    layers = [
        set(manifest.metadata["isolation_layers"]) for manifest in lineage if "isolation_layers" in manifest.metadata
    ]
    present = set.intersection(*layers) if layers else None
    commits = Counter(manifest.source_git_sha for manifest in lineage)
    return {
        "judged_on": gates_manifest.created_at[:10],  # the day alone: two builds of one day give the same bytes
        "commit": gates_manifest.source_git_sha,
        "artifacts_by_commit": dict(sorted(commits.items(), key=lambda item: (-item[1], item[0]))),
        "version": version,
        "preregistration": preregistration_order([gates_manifest, *lineage]).text,
        "isolation_layers": None if present is None else sorted(present),
        "missing_layers": None if present is None else sorted(set(STRICT_LAYERS) - present),
    }


def _gate(gate: Gate) -> dict[str, Any]:
    return gate.model_dump(mode="json", exclude={"seeds"}) | {
        "seed": {NO_SEED if row.seed is None else str(row.seed): row.model_dump(mode="json") for row in gate.seeds}
    }


def _of_seed(evidence: SeedEvidence) -> dict[str, Any]:
    """The available reports of one seed; the rerank report is keyed by benchmark."""
    tree = {name: value for name, value in evidence.model_dump(mode="json").items() if value is not None}
    report = tree.get("rerank", {"benchmarks": {}})
    tree["rerank"] = {name: row | {"resamples": report["resamples"]} for name, row in report["benchmarks"].items()}
    return tree


def _training(sidecar: Sidecar, events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The trained model, and the last figures of each fold from its event stream."""
    last = {str(event["fold"]): event for event in events if event["event"] == "progress"}
    return {
        "parameter_count": sidecar.parameter_count,
        "device": sidecar.device,
        "fold": {
            fold: {"step": event["step"]} | {name: event["metrics"].get(name) for name in ("train_loss", "val_loss")}
            for fold, event in sorted(last.items())
        },
    }
