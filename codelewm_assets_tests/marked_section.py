"""The part of a page between two marks that `make flow` writes and a test compares with the code."""

import sys
from pathlib import Path


def with_section(page: str, begin: str, end: str, body: str) -> str:
    """The page with `body` between its two marks."""
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n\n{body}\n{end}{rest.partition(end)[2]}"


def write_section(path: Path, begin: str, end: str, body: str) -> None:
    """Put `body` between the two marks of a page, which must have them."""
    text = path.read_text(encoding="utf-8")
    if begin not in text or end not in text:
        sys.exit(f"{path} lacks the marks {begin} and {end}")
    path.write_text(with_section(text, begin, end, body), encoding="utf-8")
