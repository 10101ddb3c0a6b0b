"""Draws docs/screens anew: `python -m tests.browser.screens`. No test; look at them before committing."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from examples.demo.chromium import chromium
from portal.domain.people import Role
from tests.browser.asking import TABLE, ask, picture
from tests.browser.conftest import Visitors
from tests.browser.site import PROJECT, Site, running

FOLDER = Path(__file__).parents[2] / "docs" / "screens"
TALLEST = 1500
"""Pixels; what is below is cut off."""
README = b"# How it was made\n\nLogistic regression by age group and sex.\n"


@dataclass
class Screens:
    """Takes the screens."""

    site: Site
    visitors: Visitors

    def take(self, page: Page, name: str) -> None:
        """Keep what a page shows, with few colours, so that it is small."""
        page.wait_for_load_state("networkidle")
        image = Image.open(io.BytesIO(page.screenshot(full_page=True)))
        image = image.crop((0, 0, image.width, min(image.height, TALLEST)))
        image.convert("RGB").quantize(256).save(FOLDER / f"{name}.png", optimize=True)

    def go(self, page: Page, where: str, name: str) -> None:
        """Go somewhere outside, and keep it."""
        page.goto(self.site.outside + where)
        self.take(page, name)

    def all(self) -> None:
        """Take every screen."""
        review, released = self._requests()
        self.go(self.visitors.window(), "/sign-in", "sign-in")
        checker = self.visitors.person("casey")
        self.go(checker, "/queue", "queue")
        self.go(checker, f"/requests/{review}", "request")
        self.go(checker, f"/requests/{review}/review", "review")
        self.go(self.visitors.person("casey", dark=True), f"/requests/{review}/review", "review-dark")
        self.go(self.visitors.person("casey", width=360), f"/requests/{review}/review", "review-narrow")
        auditor = self.visitors.person("avery")
        self.go(auditor, "/audit", "audit")
        self.go(auditor, f"/requests/{released}/record", "record")
        self.go(auditor, f"/projects/{PROJECT}/people", "people")
        self._inside()

    def _requests(self) -> tuple[str, str]:
        """Make a request that waits for its review, and one that is released."""
        files = {"results/table2.csv": TABLE, "results/figure1.png": picture(), "README.md": README}
        released = ask(
            self.site, "Model coefficients", {"model/coefficients.csv": b"term,estimate\nage,0.12\n"}
        )
        review = ask(self.site, "Table 2 and figure 1 for the paper", files)
        page = self.visitors.person("casey")
        for number in (released, review):
            page.goto(f"{self.site.outside}/requests/{number}")
            expect(page.locator("#status [role=status]")).to_contain_text("In review")
        carol = self.site.person("carol", Role.OUTPUT_CHECKER)
        manifest = self.site.airlock.request(carol, released).request.manifest_sha256
        self.site.airlock.decide(
            carol, released, outcome="approve", manifest_sha256=manifest, reason="Coefficients alone."
        )
        page.goto(f"{self.site.outside}/requests/{released}")
        expect(page.locator("#status [role=status]")).to_contain_text("Released")
        return review, released

    def _inside(self) -> None:
        """Ask for an output from a workspace; what is shown of the pass is no pass any more."""
        page = self.visitors.inside("robin")
        self.take(page, "inside")
        page.get_by_role("link", name="Ask for an output").click()
        page.get_by_label("Title").fill("Table 2 and figure 1 for the paper")
        page.get_by_label("Purpose").fill("For the second table of the paper; regions are left out.")
        self.take(page, "ask")
        page.get_by_role("button", name="Go on to the files").click()
        page.locator("#pick-files").set_input_files(
            [
                {"name": "table2.csv", "mimeType": "text/csv", "buffer": TABLE},
                {"name": "figure1.png", "mimeType": "image/png", "buffer": picture()},
            ]
        )
        expect(page.get_by_role("button", name="Remove table2.csv")).to_be_visible()
        self.take(page, "upload")


def main() -> None:
    """Start an airlock and a browser, and take every screen."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as site,
        chromium() as browser,
    ):
        Screens(site, Visitors(site, browser)).all()


if __name__ == "__main__":
    main()
