"""Constructor of a rule's finding from its offenders."""

from collections.abc import Mapping, Sequence

from codelewm_assets.core.records import CellCount, Finding

MAX_OFFENDERS_IN_SENTENCE = 3
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


def sentence(finding: Finding) -> str:
    """One line: of a red finding its blocker and first offenders; of a green one its message and the cell nearest its floor."""
    if not finding.passed:
        more = int(finding.figures.get("offender_count", len(finding.offenders))) - MAX_OFFENDERS_IN_SENTENCE
        shown = "; ".join(finding.offenders[:MAX_OFFENDERS_IN_SENTENCE])
        return f"{finding.blocker}: {shown}" + (f"; and {more} more" if more > 0 else "")
    with_floor = [cell for cell in finding.table if cell.floor]
    if not with_floor:
        return finding.message
    nearest = min(with_floor, key=lambda cell: cell.count / cell.floor)
    return f"{finding.message} Nearest to its floor is {nearest.cell}: {nearest.count}, floor {nearest.floor}."
