"""The pages of the documentation as they are read: headings with their anchors, links, code blocks and code spans."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its page, the line it begins on, its language ("" for none), its text and what stands right before it."""

    page: str
    line: int
    language: str
    text: str
    before: str

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"


@cache
def tokens(page: str) -> tuple[Token, ...]:
    """The page as CommonMark with tables."""
    return tuple(MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text(encoding="utf-8")))


def anchors(page: str) -> list[str]:
    """Anchors of a page's headings, as a repository's pages have them; the same heading again gets -1, -2."""
    found: list[str] = []
    for place, token in enumerate(tokens(page)):
        if token.type == "heading_open":
            slug = slug_of(plain_text(tokens(page)[place + 1]))
            again = sum(1 for known in found if re.fullmatch(re.escape(slug) + r"(-\d+)?", known))
            found.append(slug if slug not in found else f"{slug}-{again}")
    return found


def slug_of(heading: str) -> str:
    """Lower case, letters, digits, `_` and `-` only, each space a `-`."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def plain_text(inline: Token) -> str:
    """Text of a heading or sentence without its markup."""
    return "".join(part.content for part in inline.children or () if part.type in ("text", "code_inline"))


def targets(page: str) -> Iterator[str]:
    """Where links and images of a page lead to."""
    for token in tokens(page):
        for part in token.children or ():
            if part.type == "link_open":
                yield str(part.attrs["href"])
            elif part.type == "image":
                yield str(part.attrs["src"])


def blocks() -> list[Block]:
    """Every fenced block of every page."""
    found = []
    for page in NAMES:
        lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
        for token in tokens(page):
            if token.type == "fence" and token.map:
                before = next((line for line in reversed(lines[: token.map[0]]) if line.strip()), "")
                found.append(Block(page, token.map[0] + 1, token.info.strip(), token.content, before.strip()))
    return found


def code_spans(page: str) -> Iterator[str]:
    """Text of every code span of a page."""
    for token in tokens(page):
        yield from (part.content for part in token.children or () if part.type == "code_inline")
