"""Screenshots of the UI with headless Chromium: `make screenshot`, after `make run`. Wants `chromium` on the path."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGES = {
    "graph.png": "/asset-groups",
    "training.png": "/locations/codelewm_assets/asset-groups/training/lineage",
    "checks.png": "/assets/problem_splits?view=checks",
}


def main() -> int:
    """Start the read-only web server on a free loopback port, photograph each page, stop it."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print("chromium is not installed; on Debian: apt-get install chromium", file=sys.stderr)
        return 1
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "dagster_webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen([*command, "--read-only"], cwd=ROOT, env=os.environ, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{port}/server_info")
        for name, page in PAGES.items():
            options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=2200,1300"]
            target = [f"--screenshot={HERE / name}", "--virtual-time-budget=30000", f"http://127.0.0.1:{port}{page}"]
            subprocess.run([browser, *options, *target], check=True, timeout=180)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    return 0


def _wait(address: str) -> None:
    for _ in range(150):
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the web server did not answer")


if __name__ == "__main__":
    sys.exit(main())
