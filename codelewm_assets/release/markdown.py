"""Pieces of Markdown (cells, tables, intervals, reasons), and templates to text. Knows nothing of any record."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_REASONS = 4
EVERY_REASON = "Every reason"
"""Heading of the whole list of reasons, in the results report."""
ABSENT = "–"
Cell = float | int | str | bool | None


def cell(value: Cell, digits: int = 3) -> str:
    """A table cell: `–` if absent, never 0; a value too small for the digits is written in scientific notation."""
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2e}" if 0 < abs(value) < 0.5 * 10**-digits else f"{value:.{digits}f}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A Markdown table; "(none)" without rows."""
    if not rows:
        return "(none)\n"
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]) + "\n"


def interval(bounds: Sequence[float] | None, digits: int = 3) -> str:
    """`low to high`, or `–` without bounds."""
    return ABSENT if bounds is None else f"{cell(bounds[0], digits)} to {cell(bounds[1], digits)}"


def with_interval(value: float | None, bounds: Sequence[float] | None, digits: int = 3) -> str:
    """`value [low, high]`; the value alone without an interval, `–` without a value."""
    if value is None or bounds is None:
        return cell(value, digits)
    return f"{cell(value, digits)} [{cell(bounds[0], digits)}, {cell(bounds[1], digits)}]"


def reasons_text(reasons: Sequence[Any]) -> str:
    """The first reasons as `code: sentence`, and where the rest are. Args: reasons: records, or mappings with the same keys."""
    pairs = [(r["code"], r["detail"]) if isinstance(r, Mapping) else (r.code, r.detail) for r in reasons]
    first = [f"{code}: {detail.removesuffix('.')}." for code, detail in pairs[:MAX_REASONS]]
    rest = len(pairs) - MAX_REASONS
    return " ".join(first + ([f'{rest} more under "{EVERY_REASON}" in the results report.'] if rest > 0 else []))


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("codelewm_assets.release"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=lambda name: bool(name and name.endswith(".html.j2")),  # Markdown is escaped when it becomes a page
    )  # fmt: skip
    environment.globals.update(
        table=table, cell=cell, interval=interval, with_interval=with_interval, every_reason=EVERY_REASON
    )
    return environment


def render(template: str, **context: Any) -> str:
    """The template of this name in `templates/`, filled.

    Raises: jinja2.UndefinedError: a name of the template is not given; undefined names never render as empty.
    """
    return _environment().get_template(template).render(**context)
