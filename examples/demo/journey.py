"""The demonstration's people at the airlock: two results ask to leave, one is let out, the other is not.

Run after both studies: `python -m examples.demo.journey`. A real browser signs in with password and one-time code.
Each analyst makes a workspace pass; a job in their workspace hands in the table with it; Carol, who analyses nothing,
looks at both, lets one out and turns the other down; Ada fetches hers; the auditor's copy of the record is verified
offline.
"""

from __future__ import annotations

import datetime
import json
import re
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page
from pyotp.totp import TOTP

from examples.demo.chromium import chromium
from tre import paths
from tre.console import say

SITE: Final = "demo"
PATIENCE: Final = 60_000
"""Milliseconds until something must have appeared."""
HAND_OVER: Final = """\
import subprocess
subprocess.run(["airlock", "sign-in", {pass_!r}], check=True)
asked = ["airlock", "send", "--new", "--title", {title!r}, "--purpose", {purpose!r}, "/outbox/results.csv"]
subprocess.run(asked, check=True)
"""
TRE: Final = str(Path(sys.executable).with_name("tre"))


@dataclass(frozen=True)
class Study:
    """One study of the demonstration, who analyses in it, and what becomes of its table."""

    project: str
    analyst: str
    title: str
    purpose: str


BREAST: Final = Study("breast", "ada", "How well the tumours are told apart", "Table 1 of the paper.")
DIABETES: Final = Study("diabetes", "dora", "What predicts the course of diabetes", "A poster.")
CHECKER: Final = "carol"
AUDITOR: Final = "august"


class People:
    """Everybody's browser window, each signed in once with both factors."""

    def __init__(self, browser: Browser, told: dict[str, Any]) -> None:
        self._browser, self._told = browser, told
        self._windows: dict[str, BrowserContext] = {}
        self.portal: str = told["portal"]

    def page(self, name: str) -> Page:
        """Return the window of somebody who is signed in."""
        if name not in self._windows:
            self._windows[name] = self._signed_in(name)
        return self._windows[name].pages[0]

    def _signed_in(self, name: str) -> BrowserContext:
        # Chromium knows no authority of ours; `vouched` has checked the same addresses against it.
        context = self._browser.new_context(ignore_https_errors=True, accept_downloads=True)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(f"{self.portal}/projects")
        page.get_by_role("link", name="Sign in with your institution").click()
        page.locator("#username").fill(name)
        page.locator("#password").fill(self._told["people"][name]["password"])
        page.locator("#kc-login").click()
        self._second_factor(page, name)
        return context

    def _second_factor(self, page: Page, name: str) -> None:
        codes = TOTP(self._told["people"][name]["code_secret"])
        for attempt in range(3):
            page.locator("#otp").fill(codes.now())
            page.locator("#kc-login").click()
            page.wait_for_load_state()
            if page.url.startswith(self.portal):
                return
            if attempt < 2:  # a code works once: an earlier run may have used this one
                time.sleep(codes.interval - datetime.datetime.now().timestamp() % codes.interval + 1)
        raise SystemExit(f"{name} could not sign in")


def main() -> None:
    """Take both tables through the airlock, and say what became of them."""
    file = paths.private_folder(paths.state_folder() / "sites" / SITE) / "sign-ins.json"
    _tre("people", SITE, "--first-sign-ins", str(file))
    told = json.loads(file.read_text())
    vouched(told)
    with chromium() as browser:
        people = People(browser, told)
        numbers = {study: handed_over(people, study) for study in (BREAST, DIABETES)}
        decided(people, numbers[BREAST], "Approve", "Counts are large, nobody can be told apart.")
        decided(people, numbers[DIABETES], "Reject", "Say how many people each figure stands for.")
        fetched, record = picked_up(people, numbers[BREAST], file.parent)
        verified(people, file.parent)
    say(f"  the released table   {fetched}")
    say(f"  its signed record    {record}")
    say(f"  the portal           {told['portal']}")
    say(f"  who can sign in      {file} (yours alone)")


def vouched(told: dict[str, Any]) -> None:
    """Make sure that the portal is the one that the site's own authority vouches for.

    Raises:
        OSError: it is not, or it does not answer.
    """
    trust = ssl.create_default_context(cadata="\n".join(told["authorities"]))
    urllib.request.urlopen(f"{told['portal']}/healthz", timeout=30, context=trust).close()  # noqa: S310 # ours


def handed_over(people: People, study: Study) -> str:
    """Have the analyst make a pass, and a job in the workspace hand in the table; return the request's number."""
    page = people.page(study.analyst)
    page.goto(f"{people.portal}/pass")
    page.get_by_label("Project").select_option(study.project)
    page.get_by_role("button", name=re.compile("Make")).click()
    workspace_pass = page.locator("#the-pass").inner_text()
    name = f"hand-over-{datetime.datetime.now(datetime.UTC):%Y%m%dt%H%M%S}"
    script = HAND_OVER.format(pass_=workspace_pass, title=study.title, purpose=study.purpose)
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder) / "hand_over.py"
        paths.write_private(code, script)
        _tre("run", SITE, study.project, "--name", name, "--script", str(code))
    page.goto(f"{people.portal}/requests")
    page.get_by_role("link", name=study.title).first.click()
    number = page.url.split("/requests/")[1].split("?")[0]
    say(f"  {study.analyst} asked for an output of {study.project}")
    return number


def decided(people: People, number: str, outcome: str, reason: str) -> None:
    """Have the checker look at the table and decide."""
    page = people.page(CHECKER)
    _until(page, f"{people.portal}/requests/{number}", "In review")
    page.goto(f"{people.portal}/requests/{number}/review")
    page.get_by_role("link", name="Look at it results.csv").click()
    page.get_by_role("heading", name="Preview of results.csv").wait_for()
    whole = page.get_by_role("group", name="The request as a whole")
    whole.get_by_role("radio", name=outcome).check()
    page.get_by_label("Reason", exact=True).fill(reason)
    page.get_by_role("button", name="Record my decision").click()
    page.wait_for_url("**?done=decided")
    _until(page, f"{people.portal}/requests/{number}", "Released" if outcome == "Approve" else "Rejected")
    say(f"  {CHECKER} looked at the table: {outcome.lower()}")


def picked_up(people: People, number: str, folder: Path) -> tuple[Path, Path]:
    """Have the analyst fetch the table, the auditor its record; return where they are."""
    page = people.page(BREAST.analyst)
    page.goto(f"{people.portal}/requests/{number}/pick-up")
    with page.expect_download() as fetched:
        page.get_by_role("button", name=re.compile("Fetch")).click()
    table, record = folder / "released" / "results.csv", folder / "released" / "record.json"
    paths.private_folder(table.parent)
    fetched.value.save_as(table)
    auditor = people.page(AUDITOR)
    answer = auditor.request.get(f"{people.portal}/api/v1/requests/{number}/record")
    paths.write_private(record, answer.text())
    say(f"  {BREAST.analyst} fetched it")
    return table, record


def verified(people: People, folder: Path) -> None:
    """Have the auditor take the whole record, and verify it offline."""
    auditor = people.page(AUDITOR)
    answer = auditor.request.get(f"{people.portal}/api/v1/export", timeout=PATIENCE)
    kept = folder / "released" / "airlock-record.jsonl"
    paths.write_private(kept, answer.text())
    _tre("audit", "verify", str(kept))
    say(f"  {AUDITOR}'s copy of the record is whole, verified offline")


def _until(page: Page, address: str, state: str) -> None:
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        page.goto(address)
        if state in page.locator("#status [role=status]").inner_text():
            return
        time.sleep(0.5)
    raise SystemExit(f"the request did not become {state.lower()}: {address}")


def _tre(*arguments: str) -> None:
    ended = subprocess.run([TRE, *arguments], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"tre {' '.join(arguments)} ended with {ended.returncode}:\n{ended.stderr[-2000:]}")


if __name__ == "__main__":
    main()
