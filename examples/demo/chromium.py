"""A real browser: the system's Chromium, driven by Playwright, that speaks to no host but those it visits."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Generator
from typing import Final

from playwright.sync_api import Browser, sync_playwright

QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def chromium() -> Generator[Browser]:
    """Start a browser, and close it in the end.

    Raises:
        SystemExit: none is installed.
    """
    place = shutil.which("chromium")
    if not place:
        raise SystemExit("chromium is not on PATH. Install it: tre toolchain install")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=place, args=QUIET)
        yield browser
        browser.close()
