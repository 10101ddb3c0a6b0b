"""`tre verify`: promise by promise, what holds, how it is known, and since when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tre import console
from tre.cli.sites import json_option, load, site_argument
from tre.errors import ExitCode, InvalidInput, Problem

if TYPE_CHECKING:
    from tre.model.load import LoadedSite

DEPTHS = ("declared", "deployed", "probed")


@click.command()
@site_argument
@click.option("--project", help="Verify this project alone.")
@click.option(
    "--depth",
    type=click.Choice(DEPTHS),
    help="How far to go; not getting there is a failure. As far as possible where left out.",
)
@click.option("--evidence", is_flag=True, help="Show what every depth found, not only the deepest.")
@json_option
def command(
    site: str, folder: Path, project: str | None, depth: str | None, evidence: bool, as_json: bool
) -> int:
    """Show, promise by promise, what holds in SITE and how it is known.

    declared: the resources that the site registers. deployed: what is really there, read back. probed: attempts to
    break out of each workspace. Ends with 1 when a promise is broken; gaps are printed and are no failure.
    """
    from components.contract import Depth
    from tre.locks import alone
    from tre.verify import collect, memory, report, text

    loaded = load(folder, site, allow_expired=True)
    # A second verification would sweep away the people whom the first one has made up for its attempts.
    with alone(memory.lock(site), f"site {site}: another verification is at work"):
        found = collect.verify(loaded, chosen(loaded, project), Depth(depth) if depth else None, _told)
    document = report.document(found)
    file = memory.keep_report(site, document, found.when)
    if as_json:
        console.emit("verify", document)
    else:
        for line in text.lines(found, evidence=evidence):
            console.say(line)
        console.say(f"The report is kept in {file}.")
    return ExitCode.FAILED if found.broken or found.failed else ExitCode.DONE


def _told(what: str) -> None:
    console.say(f"    {what}")


def chosen(loaded: LoadedSite, project: str | None) -> list[str]:
    """Return the projects to work on: the named one, or all of the site.

    Raises:
        InvalidInput: the site has no such project, or none at all.
    """
    name = loaded.site.name
    if project is not None:
        return [known(loaded, project)]
    if not loaded.projects:
        remedy = f"Add one with: tre project add {name} NAME"
        raise InvalidInput(Problem(f"site {name}", "has no projects yet", remedy))
    return list(loaded.projects)


def known(loaded: LoadedSite, project: str) -> str:
    """Return a project's name.

    Raises:
        InvalidInput: the site has no such project.
    """
    if project not in loaded.projects:
        from tre.model.findings import alternatives, clip, did_you_mean

        names = list(loaded.projects)
        hint = did_you_mean(project, names)
        remedy = f"It has: {alternatives(names) or 'none'}."
        raise InvalidInput(Problem(f"project {clip(project)}", f"is not in this site.{hint}", remedy))
    return project
