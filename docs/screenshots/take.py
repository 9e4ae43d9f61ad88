"""Screenshots of the UI with headless Chromium: `make screenshot`, after `make run`. Wants `chromium` on the path.

With names of pictures it takes those only: `python docs/screenshots/take.py check.png`. Where the store lies on this machine
is left out of the pictures.
"""

import io
import json
import os
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))
from codelewm_assets_tests.browser import open_browser  # noqa: E402
from codelewm_assets_tests.instance.web import served  # noqa: E402

SETTLED_MS = 12_000  # of real time: the UI animates its graphs into place and loads in steps
SHOW_PLOT = """[...document.querySelectorAll("*")]
    .find(e => !e.children.length && e.textContent === "[Show Markdown]").click()"""
SHOW_TAGS = """[...document.querySelectorAll("*")]
    .find(e => !e.children.length && e.textContent.startsWith("Show tags")).click()"""
TAB = """[...document.querySelectorAll("[role=tab]")].filter(e => e.textContent.trim() === "%s").pop().click()"""
PARTITION = f"""{TAB % "Partitions"}; setTimeout(() => [...document.querySelectorAll("*")]
    .filter(e => !e.children.length && e.textContent === "42").pop().click(), 700)"""
WITHOUT_STORE = """((store) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(store, "artifacts");
})(%s)"""
PAGES: dict[str, tuple[str, int, int, str]] = {  # picture → page, width, height, what is done on it
    "graph.png": ("/asset-groups", 1700, 1000, ""),
    "checks.png": ("/assets/problem_splits?view=checks", 1600, 1000, ""),
    "check.png": ("/assets/rerank_pools?view=checks&checkDetail=controls_leave_headroom", 1600, 1000, SHOW_PLOT),
    "catalog.png": ("/assets", 1400, 800, ""),
    "check_metadata.png": ("/assets/rerank_pools?view=checks&checkDetail=controls_leave_headroom", 1600, 1000, ""),
    "check_history.png": (
        "/assets/rerank_pools?view=checks&checkDetail=rerank_can_decide",
        1400,
        500,
        TAB % "Execution history",
    ),
    "check_partitions.png": ("/assets/checkpoint?view=checks&checkDetail=sidecar_matches", 1600, 800, PARTITION),
    "materialization.png": ("/assets/rerank_report?view=events", 1400, 1100, SHOW_TAGS),
    "gates.png": ("/assets/claim_gates?view=checks&checkDetail=gate_retrieval", 1500, 1000, ""),
    "site.png": ("/review_site/index.html", 1400, 1100, ""),
    "report.png": ("/review_site/results_report.html", 1400, 1400, ""),
    "pool.png": ("/review_site/pools/*", 1400, 1200, ""),
    "data_docs.png": ("problem_splits", 1100, 1000, ""),  # a file of the store, not a page of the UI
}


def main(names: list[str]) -> int:
    """Serve the build of DAGSTER_HOME as `make review` does and photograph each page."""
    home, store = Path(os.environ["DAGSTER_HOME"]), _store()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.txt"
        with served(home, log=log, CODELEWM_ARTIFACTS=str(store)) as server, open_browser() as browser:
            for name in names or PAGES:
                page, width, height, script = PAGES[name]
                if page.endswith("*"):  # which problems are scored depends on the build
                    page = page.replace("*", min((_store() / f"latest{page}").parent.glob("*.html")).name)
                address = f"{server.address}{page}" if page.startswith("/") else _data_docs(page).as_uri()
                (HERE / name).write_bytes(_smaller(_picture(browser, address, width, height, script)))
    return 0


def _data_docs(asset: str) -> Path:
    """The newest Data Docs page of an asset."""
    return max(_store().glob(f"data_docs/{asset}/*/*/index.html"), key=lambda page: page.stat().st_mtime)


def _store() -> Path:
    return Path(os.environ.get("CODELEWM_ARTIFACTS", ROOT / "artifacts")).resolve()


def _picture(browser: Browser, address: str, width: int, height: int, script: str) -> bytes:
    """PNG of a page of its own, after what `script` does on it."""
    page = browser.new_page(viewport={"width": width, "height": height})
    try:
        page.goto(address)
        page.wait_for_timeout(SETTLED_MS)
        for step in (script, WITHOUT_STORE % json.dumps(str(_store()))):  # what the script opens may name the store too
            page.evaluate(f"() => {{ {step} }}")  # what a script throws is raised here
            page.wait_for_timeout(2000)
        return page.screenshot()
    finally:
        page.close()


def _smaller(png: bytes) -> bytes:
    """The picture in 256 colours: a third of the bytes, and a page of the UI looks the same."""
    made = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(made, "PNG", optimize=True)
    return made.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
