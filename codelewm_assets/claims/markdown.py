"""Markdown as passages to audit: sentences of paragraphs, items, quotes and headings, and cells of tables, with their lines.

Code fences, code spans, comments and struck-out text are no statements. Nothing here knows what a claim is.
"""

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from codelewm_assets.claims.lexicon import denies, states_status

KEPT_SPANS = re.compile(
    r"p_pass|z_pred\w*|pass@1|codelewm|humaneval|mbpp_plus|no_action|shuffled_action|lexical|consensus|surface_lr|length"
    r"|random|llm_order", re.IGNORECASE,
)  # fmt: skip
"""Names that stay readable when they are set as code, since a claim may be made of them."""
FENCE = re.compile(r"(`{3,}|~{3,})")
HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
ITEM = re.compile(r"(\s*)(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?(.*)")
SEPARATOR = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
ABBREVIATION = re.compile(r"\b(e\.g|i\.e|vs|cf|approx|resp|no|fig|al)\.$", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]*_]*\s+")
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
    text: str  # with its line breaks
    depth: int  # of a heading its level, of an item its indent


def passages(markdown: str) -> Iterator[Passage]:
    """Every passage of a text, in order."""
    headings: list[tuple[int, str]] = []
    lead: str | None = None
    items: list[tuple[int, str]] = []  # the items that the current one is nested in
    header: tuple[str, ...] = ()
    for block in _blocks(markdown):
        text = plain(block.text)
        heading = headings[-1][1] if headings else ""
        if block.kind == "heading":
            headings = [(level, name) for level, name in headings if level < block.depth] + [(block.depth, text)]
            lead, items = None, []
            yield from _sentences(block.line, text, " ".join(name for _, name in headings[:-1]), is_quoted=False)
            continue
        if block.kind == "paragraph":
            items = []
            if re.fullmatch(r"\s*(\*\*|__)[^*]+(\*\*|__)\s*", block.text) and len(text) < 80:
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
            header = tuple(cells(text))
        else:
            yield from _row(block.line, text, header, outer)


def plain(text: str) -> str:
    """Text without markup, its line breaks kept; code spans go, but for names that a claim may be made of."""
    text = re.sub(r"(`+)(.+?)\1", _breaks_kept(lambda m: m[2] if KEPT_SPANS.fullmatch(m[2].strip()) else "(code)"), text,
                  flags=re.DOTALL)  # fmt: skip
    text = re.sub(r"~~(.+?)~~", _breaks_kept(lambda m: ""), text, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\[\]]*)\](\([^()]*\)|\[[^\[\]]*\])", _breaks_kept(lambda m: m[1]), text)
    text = re.sub(r"</?[a-zA-Z][^<>]*>", _breaks_kept(lambda m: ""), text)
    text = re.sub(r"\*+|(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)", "", text)
    return text.replace("’", "'").replace("\u00a0", " ").replace("\u2011", "-").replace("\u2010", "-")


def _breaks_kept(replacement: Callable[[re.Match[str]], str]) -> Callable[[re.Match[str]], str]:
    def replaced(match: re.Match[str]) -> str:
        made = replacement(match)
        return made + "\n" * (match[0].count("\n") - made.count("\n"))

    return replaced


def cells(row: str) -> list[str]:
    """The cells of a table's row."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def _row(line: int, text: str, header: tuple[str, ...], outer: str) -> Iterator[Passage]:
    row = tuple(cells(text))
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
    markdown = re.sub(r"<!--.*?-->", _breaks_kept(lambda m: ""), markdown, flags=re.DOTALL)
    lines = markdown.splitlines()
    kind: Literal["paragraph", "item", "quote"] = "paragraph"
    held: list[str] = []
    start, depth, fence, in_table = 0, 0, "", False

    def flush() -> Iterator[_Block]:
        if held:
            yield _Block(kind, start, "\n".join(held), depth)
            held.clear()

    for number, whole in enumerate(lines, 1):
        quoted = re.match(r"\s{0,3}(>\s?)+", whole)
        line = whole[quoted.end() :] if quoted else whole
        fenced = FENCE.match(line.strip())
        if fence or fenced:
            yield from flush()
            if not fence and fenced:
                fence = fenced[1]
            elif fenced and fenced[1][0] == fence[0] and len(fenced[1]) >= len(fence):
                fence = ""
            in_table = False
            continue
        if not line.strip() or re.fullmatch(r"\s*([-*_]\s*){3,}|\s*=+\s*", line):
            if held and kind == "paragraph" and re.fullmatch(r"=+|-+", line.strip()):  # an underlined heading
                yield _Block("heading", start, "\n".join(held), 1 if line.strip()[0] == "=" else 2)
                held.clear()
            yield from flush()
            in_table = False
            continue
        if "|" in line and not SEPARATOR.fullmatch(line):
            is_header = (
                number < len(lines) and bool(SEPARATOR.fullmatch(lines[number].lstrip("> "))) and "-" in lines[number]
            )
            if in_table or is_header or line.lstrip().startswith("|"):
                yield from flush()
                in_table = True
                yield _Block("header" if is_header else "row", number, line, 0)
                continue
        elif in_table and SEPARATOR.fullmatch(line):
            continue
        in_table = False
        heading, item = HEADING.match(line.strip()), ITEM.match(line)
        if heading and not quoted:
            yield from flush()
            yield _Block("heading", number, heading[2], len(heading[1]))
            continue
        begins = item or (quoted is not None) != (kind == "quote") or not held
        is_lazy = held and kind != "paragraph" and not item and not quoted  # it goes on with its item or quote
        if begins and not is_lazy:
            yield from flush()
            start, depth = number, len(item[1]) if item else 0
            kind = "quote" if quoted else "item" if item else "paragraph"
        held.append((item[2] if item else heading[2] if heading else line.strip()).removeprefix("[!NOTE]"))
    yield from flush()
