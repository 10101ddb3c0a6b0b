"""The whole way of a file, in a real browser: out of a workspace, past a checker, to whoever asked, and on record."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.asking import TABLE, ask, picture
from tests.browser.conftest import Visitors
from tests.browser.site import Site

HOSTILE = "{{7*7}} <script>alert(1)</script> שלום 👩‍🔬 table.csv"


def _state(page: Page, words: str) -> None:
    expect(page.locator("#status [role=status]")).to_contain_text(words)


def _asked(page: Page, title: str, folder: Path) -> str:
    """Ask for an output with two files and a folder, and return the request's number."""
    page.get_by_role("link", name="Projects").click()
    page.get_by_role("link", name="Ask for an output").click()
    page.get_by_label("Title").fill(title)
    page.get_by_label("Purpose").fill("For the paper.")
    page.get_by_role("button", name="Go on to the files").click()
    files: list[tuple[str, bytes]] = [("table2.csv", TABLE), (HOSTILE, TABLE)]
    page.locator("#pick-files").set_input_files(
        [{"name": name, "mimeType": "text/csv", "buffer": content} for name, content in files]
    )
    expect(page.locator("#going-said")).to_have_text("All files have come.")
    page.locator("#pick-folder").set_input_files(folder)
    expect(page.get_by_text("figures/deep/figure1.png").first).to_be_visible()
    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    page.get_by_role("button", name="Submit for review").click()
    page.wait_for_url("**?done=submitted")
    _state(page, "In review")
    return page.url.split("/requests/")[1].split("?")[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a picture some way down."""
    chosen = tmp_path / "figures"
    (chosen / "deep").mkdir(parents=True)
    (chosen / "deep" / "figure1.png").write_bytes(picture())
    return chosen


def test_one_request_goes_out_and_another_is_turned_down(
    site: Site, visitors: Visitors, folder: Path, tmp_path: Path
) -> None:
    """Ask inside, reject one with its reasons, approve the other, fetch it once, and prove it."""
    workspace = visitors.inside("robin")
    wanted = _asked(workspace, "Table 2", folder)
    unwanted = _asked(workspace, "Table 3", folder)

    checker = visitors.person("casey")
    _rejected(checker, unwanted, site)
    _approved(checker, wanted, site)

    workspace.goto(f"{site.inside}/requests/{unwanted}")
    _state(workspace, "Rejected")
    expect(workspace.get_by_text("Row 4 counts four people.").first).to_be_visible()

    requester = visitors.person("robin")
    requester.goto(f"{site.outside}/requests/{wanted}/pick-up")
    with requester.expect_download() as fetched:
        requester.get_by_role("button", name="Fetch table2.csv").click()
    fetched.value.save_as(tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == TABLE
    requester.reload()
    expect(requester.get_by_text("Fetched", exact=True)).to_be_visible()
    expect(requester.get_by_role("button", name="Fetch table2.csv")).to_have_count(0)

    auditor = visitors.person("avery")
    auditor.goto(f"{site.outside}/audit?request={wanted}")
    expect(auditor.get_by_text("The chain holds")).to_be_visible()
    auditor.goto(f"{site.outside}/requests/{wanted}/record")
    expect(auditor.get_by_text("table2.csv").first).to_be_visible()


def _rejected(checker: Page, number: str, site: Site) -> None:
    checker.get_by_role("link", name="Review queue").click()
    checker.get_by_role("link", name="Table 3").click()
    checker.get_by_role("link", name="Look at it figures/deep/figure1.png").click()
    shown = checker.get_by_role("img", name="Picture in the file figures/deep/figure1.png")
    expect(shown).to_be_visible()
    assert shown.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 640
    expect(checker.locator("#preview-said")).to_have_text("Showing figures/deep/figure1.png")
    file = checker.get_by_role("article", name="table2.csv").filter(has_not_text="alert")
    file.get_by_role("radio", name="Reject").check()
    file.get_by_label("Why, for this file").fill("Row 4 counts four people.")
    checker.get_by_role("group", name="The request as a whole").get_by_role("radio", name="Reject").check()
    checker.get_by_label("Reason").fill("Row 4 counts four people.")
    checker.get_by_role("button", name="Record my decision").click()
    checker.wait_for_url(f"**/requests/{number}?done=decided")
    _state(checker, "Rejected")


def _approved(checker: Page, number: str, site: Site) -> None:
    checker.goto(f"{site.outside}/requests/{number}/review")
    checker.get_by_role("link", name="Look at it table2.csv").click()
    expect(checker.get_by_role("heading", name="Preview of table2.csv")).to_be_visible()
    expect(checker.get_by_role("cell", name="Small count: 4")).to_be_visible()
    assert checker.get_by_role("link", name="Download this file").count() == 0
    checker.get_by_role("group", name="The request as a whole").get_by_role("radio", name="Approve").check()
    checker.get_by_role("button", name="Record my decision").click()
    checker.wait_for_url(f"**/requests/{number}?done=decided")
    _state(checker, "Released")


def test_without_scripts_everything_but_uploads_works(site: Site, visitors: Visitors) -> None:
    """A checker whose browser runs nothing looks at a file and decides."""
    number = ask(site, "No scripts", {"a.csv": TABLE, "b.csv": TABLE})
    checker = visitors.person("casey", scripts=False)
    _until_in_review(checker, f"{site.outside}/requests/{number}")
    checker.get_by_role("link", name="Review", exact=True).click()
    checker.get_by_role("link", name="Look at it b.csv").click()
    expect(checker.get_by_role("heading", name="Preview of b.csv")).to_be_visible()
    checker.get_by_role("group", name="The request as a whole").get_by_role("radio", name="Ask for").check()
    checker.get_by_label("Reason", exact=True).fill("Round the counts.")
    checker.get_by_role("button", name="Record my decision").click()
    checker.wait_for_url("**?done=decided")
    _state(checker, "Changes asked for")


def _until_in_review(page: Page, where: str) -> None:
    """Load a page until the worker has done its part, as somebody without scripts would."""
    for _ in range(200):
        page.goto(where)
        if "In review" in page.locator("#status [role=status]").inner_text():
            return
    raise AssertionError("it did not come into review")


def test_a_wrong_code_says_nothing_and_lets_nobody_in(site: Site, visitors: Visitors) -> None:
    """The form stays, the problem has the focus, and what was wrong is not told."""
    visitors.expected.append("401")
    page = visitors.window()
    page.goto(f"{site.outside}/queue")
    page.get_by_label("Name").fill("casey")
    page.get_by_label("Password").fill(site.password("casey"))
    page.get_by_label("Six-digit code").fill("000000")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("casey")
    expect(page.get_by_label("Password")).to_have_value("")
