"""Markdown as passages to audit: sentences of paragraphs, items, quotes and headings, and cells of tables, with their lines.

Code fences, code spans, comments and struck-out text are no statements. Nothing here knows what a claim is. markdown-it-py finds
the blocks and spans, set up so that indented code and HTML are read as text: neither may hide a claim.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from codelewm_assets.claims.lexicon import denies, states_status
from codelewm_assets.core.ids import BENCHMARKS

KEPT_SPANS = re.compile(
    r"p_pass|z_pred\w*|pass@1|codelewm|no_action|shuffled_action|lexical|consensus|surface_lr|length|random|llm_order|"
    + "|".join(BENCHMARKS), re.IGNORECASE,
)  # fmt: skip
"""Names that stay readable when they are set as code, since a claim may be made of them."""
ABBREVIATION = re.compile(r"\b(e\.g|i\.e|vs|cf|approx|resp|no|fig|al)\.$", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]*_]*\s+")
PARSER = MarkdownIt("commonmark", {"html": False, "maxNesting": 100})
PARSER.enable(["table", "strikethrough"]).disable(["code", "autolink"])
SHORT_HEADING = 7  # below every Markdown heading: a line that is bold as a whole


class Passage(NamedTuple):
    """A sentence or a cell.

    `subject_hint`: the words before it that it may be about: the sentence before, else its lead-in, row or heading.
    `is_quoted`: it stands in a list, quote or table whose lead-in, heading or column forbids, denies or conditions it, or in
    a row whose status says that it does not hold.
    """

    line: int
    text: str
    subject_hint: str
    is_quoted: bool
    row: tuple[str, ...] = ()  # all cells of its row, when it is a cell
    column: str = ""  # the head of its column


class _Block(NamedTuple):
    kind: Literal["heading", "paragraph", "item", "quote", "header", "row"]
    line: int
    text: str = ""  # without markup, its line breaks kept
    depth: int = 0  # of a heading its level, of an item the number of lists that it is in
    cells: tuple[str, ...] = ()  # of a row of a table
    is_bold: bool = False  # as a whole


def passages(markdown: str) -> Iterator[Passage]:
    """Every passage of a text, in order."""
    headings: list[tuple[int, str]] = []
    lead: str | None = None
    items: list[tuple[int, str]] = []  # the items that the current one is nested in
    header: tuple[str, ...] = ()
    for block in _blocks(markdown):
        text = block.text
        heading = headings[-1][1] if headings else ""
        if block.kind == "heading":
            headings = [(level, name) for level, name in headings if level < block.depth] + [(block.depth, text)]
            lead, items = None, []
            yield from _sentences(block.line, text, " ".join(name for _, name in headings[:-1]), is_quoted=False)
            continue
        if block.kind == "paragraph":
            items = []
            if block.is_bold and len(text) < 80:
                headings = [(level, name) for level, name in headings if level < SHORT_HEADING]
                headings.append((SHORT_HEADING, text))
            lead = _last_sentence(text) if text.rstrip().endswith(":") else None
            yield from _sentences(block.line, text, heading, is_quoted=False)
            continue
        outer = lead or heading
        if block.kind == "item":
            items = [(depth, item) for depth, item in items if depth < block.depth]
            nearest = next((item for _, item in reversed(items) if item.rstrip().endswith(":")), outer)
            items.append((block.depth, text))
            yield from _sentences(block.line, text, nearest, is_quoted=denies(nearest))
            continue
        items = []
        if block.kind == "quote":
            yield from _sentences(block.line, text, outer, is_quoted=denies(outer))
        elif block.kind == "header":
            header = block.cells
        else:
            yield from _row(block.line, block.cells, header, outer)


def _row(line: int, row: tuple[str, ...], header: tuple[str, ...], outer: str) -> Iterator[Passage]:
    is_denied = denies(outer) or any(states_status(cell) for cell in row)
    for at, cell in enumerate(row):
        column = header[at] if at < len(header) else ""
        hint = row[0] if at else outer
        for found in _sentences(line, cell, hint, is_quoted=is_denied or denies(column)):
            yield found._replace(row=row, column=column)


def _sentences(line: int, text: str, hint: str, *, is_quoted: bool) -> Iterator[Passage]:
    start = 0
    for end, after in _sentence_ends(text):
        raw = text[start:end]
        words = " ".join(raw.split())
        if words:
            begins = start + len(raw) - len(raw.lstrip())
            yield Passage(line + text[:begins].count("\n"), words, hint, is_quoted)
            hint = words
        start = after


def _sentence_ends(text: str) -> Iterator[tuple[int, int]]:
    for match in SENTENCE_END.finditer(text):
        if not ABBREVIATION.search(text[: match.start()]):
            yield match.end(), match.end()
    yield len(text), len(text)


def _last_sentence(text: str) -> str:
    return list(_sentences(0, text, "", is_quoted=False))[-1].text


def _blocks(markdown: str) -> Iterator[_Block]:
    lists, quotes, starts_item = 0, 0, False
    opened, cells = "", list[str]()  # the tag of the block that an inline token is in
    for token in PARSER.parse(_stripped(r"<!--.*?-->", markdown)):
        line = token.map[0] + 1 if token.map else 0
        if token.type.endswith(("list_open", "list_close")):
            lists += token.nesting
        elif token.type.startswith("blockquote"):
            quotes += token.nesting
        elif token.type.startswith("list_item"):
            starts_item = token.nesting == 1
        elif token.type == "tr_open":
            row_line, cells = line, []
        elif token.type == "tr_close":
            yield _Block("header" if opened == "th" else "row", row_line, cells=tuple(cells))
        elif token.nesting == 1:
            opened = token.tag
        elif token.type == "inline":
            text = _plain(token)
            if opened in ("th", "td"):
                cells.append(text.strip())
            elif quotes:
                yield _Block("quote", line, text.removeprefix("[!NOTE]"))
            elif starts_item:
                yield _Block("item", line, re.sub(r"^\[[ xX]\]\s+", "", text), lists)
            elif opened == "p":
                is_bold = bool(re.fullmatch(r"\s*(\*\*|__)[^*]+(\*\*|__)\s*", token.content))
                yield _Block("paragraph", line, text, is_bold=is_bold)
            else:
                yield _Block("heading", line, text, int(opened[1]))
            starts_item = False


def _plain(inline: Token) -> str:
    """Text without markup, its line breaks kept; code spans go, but for names that a claim may be made of."""
    text, struck, at = "", 0, 0
    for token in inline.children or ():
        struck += token.nesting if token.tag == "s" else 0
        piece = "\n" if token.tag == "br" else token.content
        if token.type == "code_inline":
            words = re.escape(piece).replace("\\ ", r"\s")  # the token has spaces where the source has line breaks
            source = re.compile(rf"{token.markup}\s?{words}\s?{token.markup}").search(inline.content, at)
            assert source is not None
            at = source.end()
            piece = (piece if KEPT_SPANS.fullmatch(piece.strip()) else "(code)") + "\n" * source[0].count("\n")
        elif token.type == "image":
            piece = _plain(token)
        text += "\n" * piece.count("\n") if struck else piece
    text = _stripped(r"</?[a-zA-Z][^<>]*>", text)
    text = re.sub(r"\*+|(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)", "", text)
    return text.replace("’", "'").replace("\u00a0", " ").replace("\u2011", "-").replace("\u2010", "-")


def _stripped(pattern: str, text: str) -> str:
    """Text without what matches, whose line breaks stay."""
    return re.sub(pattern, lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL)
