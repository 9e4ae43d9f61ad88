"""Constructor of a rule's finding from its offenders."""

from collections.abc import Mapping, Sequence

from codelewm_assets.core.records import CellCount, Finding

MAX_OFFENDERS_SHOWN = 20  # offenders named in a finding; the count is always complete


def finding(
    rule: str,
    offenders: Sequence[str],
    *,
    blocker: str,
    message: str,
    figures: Mapping[str, float | int | str | bool],
    table: Sequence[CellCount] = (),
) -> Finding:
    """Green when there are no offenders, else red with the typed blocker."""
    return Finding(
        rule=rule,
        passed=not offenders,
        blocker=blocker if offenders else None,
        message=message,
        figures={**figures, "offender_count": len(offenders)},
        offenders=tuple(offenders[:MAX_OFFENDERS_SHOWN]),
        table=tuple(table),
    )
