"""One sound site and project, and a folder that holds them."""

from __future__ import annotations

import datetime
from pathlib import Path

FILES = Path(__file__).parent / "files"
SITE = (FILES / "base.site.yaml").read_text()
PROJECT = (FILES / "base.project.yaml").read_text()
TODAY = datetime.date(2026, 11, 21)


def lay_out(
    folder: Path, site: str | None = SITE, project: str | None = PROJECT, name: str = "heart"
) -> Path:
    """Write a site `demo` and a project of it, and return the folder."""
    if site is not None:
        (folder / "Pulumi.demo.yaml").write_text(site)
    if project is not None:
        (folder / f"Pulumi.demo-{name}.yaml").write_text(project)
    return folder


def changed(text: str, *substitutions: tuple[str, str]) -> str:
    """Return a text with each substitution made once; one that finds nothing is a fault of the test."""
    for old, new in substitutions:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text
