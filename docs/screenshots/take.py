"""Screenshots of the UI with headless Chromium: `make screenshot`, after `make run`. Wants `chromium` on the path.

With names of pictures it takes those only: `python docs/screenshots/take.py check.png`. Where the store lies on this machine
is left out of the pictures.
"""

import base64
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SETTLED_S = 12.0  # of real time: the UI animates its graphs into place and loads in steps
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
    "data_docs.png": ("problem_splits", 1100, 1000, ""),  # a file of the store, not a page of the UI
}


def main(names: list[str]) -> int:
    """Start the reviewer's web server on a free loopback port, photograph each page, stop it."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print("chromium is not installed; on Debian: apt-get install chromium", file=sys.stderr)
        return 1
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    where = ["--workspace", str(ROOT / "workspace.yaml"), "--port", str(port)]
    command = [sys.executable, "-m", "codelewm_assets.defs.review_server", *where]
    server = subprocess.Popen(command, env=os.environ, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{port}/server_info")
        for name in names or PAGES:
            page, width, height, script = PAGES[name]
            address = f"http://127.0.0.1:{port}{page}" if page.startswith("/") else _data_docs(page).as_uri()
            (HERE / name).write_bytes(_smaller(_picture(browser, address, width, height, script)))
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    return 0


def _data_docs(asset: str) -> Path:
    """The newest Data Docs page of an asset."""
    return max(_store().glob(f"data_docs/{asset}/*/*/index.html"), key=lambda page: page.stat().st_mtime)


def _store() -> Path:
    return Path(os.environ.get("CODELEWM_ARTIFACTS", ROOT / "artifacts")).resolve()


def _picture(browser: str, address: str, width: int, height: int, script: str) -> bytes:
    """PNG of a page in a browser of its own, after what `script` does on it."""
    with _devtools(browser) as call:
        target = call("Target.createTarget", url="about:blank")["targetId"]
        session = call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        call("Emulation.setDeviceMetricsOverride", session, **size)
        call("Page.navigate", session, url=address)
        time.sleep(SETTLED_S)
        for step in (script, WITHOUT_STORE % json.dumps(str(_store()))):  # what the script opens may name the store too
            done = call("Runtime.evaluate", session, expression=step)
            if "exceptionDetails" in done:
                raise SystemExit(f"{address}: {done['exceptionDetails']['exception']['description']}")
            time.sleep(2)
        shot = call("Page.captureScreenshot", session, format="png")
        return base64.b64decode(shot["data"])


def _smaller(png: bytes) -> bytes:
    """The picture in 256 colours: a third of the bytes, and a page of the UI looks the same."""
    made = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(made, "PNG", optimize=True)
    return made.getvalue()


@contextmanager
def _devtools(browser: str) -> Iterator[Any]:
    """A browser and how to call it: its DevTools protocol over two pipes, JSON that ends with a zero byte."""
    to_read, to_write = os.pipe(), os.pipe()  # what the browser reads, what it writes
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        shell = f'exec "$@" 3<&{to_read[0]} 4>&{to_write[1]}'
        process = subprocess.Popen(
            ["bash", "-c", shell, "bash", browser, *options, f"--user-data-dir={profile}"],
            pass_fds=(to_read[0], to_write[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_read[0])
        os.close(to_write[1])
        try:
            with os.fdopen(to_read[1], "wb", buffering=0) as out, os.fdopen(to_write[0], "rb") as answers:
                yield lambda method, session=None, **params: _call(out, answers, method, session, params)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _call(out: Any, answers: BinaryIO, method: str, session: str | None, params: dict[str, Any]) -> dict[str, Any]:
    message = {"id": 1, "method": method, "params": params} | ({"sessionId": session} if session else {})
    out.write(json.dumps(message).encode() + b"\0")
    while True:
        text = bytearray()
        while (byte := answers.read(1)) != b"\0":
            if not byte:
                raise SystemExit("the browser ended")
            text += byte
        answer = json.loads(text)
        if answer.get("id") == 1:  # anything else is an event; calls are one at a time
            return dict(answer["result"])


def _wait(address: str) -> None:
    for _ in range(150):
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the web server did not answer")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
