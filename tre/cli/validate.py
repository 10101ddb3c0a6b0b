"""`tre validate`: whether the files are sound, without asking anything but the files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tre import console
from tre.cli.files import folder_option
from tre.errors import ExitCode, InvalidInput

if TYPE_CHECKING:
    from tre.model.load import LoadedSite


@click.command()
@click.argument("site", required=False)
@folder_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(site: str | None, folder: Path, as_json: bool) -> int:
    """Check the files of SITE, or of every site in the folder. Offline: no target is asked."""
    from tre.model.load import load_all, load_site

    try:
        sites = {site: load_site(folder, site)} if site else load_all(folder)
    except InvalidInput as invalid:
        if not as_json:
            raise
        problems = [each.document() for each in invalid.problems]
        console.emit("validation", {"valid": False, "sites": {}, "problems": problems, "warnings": []})
        return ExitCode.INVALID
    if as_json:
        console.emit("validation", _document(sites))
    else:
        _tell(sites)
    return ExitCode.DONE


def _document(sites: Mapping[str, LoadedSite]) -> dict[str, object]:
    return {
        "valid": True,
        "sites": {
            name: {"tier": each.site.tier, "projects": list(each.projects)} for name, each in sites.items()
        },
        "problems": [],
        "warnings": [warning.document() for each in sites.values() for warning in each.warnings],
    }


def _tell(sites: Mapping[str, LoadedSite]) -> None:
    for name, loaded in sites.items():
        for warning in loaded.warnings:
            console.warn(str(warning))
        count = len(loaded.projects)
        projects = "no project" if count == 0 else "one project" if count == 1 else f"{count} projects"
        console.say(f"Site {name} (tier {loaded.site.tier}) with {projects} is valid. Next: tre plan {name}")
