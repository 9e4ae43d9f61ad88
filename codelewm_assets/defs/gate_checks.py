"""Gates as asset checks on `claim_gates`: what a reviewer sees of them. They block nothing and are in no registry of guards."""

from typing import Any

import dagster as dg

from codelewm_assets.claims.register import GATE_RULES, GateRule
from codelewm_assets.claims.verdicts import ClaimGates, Gate
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.defs.masking import keeps_secrets
from codelewm_assets.defs.resources import ProfileResource, StoreResource

ASSET = "claim_gates"


def check_name(gate: str) -> str:
    """`gate_collapse`, `gate_rerank_humaneval`."""
    return f"gate_{gate.replace(':', '_')}"


GATE_OF_CHECK: dict[str, str] = {check_name(rule.name): rule.name for rule in GATE_RULES}
"""Check → the gate that it shows."""


def gate_check(rule: GateRule) -> dg.AssetChecksDefinition:
    """A check that passes while the gate HOLDS, and else warns with the gate's typed reasons: a result, not a fault."""

    @dg.asset_check(
        name=check_name(rule.name),
        asset=ASSET,
        blocking=False,
        description=f"{rule.rule} A warning while that is not so: it blocks nothing.",
    )
    @keeps_secrets
    def check(
        context: dg.AssetCheckExecutionContext, store: StoreResource, profile: ProfileResource
    ) -> dg.AssetCheckResult:
        artifact = Inputs(context.instance, store.get(), profile.get()).artifact(ASSET)
        gates = ClaimGates.model_validate(artifact.read_json("claim_gates.json"))
        found = next((gate for gate in gates.gates if gate.gate == rule.name), None)
        return gate_result(rule, found, judged=artifact.digest)

    return check


def gate_result(rule: GateRule, gate: Gate | None, *, judged: str) -> dg.AssetCheckResult:
    """A gate as Dagster shows it. Args: gate: None: the gates were judged before this one was in the register."""
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
                [(name, f"{found.value:g}", found.fixed_on, found.source) for name, found in rule.thresholds],
            ),
        },
    )


def _table(columns: tuple[str, ...], rows: list[Any]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name, "string") for name in columns]),
    )


GATE_CHECKS = [gate_check(rule) for rule in GATE_RULES]
