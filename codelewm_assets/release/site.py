"""The review site: the report and the cards as static pages, with nothing to fetch from elsewhere."""

import html
from collections.abc import Mapping

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2430}"
    "table{border-collapse:collapse;margin:1rem 0;font-size:13px}"
    "td,th{border:1px solid #cbd3dd;padding:.25rem .5rem;text-align:left}"
    "th{background:#eef2f6}img{max-width:100%}nav a{margin-right:1rem}code{background:#eef2f6;padding:0 .2rem}"
)


def page(title: str, markdown: str, pages: Mapping[str, str]) -> str:
    """One HTML page. Args: pages: file name → title of all pages, for the navigation. Raw HTML in the text is escaped."""
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(_without_header(markdown))
    links = "".join(f'<a href="{name}">{html.escape(shown)}</a>' for name, shown in pages.items())
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><nav>{links}</nav>\n{body}</body></html>\n"
    )


def _without_header(markdown: str) -> str:
    """The text without the Hub's YAML header."""
    if markdown.startswith("---\n"):
        return markdown.split("\n---\n", 1)[1]
    return markdown
