"""Static pages: raw HTML is escaped, the Hub's header is dropped, nothing is fetched from elsewhere."""

import re

from codelewm_assets.release.cards import model_card
from codelewm_assets.release.site import page
from codelewm_assets_tests.claims.evidence import LABELS, collapse, gates_of
from codelewm_assets_tests.release.records import sidecar

PAGES = {"index.html": "Results & more", "model.html": "Model"}


def test_raw_html_is_escaped() -> None:
    made = page(
        "T", "Words <script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n| a |\n|---|\n| <b>x</b> |", PAGES
    )
    assert "<script" not in made
    assert "<img" not in made
    assert "<b>" not in made
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made


def test_titles_are_escaped() -> None:
    made = page("a <b> & c", "text", PAGES)
    assert "<title>a &lt;b&gt; &amp; c</title>" in made
    assert '<a href="index.html">Results &amp; more</a>' in made


def test_a_link_cannot_run_a_script() -> None:
    assert 'href="javascript' not in page("T", "[x](javascript:alert(1))", PAGES)


def test_the_yaml_header_is_dropped_and_rules_inside_the_text_stay() -> None:
    made = page("T", "---\nlicense: other\ntags: [code]\n---\n\n# Title\n\nbefore\n\n---\n\nafter\n", PAGES)
    assert "license" not in made
    assert "<h1>Title</h1>" in made
    assert "before" in made
    assert "<hr />" in made
    assert "after" in made


def test_a_text_without_a_header_is_whole() -> None:
    assert "<p>first</p>" in page("T", "first\n\n---\n\nsecond", PAGES)


def test_tables_become_tables_and_every_page_is_linked() -> None:
    made = page("T", "| a | b |\n|---|---|\n| 1 | 2 |\n", PAGES)
    assert "<td>1</td>" in made
    assert re.findall(r'<a href="([^"]+)">', made) == ["index.html", "model.html"]


def test_a_page_fetches_nothing_from_elsewhere() -> None:
    made = page("Model", model_card(sidecar(), collapse(), gates_of(), labels=LABELS), PAGES)
    assert "<h1>CodeLeWM transition model, seed 42</h1>" in made
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", made) == []
    assert "license: apache-2.0" not in made
