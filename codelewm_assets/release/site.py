"""The frame of every page of the review site: header, navigation, scrolling tables, highlighted states.

Pages are opened from disk: links are relative, the style is inline, and nothing is fetched.
"""

import html
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

GOOD = ("GREEN", "HOLDS", "OPEN", "SHOWN", "MADE", "clear")
BAD = ("RED", "FAILS", "CLOSED", "MISSING", "STALE", "UNDEFINED", "NOT_EVALUATED", "MANUAL")
UNSURE = ("UNDECIDED", "RUNNING", "NOT_IN_THIS_RUN", "JUDGED_AFTER_THIS", "A_PERSON_JUDGES")
_KINDS = dict.fromkeys(GOOD, "good") | dict.fromkeys(BAD, "bad") | dict.fromkeys(UNSURE, "unsure")
_STATE = re.compile(rf"^({'|'.join(_KINDS)})(?=$|:)")
_NUMBER = re.compile(r"^(–|[+-]?\d[\d.]*(e[+-]\d+)?( \[[^\]]+\])?)$")
_HEX = re.compile(r"^[0-9a-f]{64}$")
_DIGEST = re.compile(r"<a .*?</a>|<[^>]*>|(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", re.DOTALL)
_ITEM = re.compile(rf"<li>({'|'.join(_KINDS)}): *")
_CELL = re.compile(r"<td>(.*?)</td>", re.DOTALL)
SHORT, LONG = 24, 90  # characters up to which a cell is not broken, and from which it gets room


def frame(
    title: str,
    body: str,
    pages: Mapping[str, str],
    *,
    here: str = "",
    site: str = "CodeLeWM review",
    digests: Mapping[str, str] | None = None,
) -> str:
    """One HTML page.

    Args:
        body: HTML, taken as it is.
        pages: file name → title of the pages in the navigation.
        here: the page's own path in the site; pages in a folder link one level up.
        digests: digest → path of its page; each of them in the body becomes a link.
    """
    up = "../" * here.count("/")
    links = "".join(
        f'<a href="{up}{name}"{" aria-current=" + chr(34) + "page" + chr(34) if name == here else ""}>{html.escape(label)}</a>'
        for name, label in pages.items()
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_style()}</style></head>\n"
        f"<body><header><div><strong>{html.escape(site)}</strong><nav>{links}</nav></div></header>\n"
        f"<main>{_with_links(body, digests or {}, up, here)}</main>\n"
        "<footer>Made from finished records; every figure is looked up by its record path.</footer></body></html>\n"
    )


def _with_links(body: str, digests: Mapping[str, str], up: str, here: str) -> str:
    """The HTML with a link round each known digest that is not in a tag or a link."""

    def linked(match: re.Match[str]) -> str:
        path = digests.get(match[0])
        return f'<a href="{up}{path}">{match[0]}</a>' if path and path != here else match[0]

    return _DIGEST.sub(linked, body) if digests else body


@cache
def _style() -> str:
    return (files("codelewm_assets.release") / "site.css").read_text(encoding="utf-8").replace("\n", "")


def body_of(markdown: str) -> str:
    """HTML of a Markdown text, whose raw HTML is escaped."""
    from markdown_it import MarkdownIt

    page = MarkdownIt("commonmark", {"html": False}).enable("table").render(_without_header(markdown))
    page = page.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace("</table>", "</table></div>")
    page = _ITEM.sub(lambda match: f"<li>{_badge(match[1])} ", page)
    return _CELL.sub(lambda match: _cell(match[1]), page)


def _cell(content: str) -> str:
    """A cell with the style of its content: a state, a digest, a number or a long text."""
    if _HEX.match(content):
        return f'<td class="hex"><code>{content}</code></td>'
    if _NUMBER.match(content):
        return f'<td class="num">{content}</td>'
    length = len(re.sub(r"<[^>]+>", "", content))
    kind = ' class="long"' if length >= LONG else ' class="short"' if length <= SHORT else ""
    return f"<td{kind}>{_STATE.sub(lambda match: _badge(match[1]), content)}</td>"


def _badge(state: str) -> str:
    return f'<span class="state {_KINDS[state]}">{state}</span>'


def _without_header(markdown: str) -> str:
    """The text without the Hub's YAML header."""
    if markdown.startswith("---\n"):
        return markdown.split("\n---\n", 1)[1]
    return markdown


def with_back_link(document: bytes, up: str) -> bytes:
    """An external page with a link back to the site at its top. Args: up: relative path of the site's overview."""
    link = f'<p><a href="{html.escape(up)}">Back to the review site</a></p>'.encode()
    return re.sub(rb"(<body[^>]*>)", lambda match: match[1] + b"\n    " + link, document, count=1)
