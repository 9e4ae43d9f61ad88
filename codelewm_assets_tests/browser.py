"""Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def open_browser(*options: str) -> Iterator[Browser]:
    """A headless browser; closed at the end.

    Args: options: more options of Chromium's command line.
    Raises: RuntimeError: Chromium is not installed.
    """
    if CHROMIUM is None:
        raise RuntimeError("chromium is not installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        # no sandbox of its own: these machines run as root, and the pages are ours
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *options])
        try:
            yield browser
        finally:
            browser.close()
