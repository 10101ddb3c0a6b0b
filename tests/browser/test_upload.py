"""Uploads through bad connections: what had come stays, nothing is sent twice, and nothing is lost."""

from __future__ import annotations

import hashlib
import random
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import FilePayload, Page, Route, expect

from tests.browser.conftest import Visitors
from tests.browser.site import PROJECT, SLICE, Site

PARTS = 6
CONTENT = random.Random(1).randbytes(PARTS * SLICE - 1000)
FILE: FilePayload = {"name": "large.bin", "mimeType": "application/octet-stream", "buffer": CONTENT}


def _begin(visitors: Visitors) -> Page:
    visitors.expected.append("ERR_FAILED|ERR_CONNECTION|ERR_ABORTED")
    page = visitors.person("sasha")
    page.goto(f"{visitors.site.outside}/requests/new?direction=input&project={PROJECT}")
    page.get_by_label("Title").fill("A large file")
    page.get_by_role("button", name="Go on to the files").click()
    # What is watched before the page has changed may be watched on the old one.
    page.locator("#pick-files").wait_for()
    return page


def _arrived(site: Site, page: Page) -> None:
    """Submit, and compare what the airlock froze with what was chosen."""
    page.get_by_role("button", name="Submit for review").click()
    page.wait_for_url("**?done=submitted")
    page.get_by_text("Fingerprint of all files").wait_for()
    page.get_by_text("Fingerprint (SHA-256)").first.click()
    expect(page.get_by_text(hashlib.sha256(CONTENT).hexdigest())).to_be_visible()


def _watched(page: Page, *broken: int) -> list[int]:
    """Break the connection once at each of these parts; return a list that fills with the offsets that got through.

    The way through tells of each part before the door sees it; the browser's own events may come much later.
    """
    passed: list[int] = []
    left = [part * SLICE for part in broken]

    def handle(route: Route) -> None:
        offset = int(parse_qs(urlsplit(route.request.url).query)["offset"][0])
        if offset in left:
            left.remove(offset)
            route.abort("connectionfailed")
            return
        passed.append(offset)
        route.continue_()

    page.route("**/content?*", handle)
    return passed


def test_a_broken_connection_is_taken_up_where_it_broke(site: Site, visitors: Visitors) -> None:
    """Parts that came are not sent again; the one that broke is."""
    page = _begin(visitors)
    passed = _watched(page, 1, 3)
    page.locator("#pick-files").set_input_files([FILE])
    expect(page.locator("#going-said")).to_have_text("All files have come.")
    expect(page.locator("#going-text")).to_have_text("1 of 1 files, 100 %")
    assert passed == [part * SLICE for part in range(PARTS)]
    _arrived(site, page)


def test_a_lost_answer_is_not_a_lost_part(site: Site, visitors: Visitors) -> None:
    """The part came and its answer did not: the door says where the file stands, and it goes on from there."""
    page = _begin(visitors)
    lost: list[str] = []

    def handle(route: Route) -> None:
        if not lost and f"offset={2 * SLICE}" in route.request.url:
            lost.append(route.fetch().text())
            route.abort("connectionreset")
            return
        route.continue_()

    page.route("**/content?*", handle)
    page.locator("#pick-files").set_input_files([FILE])
    expect(page.locator("#going-said")).to_have_text("All files have come.")
    assert lost
    _arrived(site, page)


def _only_the_first(route: Route) -> None:
    if "offset=0&" in route.request.url:
        route.continue_()
    else:
        route.abort("connectionfailed")


def test_a_closed_window_is_taken_up_by_choosing_the_file_again(site: Site, visitors: Visitors) -> None:
    """The browser forgets; the airlock does not."""
    page = _begin(visitors)
    page.route("**/content?*", _only_the_first)
    page.locator("#pick-files").set_input_files([FILE])
    expect(page.locator("#going-text")).to_have_text(f"0 of 1 files, {100 * SLICE // len(CONTENT)} %")
    where = page.url
    page.close(run_before_unload=False)

    other = page.context.new_page()
    other.goto(where)
    expect(other.get_by_text("256 KiB so far")).to_be_visible()
    expect(other.get_by_role("button", name="Submit for review")).to_be_disabled()
    passed = _watched(other)
    other.locator("#pick-files").set_input_files([FILE])
    expect(other.locator("#going-said")).to_have_text("All files have come.")
    assert passed == [part * SLICE for part in range(1, PARTS)]
    _arrived(site, other)


def test_a_refused_file_is_named_and_the_others_come(site: Site, visitors: Visitors) -> None:
    """One name that no path may have does not stop the rest."""
    visitors.expected.append("422")
    page = _begin(visitors)
    bad: FilePayload = {"name": "ends with a dot.", "mimeType": "text/csv", "buffer": b"a"}
    good: FilePayload = {"name": "good.csv", "mimeType": "text/csv", "buffer": b"a,b\n1,2\n"}
    empty: FilePayload = {"name": "empty.csv", "mimeType": "text/csv", "buffer": b""}
    page.locator("#pick-files").set_input_files([bad, good, empty])
    expect(page.locator("#going-said")).to_have_text("Some files did not come.")
    expect(page.locator("#going-failed")).to_contain_text("ends with a dot.: no part of a path")
    expect(page.get_by_role("button", name="Remove good.csv")).to_be_visible()
    expect(page.get_by_role("button", name="Remove empty.csv")).to_be_visible()
    page.get_by_role("button", name="Remove empty.csv").click()
    expect(page.get_by_role("button", name="Remove empty.csv")).to_have_count(0)
