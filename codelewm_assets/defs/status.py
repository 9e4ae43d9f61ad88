"""States of all checks of a graph, and of the gates. The graph is passed in as a `Listing`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import dagster as dg

from codelewm_assets.claims.register import GATE_RULES, GateRule
from codelewm_assets.claims.verdicts import ClaimGates, Gate
from codelewm_assets.defs.guards import CheckStatus, check_status, statuses_of
from codelewm_assets.defs.inputs import Inputs, latest_version
from codelewm_assets.defs.resources import ProfileResource, StoreResource, masks_secrets
from codelewm_assets.store.store import ArtifactStore

ASSET = "claim_gates"


def check_name(gate: str) -> str:
    """`gate_collapse`, `gate_rerank_humaneval`."""
    return f"gate_{gate.replace(':', '_')}"


GATE_OF_CHECK: dict[str, str] = {check_name(rule.name): rule.name for rule in GATE_RULES}
"""Check → the gate that it shows."""


def gate_check(rule: GateRule) -> dg.AssetChecksDefinition:
    """A check that passes when the gate HOLDS, and otherwise warns with the gate's typed reasons."""

    @dg.asset_check(
        name=check_name(rule.name),
        asset=ASSET,
        blocking=False,
        description=f"{rule.rule} Otherwise it warns; it blocks nothing.",
    )
    @masks_secrets
    def check(
        context: dg.AssetCheckExecutionContext, store: StoreResource, profile: ProfileResource
    ) -> dg.AssetCheckResult:
        artifact = Inputs(context.instance, store.get(), profile.get()).artifact(ASSET)
        gates = ClaimGates.model_validate(artifact.read_json("claim_gates.json"))
        result = next((gate for gate in gates.gates if gate.gate == rule.name), None)
        return gate_result(rule, result, judged=artifact.digest)

    return check


def gate_result(rule: GateRule, gate: Gate | None, *, judged: str) -> dg.AssetCheckResult:
    """The check result of a gate. Args: gate: None: `claim_gates` is older than this gate of the register."""
    state = gate.state if gate else "UNDECIDED"
    reasons = (
        [(r.code, r.detail) for r in gate.reasons] if gate else [("evidence_missing", f"{rule.name} was not judged")]
    )
    figures: dict[str, Any] = {
        f"{'all' if row.seed is None else row.seed}: {name}": value
        for row in (gate.seeds if gate else ())
        for name, value in row.figures.items()
    }
    return dg.AssetCheckResult(
        passed=state == "HOLDS",
        severity=dg.AssetCheckSeverity.WARN,
        description=state
        + ("" if state == "HOLDS" else ": " + "; ".join(f"{code} ({text})" for code, text in reasons)),
        metadata={
            **figures,
            "judged": judged,
            "state": state,
            "reasons": _table(("code", "detail"), reasons),
            "thresholds": _table(
                ("threshold", "value", "fixed on", "by"),
                [(name, f"{limit.value:g}", limit.fixed_on, limit.source) for name, limit in rule.thresholds],
            ),
        },
    )


def _table(columns: tuple[str, ...], rows: list[Any]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name, "string") for name in columns]),
    )


@dg.asset_check(asset=ASSET, blocking=False)
@masks_secrets
def gates_of_named_scorers(
    context: dg.AssetCheckExecutionContext, store: StoreResource, profile: ProfileResource
) -> dg.AssetCheckResult:
    """Every gate of the candidates that the profile names HOLDS, if it names any; otherwise it warns; it blocks nothing."""
    artifact = Inputs(context.instance, store.get(), profile.get()).artifact(ASSET)
    gates = named_gates(ClaimGates.model_validate(artifact.read_json("claim_gates.json")))
    short = [gate for gate in gates if gate.state != "HOLDS"]
    rows = [(gate.gate, gate.state, "; ".join(f"{r.code} ({r.detail})" for r in gate.reasons)) for gate in gates]
    return dg.AssetCheckResult(
        passed=not short,
        severity=dg.AssetCheckSeverity.WARN,
        description=", ".join(f"{gate.gate} {gate.state}" for gate in short) or f"{len(gates)} gates hold",
        metadata={"judged": artifact.digest, "gates": _table(("gate", "state", "reasons"), rows)},
    )


def named_gates(gates: ClaimGates) -> list[Gate]:
    """The gates of the candidates that the profile names."""
    prefixes = tuple(f"{candidate.name}:" for candidate in gates.named_candidates)
    return [gate for gate in gates.gates if prefixes and gate.gate.startswith(prefixes)]


GATE_CHECKS = [*(gate_check(rule) for rule in GATE_RULES), gates_of_named_scorers]


class ListedAsset(NamedTuple):
    """Stage and partitions of an asset; (None,) if unpartitioned."""

    stage: str
    partitions: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Assets and checks of a graph, in the order of its stages.

    Attributes:
        assets: by name.
        checks: (asset, check) → its sentence.
    """

    assets: Mapping[str, ListedAsset]
    checks: Mapping[tuple[str, str], str]

    @classmethod
    def of(cls, assets: Iterable[dg.AssetsDefinition], checks: Iterable[dg.AssetChecksDefinition]) -> "Listing":
        """The listing of these definitions, in their order."""
        specs = [spec for check in checks for spec in check.check_specs]
        return cls(
            {
                spec.key.to_user_string(): ListedAsset(
                    str(spec.group_name),
                    tuple(spec.partitions_def.get_partition_keys()) if spec.partitions_def else (None,),
                )
                for asset in assets
                for spec in asset.specs
            },
            {(spec.asset_key.to_user_string(), spec.name): (spec.description or "").strip() for spec in specs},
        )


def check_statuses(instance: dg.DagsterInstance, listing: Listing) -> list[CheckStatus]:
    """One row per check and partition, in the order of the listing, without gate checks."""
    keys = [
        (asset, check, partition)
        for asset, check in listing.checks
        if check not in GATE_OF_CHECK and check != gates_of_named_scorers.check_key.name
        for partition in listing.assets[asset].partitions
    ]
    return statuses_of(instance, keys)


@dataclass(frozen=True, slots=True)
class GateStatus:
    """Latest state of a gate's check: HOLDS, FAILS or UNDECIDED, or why it does not cover the latest `claim_gates`."""

    gate: str
    check: str
    state: str
    detail: str


def gate_statuses(instance: dg.DagsterInstance, gates: ClaimGates | None = None) -> list[GateStatus]:
    """One row per gate: the gate's state where the check ran on the latest artifact, else the state of the check.

    Args:
        gates: the latest, for the candidates that a profile names: their gates have one check together.
    """
    rows = []
    for check, gate in GATE_OF_CHECK.items():
        status = check_status(instance, ASSET, check)
        state = str(status.figures.get("state", status.state)) if status.state in ("GREEN", "RED") else status.state
        rows.append(GateStatus(gate, check, state, status.detail))
    name = gates_of_named_scorers.check_key.name
    return rows + [
        GateStatus(gate.gate, name, gate.state, "; ".join(reason.detail for reason in gate.reasons))
        for gate in (named_gates(gates) if gates else ())
    ]


def latest_artifacts(instance: dg.DagsterInstance, store: ArtifactStore, listing: Listing) -> list[dict[str, Any]]:
    """`{asset, partition, digest, metadata}` of the latest artifact of each asset and partition that was materialized.

    Raises: StoreError: one that the instance knows is not in the store.
    """
    rows = []
    for kind, asset in listing.assets.items():
        for partition in asset.partitions:
            digest = latest_version(instance, kind, partition)
            if digest is not None:
                metadata = store.load(kind, digest, partition=partition).manifest.metadata
                rows.append({"asset": kind, "partition": partition, "digest": digest, "metadata": metadata})
    return rows
