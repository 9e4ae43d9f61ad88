"""The little Markdown that generated pages are made of."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, or nothing when there are no rows; bars and line ends in cells are taken care of."""
    lines = [_line(row) for row in rows]
    return "\n".join([_line(header), "|" + "---|" * len(header), *lines]) + "\n" if lines else ""


def code(text: object) -> str:
    """Text as a code span."""
    return f"`{text}`"


def codes(texts: Iterable[object]) -> str:
    """Code spans with commas between them; a dash for none."""
    return ", ".join(code(text) for text in texts) or "–"


def page(*blocks: str) -> str:
    """Blocks with an empty line between them."""
    return "\n\n".join(block.strip("\n") for block in blocks if block) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
