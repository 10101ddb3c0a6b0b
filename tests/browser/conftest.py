"""One airlock and one Chromium for all browser tests. A page that breaks a rule fails its test, whatever it tests."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    StorageState,
    expect,
)

from examples.demo.chromium import chromium
from tests.browser.site import Site, running

PATIENCE = 60_000
"""Milliseconds for anything to appear: a limit for what hangs, far above what it takes."""


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    """Give a running airlock."""
    with running(tmp_path_factory.mktemp("airlock")) as made:
        yield made


@pytest.fixture(scope="package", name="chromium")
def browser() -> Generator[Browser]:
    """Give a real browser."""
    expect.set_options(timeout=PATIENCE)
    with chromium() as started:
        yield started


@dataclass
class Visitors:
    """People with a browser window each. Whatever goes wrong in one of them is kept in `wrong`."""

    site: Site
    browser: Browser
    wrong: list[str] = field(default_factory=list[str])
    expected: list[str] = field(default_factory=list[str])
    """Regular expressions of errors that a test provokes."""
    contexts: list[BrowserContext] = field(default_factory=list[BrowserContext])
    known: dict[str, StorageState] = field(default_factory=dict[str, StorageState])
    """The cookies of who has signed in once: signing in again would only cost time."""

    def window(
        self,
        *,
        width: int = 1280,
        dark: bool = False,
        scripts: bool = True,
        cookies: StorageState | None = None,
    ) -> Page:
        """Return a window, of nobody's unless cookies are given."""
        context = self.browser.new_context(
            storage_state=cookies,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            accept_downloads=True,
        )
        context.set_default_timeout(PATIENCE)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", self._console)
        page.on("pageerror", self._error)
        page.on("dialog", self._dialog)
        return page

    def person(self, name: str, *, width: int = 1280, dark: bool = False, scripts: bool = True) -> Page:
        """Return the window of somebody who has signed in outside, with password and code."""
        page = self.window(width=width, dark=dark, scripts=scripts, cookies=self.known.get(name))
        if name in self.known:
            page.goto(f"{self.site.outside}/projects")
            return page
        page.goto(f"{self.site.outside}/sign-in")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(self.site.password(name))
        page.get_by_label("Six-digit code").fill(self.site.code(name))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/projects")
        self.known[name] = page.context.storage_state()
        return page

    def inside(self, name: str = "robin") -> Page:
        """Return the window of a workspace of somebody who carried a pass there."""
        outside = self.person(name)
        outside.get_by_role("link", name="Workspace", exact=True).click()
        outside.get_by_role("button", name="Make a pass").click()
        workspace_pass = outside.locator("#the-pass").inner_text()
        page = self.window()
        page.goto(self.site.inside)
        page.get_by_label("Workspace pass").fill(workspace_pass)
        page.get_by_label("Workspace token").fill(self.site.workload())
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/projects")
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._note(f"{message.text} ({message.location.get('url', '')})")

    def _error(self, error: Error) -> None:
        self._note(str(error))

    def _dialog(self, dialog: Dialog) -> None:
        self._note(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _note(self, text: str) -> None:
        if not any(re.search(each, text) for each in self.expected):
            self.wrong.append(text)


@pytest.fixture(scope="package")
def known() -> dict[str, StorageState]:
    """Give the cookies of who has signed in."""
    return {}


@pytest.fixture
def visitors(site: Site, chromium: Browser, known: dict[str, StorageState]) -> Generator[Visitors]:
    """Give people with browsers; afterwards, nothing may have gone wrong in any of them."""
    made = Visitors(site, chromium, known=known)
    yield made
    for context in made.contexts:
        context.close()
    assert made.wrong == []
