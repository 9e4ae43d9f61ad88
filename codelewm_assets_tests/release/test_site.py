"""The frame of a page: raw HTML is escaped, the Hub's header is dropped, nothing is fetched from elsewhere."""

import re

from codelewm_assets.release.cards import model_card
from codelewm_assets.release.site import body_of, frame, with_back_link
from codelewm_assets_tests.release.full import full_records
from codelewm_assets_tests.release.records import sidecar

PAGES = {"index.html": "Results & more", "model.html": "Model"}


def page(title: str, markdown: str, pages: dict[str, str], **options: str) -> str:
    return frame(title, body_of(markdown), pages, **options)  # type: ignore[arg-type]


def test_raw_html_is_escaped() -> None:
    made = page(
        "T", "Words <script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n| a |\n|---|\n| <b>x</b> |", PAGES
    )
    assert "<script" not in made
    assert "<img" not in made
    assert "<b>" not in made
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made


def test_titles_are_escaped() -> None:
    made = page("a <b> & c", "text", PAGES, site="<i>")
    assert "<title>a &lt;b&gt; &amp; c</title>" in made
    assert "<strong>&lt;i&gt;</strong>" in made
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


def test_every_page_is_linked_and_the_one_that_is_shown_is_marked() -> None:
    made = page("T", "text", PAGES, here="model.html")
    assert re.findall(r'<a href="([^"]+)"', made) == ["index.html", "model.html"]
    assert '<a href="model.html" aria-current="page">Model</a>' in made


def test_a_page_in_a_folder_links_one_level_up() -> None:
    assert re.findall(r'<a href="([^"]+)"', page("T", "text", PAGES, here="manifests/a.html")) == [
        "../index.html",
        "../model.html",
    ]


def test_tables_scroll_and_cells_are_dressed_by_what_they_hold() -> None:
    made = page("T", f"| a | b | c | d |\n|---|---|---|---|\n| 1.5 | GREEN | CLOSED: said | {'a' * 64} |\n", PAGES)
    assert '<div class="scroll" tabindex="0"><table>' in made
    assert '<td class="num">1.5</td>' in made
    assert '<td class="short"><span class="state good">GREEN</span></td>' in made
    assert '<td class="short"><span class="state bad">CLOSED</span>: said</td>' in made
    assert f'<td class="hex"><code>{"a" * 64}</code></td>' in made
    assert '<li><span class="state bad">CLOSED</span> said</li>' in page("T", "- CLOSED: said\n", PAGES)
    assert '<td class="num">0.5 [0.1, 0.9]</td>' in page("T", "| a |\n|---|\n| 0.5 [0.1, 0.9] |", PAGES)


def test_a_page_fetches_nothing_from_elsewhere() -> None:
    made = page("Model", model_card(sidecar(), full_records(), artifacts={}), PAGES)
    assert "<h1>CodeLeWM transition model, seed 42</h1>" in made
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", made) == []
    assert "url(" not in made and "@import" not in made
    assert "license: apache-2.0" not in made


def test_a_foreign_page_gets_one_link_back_at_its_top() -> None:
    made = with_back_link(b'<html><body class="x"><h1>T</h1><p>&lt;body&gt;</p></body></html>', "../data_docs.html")
    assert made.startswith(
        b'<html><body class="x">\n    <p><a href="../data_docs.html">Back to the review site</a></p>'
    )
    assert made.count(b"Back to the review site") == 1
