"""Sections of docs/performance.md and docs/reliability.md, each between two marks, each rewritten by the benchmark of its name."""

from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"


def rewrite(name: str, lines: Sequence[str], page: Path = PAGE) -> None:
    """Put `lines` in the place of the section `name`, at the end where there is none yet, and print them."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = "\n".join([begin, *lines, end])
    text = page.read_text(encoding="utf-8")
    if begin in text:
        before, rest = text.split(begin, 1)
        text = before + section + rest.split(end, 1)[1]
    else:
        text = text.rstrip() + "\n\n" + section + "\n"
    page.write_text(text, encoding="utf-8")
    print(section)
