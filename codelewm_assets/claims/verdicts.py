"""Records of gates and claims: what is judged of the evidence, and why."""

from typing import Literal

from codelewm_assets.evaluation.reports import Report

State = Literal["HOLDS", "FAILS", "UNDECIDED"]


class Reason(Report):
    """Why a gate does not hold: a typed code, and what was found."""

    code: str
    detail: str


class SeedGate(Report):
    """One gate on one seed's evidence (seed None: evidence that belongs to no seed)."""

    gate: str
    seed: int | None
    state: State
    reasons: tuple[Reason, ...]
    figures: dict[str, float]


class Gate(Report):
    """One gate over all seeds."""

    gate: str
    state: State
    reasons: tuple[Reason, ...]
    seeds: tuple[SeedGate, ...]


class ClaimResult(Report):
    """A claim: OPEN when its gates hold, else CLOSED with the reasons of those that do not."""

    claim_id: str
    sentence: str
    status: Literal["OPEN", "CLOSED"]
    needs: tuple[str, ...]
    needs_one_of: tuple[str, ...]
    reasons: tuple[Reason, ...]


class ClaimGates(Report):
    """`claim_gates.json`."""

    schema_version: Literal["codelewm.claim_gates.v1"] = "codelewm.claim_gates.v1"
    profile: str
    benchmark_labels: dict[str, str]
    gates: tuple[Gate, ...]
    claims: tuple[ClaimResult, ...]
