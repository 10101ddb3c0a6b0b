"""Without a mouse: every step by Tab, Space, arrows and Enter, and always seen where one is. And on a narrow screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.asking import TABLE, ask, picture
from tests.browser.conftest import Visitors
from tests.browser.site import PROJECT, Site

MOST_TABS = 80
SEEN = """() => {
  const at = document.activeElement, style = getComputedStyle(at);
  const around = at.closest('.pick') ? getComputedStyle(at.closest('.pick')) : style;
  return [style, around].some((s) => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2);
}"""
NAME = """() => {
  const at = document.activeElement;
  const label = at.labels && at.labels.length ? at.labels[0].innerText : '';
  return [at.getAttribute('aria-label') || '', label, at.innerText || ''].join(' ').replace(/\\s+/g, ' ').trim();
}"""


def _to(page: Page, name: str) -> None:
    """Press Tab until the focus is on what has this name; it must be seen wherever it is on the way."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        assert page.evaluate(SEEN), f"the focus cannot be seen on {page.evaluate(NAME)!r}"
        if page.evaluate(NAME).startswith(name):
            return
    raise AssertionError(f"Tab does not lead to {name!r}")


def test_sign_in_and_review_by_keyboard_alone(site: Site, visitors: Visitors) -> None:
    """Sign in, find the request, look at a file, decide on it and on the whole, without a mouse."""
    number = ask(site, "By keyboard", {"a.csv": TABLE, "figure.png": picture()})
    page = visitors.window()
    page.goto(f"{site.outside}/requests/{number}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    _to(page, "Name")
    page.keyboard.type("charlie")
    _to(page, "Password")
    page.keyboard.type(site.password("charlie"))
    _to(page, "Six-digit code")
    page.keyboard.type(site.code("charlie"))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/requests/{number}")
    expect(page.locator("#status [role=status]")).to_contain_text("In review")
    page.get_by_role("link", name="Review", exact=True).wait_for()
    _to(page, "Review queue")
    _to(page, "Review")
    page.keyboard.press("Enter")
    page.wait_for_url("**/review")
    _to(page, "Look at it figure.png")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Preview of figure.png")).to_be_visible()
    _to(page, "Approve")
    page.keyboard.press("Space")
    _to(page, "Why, for this file figure.png")
    page.keyboard.type("A chart of totals.")
    _to(page, "Approve")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    _to(page, "Reason")
    page.keyboard.type("Please round the table.")
    _to(page, "Record my decision")
    page.keyboard.press("Enter")
    page.wait_for_url("**?done=decided")
    expect(page.locator("#status [role=status]")).to_contain_text("Changes asked for")
    expect(page.get_by_text("A chart of totals.")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_wider_than_a_narrow_screen(site: Site, visitors: Visitors, dark: bool) -> None:
    """At 360 pixels every page is read by scrolling down alone."""
    number = ask(site, "A title that goes on " * 12, {f"{'long-' * 45}.csv": TABLE})
    page = visitors.person("casey", width=360, dark=dark)
    where = (
        "/projects",
        "/requests",
        "/queue",
        "/incoming",
        f"/requests/{number}",
        f"/requests/{number}/review",
    )
    page.goto(f"{site.outside}/requests/{number}")
    expect(page.locator("#status [role=status]")).to_contain_text("In review")
    for each in where:
        page.goto(site.outside + each)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, each
    auditor = visitors.person("avery", width=360, dark=dark)
    for each in ("/audit", f"/projects/{PROJECT}/people"):
        auditor.goto(site.outside + each)
        assert auditor.evaluate("document.documentElement.scrollWidth") <= 360, each
