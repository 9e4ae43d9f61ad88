"""Every link, anchor and picture of README.md and docs/ leads somewhere, in the repository and on the site."""

import struct
from pathlib import Path
from urllib.parse import unquote

from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.docs.pages import DOCS, NAMES, ROOT, anchors, slug_of, targets
from docs.reference.pages import REFERENCE

MOST_PICTURE_BYTES = 200_000
PICTURES = sorted((DOCS / "screenshots").glob("*.png"))


def broken(page: str, target: str) -> str | None:
    """What is wrong with a relative link of a page; None: nothing."""
    if "://" in target or target.startswith("mailto:"):
        return None
    path, _, anchor = unquote(target).partition("#")
    found = (ROOT / page).parent / path if path else ROOT / page
    name = found.resolve().relative_to(ROOT).as_posix() if found.resolve().is_relative_to(ROOT) else None
    if name is None:
        return f"{page}: {target} leaves the repository"
    if name.removeprefix("docs/") in REFERENCE and page != "README.md":
        return None if not anchor else f"{page}: {target}: link pages of the reference without an anchor"
    if not found.exists():
        return f"{page}: {target} is not there"
    if anchor and anchor not in anchors(name):
        return f"{page}: {target}: no heading there has the anchor {anchor}"
    return None


@each_case("page", NAMES)
def test_every_relative_link_anchor_and_picture_of_a_page_is_there(page: str) -> None:
    assert [fault for target in targets(page) if (fault := broken(page, target))] == []


@each_case(
    ("page", "target", "fault"),
    [
        ("docs/splits.md", "guard.md#states", None),
        ("docs/splits.md", "guard.md#state", "no heading"),
        ("docs/splits.md", "gaurd.md", "is not there"),
        ("docs/splits.md", "#checks", None),
        ("docs/splits.md", "../../elsewhere.md", "leaves the repository"),
        ("docs/splits.md", "reference/checks.md", None),
        ("README.md", "docs/reference/checks.md", "is not there"),  # made for the site only
    ],
)
def test_a_link_that_leads_nowhere_is_found(page: str, target: str, fault: str | None) -> None:
    found = broken(page, target)
    assert found is None if fault is None else fault in str(found)


def test_anchors_are_those_of_a_repositorys_pages() -> None:
    # each space is one dash, so what stood between two spaces leaves two dashes
    assert slug_of("Labels — and `p_pass`: twice") == "labels--and-p_pass-twice"


def test_every_picture_is_used_and_small() -> None:
    used = {
        (ROOT / page).parent.joinpath(target).resolve()
        for page in NAMES
        for target in targets(page)
        if target.endswith(".png")
    }
    assert [path.name for path in PICTURES if path.resolve() not in used] == []
    assert {path.name: path.stat().st_size for path in PICTURES if path.stat().st_size > MOST_PICTURE_BYTES} == {}


@each_case("path", PICTURES, ids=lambda path: path.name)
def test_every_screenshot_has_the_size_that_take_py_gives_it(path: Path) -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("take", DOCS / "screenshots" / "take.py")
    assert spec and spec.loader
    take = module_from_spec(spec)
    spec.loader.exec_module(take)
    _, width, height, _ = take.PAGES[path.name]
    assert struct.unpack(">II", path.read_bytes()[16:24]) == (width, height)  # the header of a PNG
