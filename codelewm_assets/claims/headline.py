"""The verdict in one sentence: what may be said and how far it reaches, or what the nearest claim lacks."""

from codelewm_assets.claims.gates import scorers_of
from codelewm_assets.claims.register import claims
from codelewm_assets.claims.verdicts import ClaimGates, ClaimResult


def headline(gates: ClaimGates) -> str:
    """Every OPEN claim with the data that it speaks of; without one, the claim that lacks the fewest gates and what it lacks."""
    is_open = [claim for claim in gates.claims if claim.status == "OPEN"]
    if is_open:
        reach = reaches(gates)
        return " ".join(
            f"OPEN: {claim.sentence} It speaks of {reach.get(claim.claim_id, 'what its sentence names')}."
            for claim in is_open
        )
    nearest = min(gates.claims, key=_distance)
    reason = f" {nearest.reasons[0].detail}" if nearest.reasons else ""
    return f"No claim is OPEN. The nearest, `{nearest.claim_id}`, is CLOSED; what it lacks first:{reason}"


def reaches(gates: ClaimGates) -> dict[str, str]:
    """Claim id → the data that it speaks of; a claim of an older register has none here."""
    return {claim.claim_id: claim.reach for claim in claims(scorers_of(gates.named_candidates))}


def _distance(claim: ClaimResult) -> tuple[int, int]:
    """(gates that do not hold, reasons)."""
    return len({reason.detail.split(":", 1)[0] for reason in claim.reasons}), len(claim.reasons)
