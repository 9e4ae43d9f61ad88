"""The site builds without a warning, loads nothing from elsewhere, and has the anchors that the repository's pages have."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from codelewm_assets_tests.docs.pages import DOCS, ROOT, anchors
from codelewm_assets_tests.tiers import slow
from docs.reference.pages import REFERENCE

LOADS = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}
NAMES_ONLY = {"canonical", "next", "prev"}  # relations of a <link> that load nothing


class Seen(HTMLParser):
    """What a page loads, and the anchors of its headings."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.anchors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects from one tag."""
        found = dict(attrs)
        if tag in LOADS and found.get(LOADS[tag]) and found.get("rel") not in NAMES_ONLY:
            self.loaded.append(str(found[LOADS[tag]]))
        if re.fullmatch("h[1-6]", tag) and found.get("id"):
            self.anchors.append(str(found["id"]))


@pytest.fixture(scope="module")
@slow
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def seen(page: Path) -> Seen:
    """A page, read."""
    parser = Seen()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def page_of(site: Path, name: str) -> Path:
    """Where a page under docs/ lies on the site."""
    found = site / name
    return found.with_name("index.html") if found.name == "README.md" else found.with_suffix(".html")


def test_every_page_and_every_page_of_the_reference_is_on_the_site(site: Path) -> None:
    wanted = [*(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")), *REFERENCE]
    assert [name for name in wanted if not page_of(site, name).is_file()] == []


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = {(page.name, what) for page in site.rglob("*.html") for what in seen(page).loaded}
    assert any(what.endswith(".css") for _, what in loaded)  # it looked at something
    assert {(page, what) for page, what in loaded if "//" in what} == set()
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"url\(['\"]?https?:", styles) == []
    assert re.findall(r"@import[^;]*//", styles) == []


def test_headings_have_the_anchors_that_they_have_in_the_repository(site: Path) -> None:
    for path in DOCS.rglob("*.md"):
        name = path.relative_to(DOCS).as_posix()
        assert seen(page_of(site, name)).anchors == anchors(f"docs/{name}"), name


def test_scripts_are_no_part_of_the_site(site: Path) -> None:
    assert list(site.rglob("*.py")) == []
